"""Does the server find on the golden image what the exported model found when it was checked?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from steps.detection import iou_matrix
from steps.runtime import ModelCard

MIN_IOU = 0.9
SCORE_TOLERANCE = 0.05
"""Another processor, another version of ONNX Runtime: the last digits differ, the boxes do not. A box whose score is
this near to the threshold that is served may be missing on either side."""


class ExpectedBox(BaseModel):
    """One box of `golden/expected.json`: xyxy in pixels of the golden image."""

    xyxy: tuple[float, float, float, float]
    label: int
    score: float


class Expected(BaseModel):
    """Content of `golden/expected.json`, as far as it is compared."""

    boxes: tuple[ExpectedBox, ...]


def disagreement(expected: Expected, found: Sequence[dict[str, Any]], card: ModelCard) -> str:
    """Return in words the first box without a partner, of `expected` in `found` or the other way round; empty if none.

    Args:
        expected: What the exported model found with its defaults.
        found: Results of the server, asked for nothing else: `class`, `name`, `confidence`, `box`.
        card: Of the model.
    """
    theirs = [(box.label, box.score, list(box.xyxy)) for box in expected.boxes]
    ours = [(box["class"], box["confidence"], [box["box"][side] for side in ("x1", "y1", "x2", "y2")]) for box in found]
    thresholds = dict(enumerate(card.served_defaults.thresholds(card.classes)))
    pairs = ((theirs, ours, "is expected but was not found"), (ours, theirs, "was found but is not expected"))
    for boxes, others, verdict in pairs:
        for label, score, xyxy in boxes:
            if score >= thresholds.get(label, 0) + SCORE_TOLERANCE and not _has_partner(label, score, xyxy, others):
                return f"class {label} with score {score:.3f} at {[round(side, 1) for side in xyxy]} {verdict}"
    return ""


def _has_partner(label: int, score: float, xyxy: list[float], others: list[tuple[int, float, list[float]]]) -> bool:
    near = [
        other
        for other_label, other_score, other in others
        if other_label == label and abs(other_score - score) <= SCORE_TOLERANCE
    ]
    if not near:
        return False
    return bool(iou_matrix(np.array([xyxy], np.float32), np.array(near, np.float32)).max() >= MIN_IOU)
