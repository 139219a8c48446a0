"""Which of a model's formats runs fastest here, told by running them."""

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.runtime.card import ModelCard
from steps.runtime.detector import Detector, runnable

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]
"""Blue, green, red: [height, width, 3]."""

STANDARD = "onnx"
"""What is scored by `evaluate`: another format must be clearly faster to be preferred."""

ADVANTAGE = 0.9
"""Share of the standard's time that another format may take at most. Less of a gain is within what timing scatters."""

_RUNS = 5

_PATIENCE_S = 60.0

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


def choose(folder: Path, image: Image, *, threads: int = 0, format: str = "auto") -> Choice:  # noqa: A002
    """Load the model in `folder` in the fastest of its formats, or in `format`, and warm it up with `image`.

    Only formats with a library here take part; int8 only where the card says that its loss was accepted. A format that
    fails to load is passed over, unless it is the only one or was asked for.

    Raises:
        ModelError: If there is no such format, it does not load, or does not answer as the card says.
    """
    names = candidates(ModelCard.read(folder)) if format == "auto" else [format]
    times = _measure_apart(folder, image, threads) if len(names) > 1 else {}
    best = min(times, key=lambda name: times[name] / (1 if name == STANDARD else ADVANTAGE), default=names[0])
    return Choice(best, _load(folder, best, image, threads), times)


def measure(folder: Path, image: Image, *, threads: int) -> dict[str, float]:
    """Return median milliseconds of a network run by format, of those that load.

    They take turns: what else the machine does hits all alike.
    """
    loaded: dict[str, Detector] = {}
    for name in candidates(ModelCard.read(folder)):
        with suppress(ModelError):
            loaded[name] = _load(folder, name, image, threads)
    times: dict[str, list[float]] = {name: [] for name in loaded}
    for _ in range(_RUNS):
        for name, detector in loaded.items():
            tensor = detector.prepare(image)[0]
            began = time.perf_counter()
            detector.backend.infer(tensor)
            times[name].append(time.perf_counter() - began)
    return {name: round(1000 * median(seconds), 2) for name, seconds in times.items()}


def _measure_apart(folder: Path, image: Image, threads: int) -> dict[str, float]:
    """Measure in another process: the libraries and networks that lose would stay in the memory of this one.

    Returns:
        Nothing where that did not work: the standard format is served then.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "image.npy"
        np.save(path, image)
        command = [sys.executable, "-m", "steps.runtime.choice", str(folder), str(path), str(threads)]
        try:
            told = subprocess.run(command, capture_output=True, check=True, timeout=_PATIENCE_S).stdout
            times: dict[str, float] = json.loads(told)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            log.warning("formats_not_measured", extra={"error": str(error)[:500]})
            return {}
    return times


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


def _load(folder: Path, name: str, image: Image, threads: int) -> Detector:
    detector = Detector.load(folder, threads=threads, format=name)
    tensor, placement = detector.prepare(image)
    answer = detector.backend.infer(tensor)
    if not np.isfinite(answer).all():
        raise ModelError(f"format {name!r} answers with values that are not finite", hint="export the model again")
    detector.read(answer, placement)
    return detector


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), np.load(sys.argv[2]), threads=int(sys.argv[3]))))
