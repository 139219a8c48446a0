"""Non-maximum suppression: of boxes on the same object, the strongest stays."""

from typing import Any

import cv2
import numpy as np

from steps.detection.boxes import Floats, Ints


def non_max_suppression(xyxy: Floats, scores: Floats, labels: Ints, iou: float, *, limit: int | None = None) -> Ints:
    """Return the indices of boxes to keep, strongest first.

    A box is dropped when a stronger kept box of the same class overlaps it by more than `iou`; boxes of different
    classes never drop each other. Of equal scores, the first is the stronger.

    Args:
        xyxy: [n, 4], pixels.
        scores: [n].
        labels: [n].
        iou: Overlap in 0..1 above which the weaker box is dropped.
        limit: Most boxes to keep, the strongest; None keeps all.
    """
    order = np.argsort(-scores, kind="stable")
    # Whether a box stays depends on stronger ones only: when the strongest few already fill the limit, the rest need
    # not be looked at. OpenCV's time grows with boxes times kept boxes: seconds for all candidates of a weak model.
    count = len(order) if limit is None else min(3 * limit, len(order))
    while True:
        kept = _suppress(xyxy, scores, labels, iou, order[:count])
        if count >= len(order) or (limit is not None and len(kept) >= limit):
            return kept[:limit]
        count *= 3


def _suppress(xyxy: Floats, scores: Floats, labels: Ints, iou: float, among: Ints) -> Ints:
    if not len(among):
        return among
    boxes = xyxy[among].astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    # OpenCV moves each class aside by the largest coordinate, which parts them only where none is negative.
    corners = boxes[:, :2] - boxes[:, :2].min()
    suppress: Any = cv2.dnn.NMSBoxesBatched  # Typed for lists only; arrays are faster.
    kept = suppress(np.concatenate((corners, sides), axis=1), scores[among], labels[among], -1.0, iou)
    return among[np.asarray(kept, np.int64)]
