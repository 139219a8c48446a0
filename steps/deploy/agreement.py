"""Does the server find on the golden image what the exported model found when it was checked?

On another processor the last digits of scores differ, on a GPU or in int8 more than these; and what is answered depends
on such digits where scores are equal or next to a threshold: non-maximum suppression keeps another of two boxes, and by
that boxes beside it come or go. So the server is asked twice: as clients ask it, and for all candidates, with nothing
suppressed. A box is where it should be if it is among the candidates. That the answer has it too is only asked
for as far as neither a threshold, nor the limit, nor an equal box explains why it does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from pydantic import BaseModel

from steps.detection import iou_matrix
from steps.runtime import ModelCard

MIN_IOU: Final = 0.9
SCORE_TOLERANCE: Final = 0.05
"""Another processor, another version of ONNX Runtime, int8: scores differ a little, boxes hardly."""

SHARE_OF_SCORE: Final = 0.5
"""Tolerance of scores below 0.1, as a share of the score: a weak network's too must not be 0."""

MOST_CANDIDATES: Final = 1000
"""Asked for at once: what the server allows."""


class ExpectedBox(BaseModel):
    """One box of `golden/expected.json`: xyxy in pixels of the golden image."""

    xyxy: tuple[float, float, float, float]
    label: int
    score: float


class Expected(BaseModel):
    """Content of `golden/expected.json`, as far as it is compared."""

    boxes: tuple[ExpectedBox, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A box that one of both sides finds.

    Attributes:
        labels: Its class, and all that are as likely.
        score: Of the class.
        xyxy: In pixels of the golden image.
    """

    labels: frozenset[int]
    score: float
    xyxy: tuple[float, ...]

    @classmethod
    def of(cls, result: dict[str, Any]) -> Self:
        """Read a result of the server: `class`, `name`, `confidence`, `box`."""
        sides = tuple(float(result["box"][side]) for side in ("x1", "y1", "x2", "y2"))
        return cls(frozenset({result["class"]}), result["confidence"], sides)

    @property
    def slack(self) -> float:
        """How far its score may be off."""
        return min(SCORE_TOLERANCE, SHARE_OF_SCORE * self.score)

    def overlap(self, other: "Box") -> float:
        """Return their intersection over union if they can be of one class, else 0."""
        if not self.labels & other.labels:
            return 0.0
        pair = (np.array([box.xyxy], np.float32) for box in (self, other))
        return float(iou_matrix(*pair)[0, 0])

    def fits(self, other: "Box") -> bool:
        """Return whether both are the same prediction."""
        return abs(self.score - other.score) <= max(self.slack, other.slack) and self.overlap(other) >= MIN_IOU

    def __str__(self) -> str:
        label = " or ".join(map(str, sorted(self.labels)))
        return f"class {label} with score {self.score:.3f} at {[round(side, 1) for side in self.xyxy]}"


def disagreement(
    expected: Expected,
    found: Sequence[dict[str, Any]],
    candidates: Sequence[dict[str, Any]],
    card: ModelCard,
    equals: Callable[[Box], frozenset[int]] = lambda box: box.labels,
) -> str:
    """Return in words the first box that the server has and should not, or should have and has not; empty if none.

    Args:
        expected: What the exported model found with its defaults.
        found: Results of the server, asked for nothing else.
        candidates: Its results where no box was suppressed, strongest first, `MOST_CANDIDATES` at most.
        card: Of the model.
        equals: Returns the classes of a box that are as likely as the one it is said to be of, this one included.
    """
    named = [Box(frozenset({box.label}), box.score, box.xyxy) for box in expected.boxes]
    theirs, ours = ([replace(box, labels=equals(box)) for box in boxes] for boxes in (named, list(map(Box.of, found))))
    all_ours = list(map(Box.of, candidates))
    cut = all_ours[-1].score if len(all_ours) >= MOST_CANDIDATES else 0.0
    for box in _clear(theirs, card):
        if box.score - box.slack > cut and not any(map(box.fits, all_ours)):
            return f"{box} is expected but was not found"
    for side, others, verdict in (
        (theirs, ours, "is expected, and was found but not answered"),
        (ours, theirs, "was found but is not expected"),
    ):
        for box in _clear(side, card):
            if not any(map(box.fits, others)) and not _is_explained(box, side, others, card):
                return f"{box} {verdict}"
    return ""


def _clear(boxes: Sequence[Box], card: ModelCard) -> list[Box]:
    """Return the boxes that are so far above the thresholds of their classes that no rounding takes them below."""
    thresholds = dict(enumerate(card.served_defaults.thresholds(card.classes)))
    return [box for box in boxes if box.score - box.slack >= max(thresholds.get(label, 0.0) for label in box.labels)]


def _is_explained(box: Box, side: Sequence[Box], others: Sequence[Box], card: ModelCard) -> bool:
    """Return whether a limit or the choice among equal boxes explains that `box` of `side` is not in `others`.

    A box of `others` that overlaps it and is no weaker can have suppressed it, if it is itself not in `side`: there
    the choice was another. If it is in both, suppression depends on whether they are of one class, which is open where
    classes are equally likely, and on their overlap, which must then be next to the threshold: 1 - IoU is a metric, so
    boxes that are themselves off by 1 - `MIN_IOU` move it by that much at most.
    """
    defaults = card.served_defaults
    if len(others) >= defaults.max_detections and box.score - box.slack <= min(other.score for other in others):
        return True
    if card.output.layout != "yolo":
        return False
    for other in others:
        overlap = box.overlap(other)
        if overlap and other.score >= box.score - box.slack:
            is_of_open_class = len(box.labels | other.labels) > 1
            is_next_to_threshold = abs(overlap - defaults.iou) <= 1 - MIN_IOU
            if is_of_open_class or is_next_to_threshold or not any(map(other.fits, side)):
                return True
    return False
