"""Which pictures are worth keeping."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections
from steps.errors import ParameterError
from steps.runtime import ModelCard

Reason = Literal["near", "random", "class", "count"]

_LOWEST = 0.01
"""Floor of what is read for capture: below it lies mostly noise."""

_COUNT = re.compile(r"(\d{1,5})(?:(-)(\d{1,5})?)?")


@dataclass(frozen=True, slots=True)
class Sampler:
    """One rule.

    Attributes:
        reason: Its name, kept with what it chose.
        wants: Given the boxes and the model's card, it returns whether to keep the picture.
        floor: Score from which on it wants to see boxes of a model, also weaker ones than were asked for.
    """

    reason: Reason
    wants: Callable[[Detections, ModelCard], bool]
    floor: Callable[[ModelCard], float] = lambda _card: 1.0


def near(margin: float, threshold: float = 0) -> Sampler:
    """Want pictures with a box whose score is within `margin` of `threshold`: the model is not sure there.

    Without a threshold it is the one that the model is served with, of each class.
    """

    def thresholds(card: ModelCard) -> NDArray[np.float32]:
        return np.array([threshold or own for own in card.served_defaults.thresholds(card.classes)], np.float32)

    def wants(seen: Detections, card: ModelCard) -> bool:
        return bool((np.abs(seen.scores - thresholds(card)[seen.labels]) <= margin).any())

    def floor(card: ModelCard) -> float:
        return max(float(thresholds(card).min()) - margin, _LOWEST)

    return Sampler("near", wants, floor)


def at_random(share: float, draw: Callable[[], float] = random.random) -> Sampler:
    """Want a share of all pictures, whatever is on them: only these tell how often the model is wrong."""
    return Sampler("random", lambda _seen, _card: draw() < share)


def of_classes(names: tuple[str, ...]) -> Sampler:
    """Want pictures with a box of one of the classes called `names`."""

    def wants(seen: Detections, card: ModelCard) -> bool:
        return any(card.classes[label] in names for label in set(seen.labels.tolist()))

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
    return Sampler("count", lambda seen, _card: low <= len(seen) <= high)
