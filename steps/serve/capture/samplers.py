"""Which pictures are worth keeping."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from steps.detection import Detections
from steps.errors import ParameterError

Reason = Literal["near", "random", "class", "count"]

_COUNT = re.compile(r"(\d{1,5})(?:(-)(\d{1,5})?)?")


@dataclass(frozen=True, slots=True)
class Sampler:
    """One rule.

    Attributes:
        reason: Its name, kept with what it chose.
        wants: Told the boxes and the names of the classes, it says whether to keep the picture.
    """

    reason: Reason
    wants: Callable[[Detections, tuple[str, ...]], bool]


def near(threshold: float, margin: float) -> Sampler:
    """Want pictures with a box whose score is within `margin` of `threshold`: the model is not sure there."""

    def wants(seen: Detections, _classes: tuple[str, ...]) -> bool:
        return bool((np.abs(seen.scores - threshold) <= margin).any())

    return Sampler("near", wants)


def at_random(share: float, draw: Callable[[], float] = random.random) -> Sampler:
    """Want a share of all pictures, whatever is on them: only these tell how often the model is wrong."""
    return Sampler("random", lambda _seen, _classes: draw() < share)


def of_classes(names: tuple[str, ...]) -> Sampler:
    """Want pictures with a box of one of the classes called `names`."""

    def wants(seen: Detections, classes: tuple[str, ...]) -> bool:
        return any(classes[label] in names for label in set(seen.labels.tolist()))

    return Sampler("class", wants)


def of_count(text: str) -> Sampler:
    """Want pictures with a number of boxes: `0`, `3-5`, or `20-` for 20 and more.

    Raises:
        ParameterError: If `text` is no such number.
    """
    found = _COUNT.fullmatch(text.strip())
    low = int(found[1]) if found else 0
    high = float(found[3] or "inf") if found and found[2] else float(low)
    if not found or high < low:
        raise ParameterError(f"--capture-count={text!r}: no number of boxes", hint="write 0, or 3-5, or 20-")
    return Sampler("count", lambda seen, _classes: low <= len(seen) <= high)
