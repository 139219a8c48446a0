"""Which classes get a confidence threshold of their own: those for which it is shown to pay.

A threshold chosen for one class follows the chance of its few boxes, and always looks better on the images it was
chosen on. So it is tried on others, by cross-validation: the images are cut into `FOLDS` parts with about as many boxes
of the class each, and in each part the boxes are counted at the threshold that is best on the other parts. The common
threshold has no such handicap, since it was chosen on all of them. A class gets its own where

- it has `LEAST_BOXES` labelled boxes or more, and
- its F1, counted so, is higher than at the common threshold by `CERTAINTY` standard errors (jackknife over the parts)
  and by `LEAST_GAIN` at least.

The parts are runs of neighbouring images, because neighbours are often frames of one scene.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections
from steps.evaluate.coco import Matches
from steps.evaluate.threshold import GRID, best_threshold, count_above

FOLDS = 10
LEAST_BOXES = 50
CERTAINTY = 2.0
LEAST_GAIN = 0.01
"""F1. Less is not worth a threshold that people have to know of."""

Counts = NDArray[np.float64]


def own_thresholds(matches: Sequence[Matches], truths: Sequence[Detections], common: float) -> dict[int, float]:
    """Return thresholds of classes, by label, for which another than `common` pays.

    Args:
        matches: One a class.
        truths: The labelled boxes of each image.
        common: The threshold of the model, one of `GRID`.
    """
    chosen = {}
    for label, found in enumerate(matches):
        if found.boxes >= LEAST_BOXES:
            labelled = np.array([np.count_nonzero(truth.labels == label) for truth in truths])
            own = _own_threshold(found, labelled, common)
            if own is not None:
                chosen[label] = own
    return chosen


def _own_threshold(matches: Matches, labelled: NDArray[np.int64], common: float) -> float | None:
    """Return the threshold of one class if it pays, given its labelled boxes in each image."""
    before = np.cumsum(labelled) - labelled
    fold_of = np.minimum(before * FOLDS // matches.boxes, FOLDS - 1)
    # True, found and labelled boxes: [fold, confidence], and [fold] for those that are labelled.
    counts = [_count(matches, fold_of[matches.images] == fold) for fold in range(FOLDS)]
    found, true = (np.array(each, np.float64) for each in zip(*counts, strict=True))
    boxes = np.array([labelled[fold_of == fold].sum() for fold in range(FOLDS)], np.float64)
    best_elsewhere = [
        best_threshold(_f1(*(each.sum(axis=0) - each[fold] for each in (true, found, boxes)))) for fold in range(FOLDS)
    ]
    gain, error = _gain(true, found, boxes, best_elsewhere, common)
    if gain < max(LEAST_GAIN, CERTAINTY * error):
        return None
    return best_threshold(_f1(true.sum(axis=0), found.sum(axis=0), boxes.sum(keepdims=True)))


def _count(matches: Matches, which: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return count_above(Matches(matches.scores[which], matches.true[which], 0, matches.images[which]), GRID)


def _gain(true: Counts, found: Counts, boxes: Counts, own: Sequence[float], common: float) -> tuple[float, float]:
    """Return how much higher F1 is where each fold has its `own` threshold, and the standard error of that."""
    folds = np.arange(FOLDS)
    at_own, at_common = (np.rint(np.multiply(at, len(GRID) - 1)).astype(np.int64) for at in (own, [common] * FOLDS))

    def gain(kept: NDArray[np.bool_]) -> float:
        f1_own, f1_common = (
            _f1(*(each.sum(keepdims=True) for each in (true[folds, at][kept], found[folds, at][kept], boxes[kept])))
            for at in (at_own, at_common)
        )
        return (f1_own - f1_common).item()

    without = np.array([gain(folds != fold) for fold in folds])
    return gain(folds >= 0), float(np.sqrt((FOLDS - 1) / FOLDS * ((without - without.mean()) ** 2).sum()))


def _f1(true: Counts, found: Counts, boxes: Counts) -> Counts:
    return 2 * true / np.maximum(found + boxes, 1)
