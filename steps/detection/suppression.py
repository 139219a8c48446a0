"""Non-maximum suppression: of boxes on the same object, the strongest stays."""

import numpy as np

from steps.detection.boxes import Floats, Ints, area


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
    x1, y1, x2, y2 = np.ascontiguousarray(xyxy[order].T)
    areas, classes = area(xyxy)[order], labels[order]
    alive = np.arange(len(order))
    kept: list[int] = []
    while len(alive) and (limit is None or len(kept) < limit):
        best, alive = alive[0], alive[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[alive]) - np.maximum(x1[best], x1[alive])
        height = np.minimum(y2[best], y2[alive]) - np.maximum(y1[best], y1[alive])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        # shared / union > iou, without a division by the union of two boxes that have no area.
        overlaps = shared > iou * (areas[best] + areas[alive] - shared)
        alive = alive[~(overlaps & (classes[alive] == classes[best]))]
    return order[np.array(kept, np.int64)]
