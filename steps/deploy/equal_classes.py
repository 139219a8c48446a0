"""Which classes of a prediction are equally likely: then its class is not evidence."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from steps.deploy.agreement import MIN_IOU, Box
from steps.detection import Detections, iou_matrix
from steps.runtime import Detector
from steps.runtime.golden import IMAGE


def find_equal_classes(model: Path) -> Callable[[Box], frozenset[int]]:
    """Return what tells the classes that the prediction behind a box may as well be of.

    Answers name one class a box, the likeliest, and which that is depends on rounding where two are equal. So the
    model in the folder `model` is run here: its output has the scores of all classes.
    """
    detector = Detector.load(model)
    image = cv2.imread(str(model / IMAGE), cv2.IMREAD_COLOR)
    if detector.card.output.layout != "yolo" or image is None:
        return lambda box: box.labels
    tensor, placement = detector.prepare(np.asarray(image, np.uint8))
    values = detector.backend.infer(tensor)[0]
    center, half, scores = values[:2].T, values[2:4].T / 2, values[4:].T
    corners = np.concatenate((center - half, center + half), axis=1)
    placed = placement.restore(Detections(corners, scores.max(axis=1), scores.argmax(axis=1)))

    def equals(box: Box) -> frozenset[int]:
        (label,) = box.labels
        if not 0 <= label < scores.shape[1]:
            return box.labels
        is_it = iou_matrix(placed.xyxy, np.array([box.xyxy], np.float32))[:, 0] >= MIN_IOU
        is_it &= np.abs(scores[:, label] - box.score) <= box.slack
        # Each of both may be off by the slack.
        near = np.flatnonzero((scores[is_it] >= scores[is_it][:, [label]] - 2 * box.slack).any(axis=0))
        return box.labels | frozenset(map(int, near))

    return equals
