"""COCO's evaluator, pycocotools, on arrays: who was found, and the precision at each recall.

Detections are matched to truth image by image, class by class, strongest first, as COCO does. Nothing beyond
`MOST_DETECTIONS` of an image counts: COCO's usual limit of 100 a class would cut images with more objects than that,
and ultralytics' own validation keeps 300 an image.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from steps.detection import Detections, area
from steps.runtime import Defaults

MOST_DETECTIONS = Defaults().max_detections
"""Boxes of an image that are scored, the strongest: as many as are answered."""

IOUS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
RECALLS = 101
AREAS: dict[str, tuple[float, float]] = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
"""Size buckets by the area of the box, square pixels; `all` comes first."""

_CHUNK = 256
"""Images handed to pycocotools at once: it keeps each box as a dictionary, 25 times the size of the arrays."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections of one class over all images, strongest first, and which are true at IoU 0.5.

    Attributes:
        scores: float64 [n].
        true: bool [n].
        boxes: Labelled boxes of the class.
        images: int64 [n], index of the image that each is on.
    """

    scores: NDArray[np.float64]
    true: NDArray[np.bool_]
    boxes: int
    images: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CocoResult:
    """What the evaluator found.

    Attributes:
        precision: At each [IoU, recall 0..1 in 101 points, class, size bucket]; NaN where there is no labelled box.
        matches: One a class.
    """

    precision: NDArray[np.float64]
    matches: tuple[Matches, ...]


def evaluate_boxes(
    truths: Sequence[Detections],
    predictions: Sequence[Detections],
    classes: int,
    *,
    ious: Sequence[float] = IOUS,
    areas: Sequence[str] = tuple(AREAS),
) -> CocoResult:
    """Evaluate `predictions`, one an image, against `truths`, in the same order. `classes` is how many there are.

    `ious` starts with 0.5 and `areas` with `all`; fewer of them take less time.
    """
    blocks: list[list[dict[str, Any] | None]] = [[] for _ in range(classes * len(areas))]
    evaluator = _Evaluator(classes, ious, areas)
    for start in range(0, len(truths), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        found = evaluator.run(truths[chunk], predictions[chunk])
        images = len(truths[chunk])
        for index, block in enumerate(blocks):
            block.extend(found[index * images : (index + 1) * images])
    precision = evaluator.accumulate(blocks, len(truths))
    matches = tuple(_matches(blocks[label * len(areas)]) for label in range(classes))
    return CocoResult(np.where(precision < 0, np.nan, precision), matches)


class _Evaluator:
    """A `COCOeval` that works in chunks of images."""

    def __init__(self, classes: int, ious: Sequence[float], areas: Sequence[str]) -> None:
        self._classes, self._ious, self._areas = classes, ious, areas

    def run(self, truths: Sequence[Detections], predictions: Sequence[Detections]) -> list[dict[str, Any] | None]:
        """Match one chunk. The result is ordered by class, size bucket, image."""
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator = COCOeval(_coco(truths, self._classes), _coco(predictions, self._classes), "bbox")
            self._configure(evaluator, len(truths))
            evaluator.evaluate()
        return [_compact(found) for found in evaluator.evalImgs]

    def accumulate(self, blocks: list[list[dict[str, Any] | None]], images: int) -> NDArray[np.float64]:
        """Return the precision at [IoU, recall, class, size bucket]; -1 where there is no truth."""
        evaluator = COCOeval(iouType="bbox")
        self._configure(evaluator, images)
        evaluator._paramsEval = evaluator.params  # evaluate() sets it, and was called on the chunks
        evaluator.evalImgs = [found for block in blocks for found in block]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator.accumulate()
        precision: NDArray[np.float64] = evaluator.eval["precision"][..., 0]
        return precision

    def _configure(self, evaluator: COCOeval, images: int) -> None:
        parameters = evaluator.params
        parameters.imgIds = list(range(1, images + 1))
        parameters.catIds = list(range(self._classes))
        parameters.iouThrs = np.array(self._ious)
        parameters.recThrs = np.linspace(0, 1, RECALLS)
        parameters.maxDets = [MOST_DETECTIONS]
        parameters.areaRng = [AREAS[name] for name in self._areas]
        parameters.areaRngLbl = list(self._areas)


def _coco(images: Sequence[Detections], classes: int) -> COCO:
    # pycocotools writes the id of the matched box where 0 means unmatched: ids start at 1.
    annotations: list[dict[str, Any]] = []
    for image_id, boxes in enumerate(images, 1):
        xywh = boxes.xyxy.astype(np.float64)
        xywh[:, 2:] -= xywh[:, :2]
        columns = (xywh.tolist(), area(boxes.xyxy).tolist(), boxes.scores.tolist(), boxes.labels.tolist())
        for bbox, size, score, label in zip(*columns, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": label,
                    "bbox": bbox,
                    "area": size,
                    "score": score,
                    "iscrowd": 0,
                }
            )
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image_id} for image_id in range(1, len(images) + 1)],
        "categories": [{"id": label} for label in range(classes)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _compact(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Keep what `accumulate` reads, small: the matches as true or false."""
    if found is None:
        return None
    return {
        "dtScores": np.array(found["dtScores"], np.float64),
        "dtMatches": found["dtMatches"] > 0,
        "dtIgnore": np.asarray(found["dtIgnore"], bool),
        "gtIgnore": np.asarray(found["gtIgnore"], bool),
    }


def _matches(block: list[dict[str, Any] | None]) -> Matches:
    found = [(image, entry) for image, entry in enumerate(block) if entry is not None]
    if not found:
        return Matches(np.zeros(0), np.zeros(0, bool), 0, np.zeros(0, np.int64))
    scores = np.concatenate([entry["dtScores"] for _, entry in found])
    true = np.concatenate([entry["dtMatches"][0] for _, entry in found])
    images = np.concatenate([np.full(len(entry["dtScores"]), image) for image, entry in found])
    order = np.argsort(-scores, kind="stable")
    boxes = sum(len(entry["gtIgnore"]) for _, entry in found)
    return Matches(scores[order], true[order], boxes, images[order])
