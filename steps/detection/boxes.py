"""Boxes with a class and a score, and how much boxes overlap."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes of one image.

    Attributes:
        xyxy: Left, top, right, bottom in pixels of the image, float32 [n, 4].
        scores: Confidence in 0..1, float32 [n]; 1 for labelled truth.
        labels: Class indices, int64 [n].
    """

    xyxy: Floats
    scores: Floats
    labels: Ints

    def __post_init__(self) -> None:
        count = len(self.labels)
        if self.xyxy.shape != (count, 4) or self.scores.shape != (count,) or self.labels.shape != (count,):
            raise ValueError(
                "expected xyxy [n, 4], scores [n] and labels [n]; "
                f"found {self.xyxy.shape}, {self.scores.shape} and {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def empty(cls) -> Self:
        """Return no detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def pick(self, which: Ints | NDArray[np.bool_]) -> "Detections":
        """Return the detections that `which` selects: indices, in their order, or a mask."""
        return Detections(self.xyxy[which], self.scores[which], self.labels[which])

    def extend(self, others: "Detections") -> "Detections":
        """Return these detections, and `others` after them."""
        return Detections(
            np.concatenate((self.xyxy, others.xyxy)),
            np.concatenate((self.scores, others.scores)),
            np.concatenate((self.labels, others.labels)),
        )

    def above(self, confidence: float | Floats) -> "Detections":
        """Return the detections that score above `confidence`: one value, or [classes] with one for each class."""
        return self.pick(is_above(self.scores, self.labels, confidence))


def is_above(scores: Floats, labels: Ints, confidence: float | Floats) -> NDArray[np.bool_]:
    """Return which boxes score above `confidence`: one value, or [classes] with one for each class.

    The one comparison for all who draw this line, in float32, as the scores are: next to a threshold, float64 would
    decide otherwise.
    """
    thresholds = np.asarray(confidence, np.float32)
    counts: NDArray[np.bool_] = scores > (thresholds.take(labels, mode="clip") if thresholds.ndim else thresholds)
    return counts


def area(xyxy: Floats) -> Floats:
    """Return the areas of boxes [n, 4] in square pixels; a box turned inside out has none."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    product: Floats = sides[:, 0] * sides[:, 1]
    return product


def iou_matrix(a: Floats, b: Floats) -> Floats:
    """Return intersection over union of every box of `a` with every box of `b`.

    Both are xyxy in pixels, [n, 4] and [m, 4]; the result is [n, m] in 0..1. Two boxes without area overlap by 0.
    """
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = area(a)[:, None] + area(b)[None, :] - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap
