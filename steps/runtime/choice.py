"""Which of a model's formats runs fastest here, told by running them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.runtime.card import ModelCard
from steps.runtime.detector import Detector, runnable

STANDARD = "onnx"
"""What is scored by `evaluate`: another format must be clearly faster to be preferred."""

ADVANTAGE = 0.9
"""Share of the standard's time that another format may take at most. Less of a gain is within what timing scatters."""

_RUNS = 5

_PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The format that was taken, loaded.

    Attributes:
        format: Its name in the card.
        detector: It, loaded and warm.
        measured_ms: Median milliseconds of one network run, by format; empty where there was nothing to choose.
    """

    format: str
    detector: Detector
    measured_ms: Mapping[str, float] = field(default_factory=dict)


def choose(folder: Path, image: NDArray[np.uint8], *, threads: int = 0, format: str = "auto") -> Choice:  # noqa: A002
    """Load the model in `folder` in the fastest of its formats, or in `format`, and warm it up with `image`.

    Only formats with a library here take part; int8 only where the card says that its loss was accepted. A format that
    fails to load is passed over, unless it is the only one or was asked for.

    Raises:
        ModelError: If there is no such format, none loads, or what loads does not answer as the card says.
    """
    card = ModelCard.read(folder)
    names = candidates(card) if format == "auto" else [format]
    if len(names) == 1:
        return Choice(names[0], _load(folder, names[0], image, threads))
    loaded: dict[str, Detector] = {}
    for name in names:
        try:
            loaded[name] = _load(folder, name, image, threads)
        except ModelError:
            if name == STANDARD or (name == names[-1] and not loaded):
                raise
    times = _measure(loaded, image) if len(loaded) > 1 else {}
    best = min(loaded, key=lambda name: times.get(name, 0) / (1 if name == STANDARD else ADVANTAGE))
    return Choice(best, loaded[best], {name: round(1000 * seconds, 2) for name, seconds in times.items()})


def candidates(card: ModelCard) -> list[str]:
    """Return the formats that may be served unasked, the standard first.

    Raises:
        ModelError: If there is none.
    """
    names = [
        name
        for name in runnable(card)
        if find_spec(_PACKAGES[name.partition("-")[0]])
        and (card.formats[name].precision == "float32" or card.formats[name].accepted)
    ]
    if not names:
        raise ModelError(f"no format of {sorted(card.formats)} can run here", hint="export it as onnx")
    return sorted(names, key=lambda name: (name != STANDARD, name))


def _load(folder: Path, name: str, image: NDArray[np.uint8], threads: int) -> Detector:
    detector = Detector.load(folder, threads=threads, format=name)
    tensor, placement = detector.prepare(image)
    answer = detector.backend.infer(tensor)
    if not np.isfinite(answer).all():
        raise ModelError(f"format {name!r} answers with values that are not finite", hint="export the model again")
    detector.read(answer, placement, confidence=0.25, iou=0.7, max_detections=300)
    return detector


def _measure(loaded: Mapping[str, Detector], image: NDArray[np.uint8]) -> dict[str, float]:
    """Return median seconds of a network run by format, taken in turns: what else the machine does hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in loaded}
    tensor = next(iter(loaded.values())).prepare(image)[0]
    for _ in range(_RUNS):
        for name, detector in loaded.items():
            began = time.perf_counter()
            detector.backend.infer(tensor)
            times[name].append(time.perf_counter() - began)
    return {name: median(seconds) for name, seconds in times.items()}
