"""From the flags to what they stand for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from steps.errors import ParameterError
from steps.registry import Registry
from steps.runtime.cores import available_cores
from steps.serve.capture import samplers
from steps.serve.capture.allowance import Allowance
from steps.serve.capture.recorder import Capture, NoCapture, Recorder
from steps.serve.contract import ServeInputs
from steps.serve.limits import Format, Limits
from steps.serve.models.origin import FolderOrigin, Origin, RegistryOrigin
from steps.store import open_store

API_KEYS = "ARGOSIGHT_API_KEYS"
"""Variable with the API keys, parted by commas."""

_SHARE = 4
"""Cores that one picture's network run fills well; small networks gain little from more."""


def limits_of(inputs: ServeInputs) -> Limits:
    """Return the bounds of requests."""
    return Limits(
        body_bytes=inputs.max_bytes,
        held_bytes=max(inputs.max_held_bytes, inputs.max_bytes),
        body_timeout_s=inputs.body_seconds,
        pixels=inputs.max_pixels,
        batch=inputs.max_batch,
        formats=cast("tuple[Format, ...]", _parts(inputs.formats)),
        deadline_s=inputs.deadline_seconds,
        drawings=inputs.max_drawings,
        explain_masks=inputs.explain_masks,
        video_bytes=inputs.max_video_bytes,
        video_seconds=inputs.max_video_seconds,
        video_timeout_s=inputs.video_timeout_seconds,
        video_jobs=inputs.video_jobs,
        video_kept=inputs.video_kept,
        api_keys=tuple(SecretStr(key) for key in _parts(os.environ.get(API_KEYS, ""))),
        cors_origins=_parts(inputs.cors_origins),
    )


def origins_of(inputs: ServeInputs) -> list[Origin]:
    """Return where each model comes from, in the order of their names.

    Raises:
        ParameterError: If a name comes twice, `version` or `model_folder` is meant for several models, or neither
            registry nor folder is named.
    """
    asked = [text.partition("@")[::2] for text in _parts(inputs.model_name)]
    names = [name for name, _ in asked]
    if len(set(names)) < len(names):
        raise ParameterError(f"--model-name={inputs.model_name}: a name comes twice", hint="name each model once")
    if len(names) > 1 and (inputs.version or inputs.model_folder):
        raise ParameterError(
            f"--model-name={inputs.model_name} names several models, --version and --model-folder are for one",
            hint="pin each by its name: --model-name=planes@3,ships",
        )
    if inputs.model_folder:
        return [FolderOrigin(Path(inputs.model_folder), names[0])]
    if not inputs.registry:
        raise ParameterError(
            "neither --registry nor --model-folder is given",
            hint="name the registry that holds the models: s3://bucket/prefix, or a folder",
        )
    registry = Registry.open(inputs.registry)
    return [RegistryOrigin(registry, name, int(pinned or inputs.version)) for name, pinned in asked]


def workers_of(inputs: ServeInputs) -> int:
    """Return how many pictures are in work at a time: as many as fill the cores, and one that is being decoded."""
    cores = available_cores()
    return inputs.workers or (1 if cores == 1 else -(-cores // _SHARE) + 1)


def capture_of(inputs: ServeInputs, told: Callable[[str, str, str], None]) -> Capture:
    """Return what captures; `told` hears of each choice.

    Raises:
        ParameterError: If nothing is to be captured, or a number of boxes is not understood.
    """
    chosen = []
    if inputs.capture_near:
        chosen.append(samplers.near(inputs.capture_near, inputs.capture_threshold))
    if inputs.capture_random:
        chosen.append(samplers.at_random(inputs.capture_random))
    if inputs.capture_classes:
        chosen.append(samplers.of_classes(_parts(inputs.capture_classes)))
    if inputs.capture_count:
        chosen.append(samplers.of_count(inputs.capture_count))
    if not inputs.capture:
        return NoCapture()
    if not chosen:
        raise ParameterError(
            f"--capture={inputs.capture}: nothing says what to capture",
            hint="add --capture-near=0.1, --capture-random=0.01, --capture-classes=NAME or --capture-count=0",
        )
    return Recorder(
        open_store(inputs.capture),
        chosen,
        Allowance(inputs.capture_per_minute, inputs.capture_per_day, inputs.capture_bytes_per_day),
        pictures=inputs.capture_pictures == "keep",
        told=told,
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
