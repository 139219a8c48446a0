"""What was taken for what."""

from collections.abc import Sequence

import numpy as np

from steps.detection import Detections, match
from steps.evaluate.metrics import Confusion

BACKGROUND = "background"
IOU = 0.5


def confuse(truths: Sequence[Detections], predictions: Sequence[Detections], classes: Sequence[str]) -> Confusion:
    """Count boxes by true and by found class. `predictions` hold only what is above the threshold."""
    background = len(classes)
    matrix = np.zeros((background + 1, background + 1), np.int64)
    for truth, found in zip(truths, predictions, strict=True):
        rows, columns = match(truth.xyxy, found.xyxy, IOU)
        missed, false = np.delete(truth.labels, rows), np.delete(found.labels, columns)
        true_labels = np.concatenate((truth.labels[rows], missed, np.full(len(false), background)))
        found_labels = np.concatenate((found.labels[columns], np.full(len(missed), background), false))
        np.add.at(matrix, (true_labels, found_labels), 1)
    return Confusion(labels=(*classes, BACKGROUND), matrix=tuple(tuple(row) for row in matrix.tolist()))
