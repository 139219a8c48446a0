"""Read a network's output tensor: drop what is weak before anything else, then overlapping boxes."""

import numpy as np

from steps.detection import Detections, is_above, non_max_suppression
from steps.detection.boxes import Floats

Labels = tuple[int, ...]

MOST_CANDIDATES = 30_000
"""Boxes that enter suppression, the strongest; ultralytics' limit too."""


def read_yolo(
    output: Floats, *, confidence: float | Floats, iou: float, max_detections: int, only: Labels | None = None
) -> Detections:
    """Read [1, 4 + classes, N]: centre x, centre y, width, height, and a score a class. Boxes in input pixels.

    A box is of the class with the highest score; `only` picks by it, None all. `confidence` is one value, or [classes].
    """
    values = output[0]
    strongest = values[4:].max(axis=0)
    # First by the lowest threshold: telling the class of all candidates would take longer than all the rest.
    at = np.flatnonzero(strongest > np.float32(np.min(confidence)))
    labels = values[4:, at].argmax(axis=0).astype(np.int64)
    counts = is_above(strongest[at], labels, confidence)
    if only is not None:
        counts &= np.isin(labels, only)
    at, labels = at[counts], labels[counts]
    if len(at) > MOST_CANDIDATES:
        order = np.argsort(-strongest[at], kind="stable")[:MOST_CANDIDATES]
        at, labels = at[order], labels[order]
    chosen, scores = values[:4, at], strongest[at]
    center, half = chosen[:2].T, chosen[2:].T / 2
    xyxy = np.concatenate((center - half, center + half), axis=1)
    kept = non_max_suppression(xyxy, scores, labels, iou, limit=max_detections)
    return Detections(xyxy[kept], scores[kept], labels[kept])


def read_end2end(
    output: Floats, *, confidence: float | Floats, max_detections: int, only: Labels | None = None
) -> Detections:
    """Read [1, N, 6]: x1, y1, x2, y2 in input pixels, score, class. Suppression was done inside the network."""
    rows = output[0]
    rows = rows[is_above(rows[:, 4], rows[:, 5].astype(np.int64), confidence)]
    if only is not None:
        rows = rows[np.isin(rows[:, 5], only)]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")[:max_detections]]
    return Detections(np.ascontiguousarray(rows[:, :4]), rows[:, 4].copy(), rows[:, 5].astype(np.int64))
