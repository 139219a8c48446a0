"""Score predictions against truth. Where the predictions come from does not matter: this runs no model."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections, area
from steps.evaluate.coco import AREAS, RECALLS, CocoResult, evaluate_boxes
from steps.evaluate.confusion import confuse
from steps.evaluate.metrics import ClassScore, Curves, F1Curve, PrecisionRecallCurve, Scores, SizeScore
from steps.evaluate.threshold import GRID, best_threshold, count_above, f1_curve

SIZES = ("small", "medium", "large")


def score(
    truths: Sequence[Detections], predictions: Sequence[Detections], classes: Sequence[str], *, threshold: float
) -> Scores:
    """Score `predictions` against `truths`: one entry an image, in the same order, labels counting in `classes`.

    Predictions should reach down to a confidence of 0.001 or so, or the mean average precision suffers.

    Args:
        truths: Labelled boxes; an image without any counts too: whatever is found there is wrong.
        predictions: Found boxes.
        classes: Names.
        threshold: Confidence above which a box counts for precision, recall, F1 and confusion.

    Raises:
        ValueError: If there is no labelled box at all: no score would mean anything.
    """
    if not any(len(truth) for truth in truths):
        raise ValueError("there is no labelled box to score against")
    result = evaluate_boxes(truths, predictions, len(classes))
    counted = [above(found, threshold) for found in predictions]
    per_class = tuple(_class_score(name, label, result, truths, threshold) for label, name in enumerate(classes))
    labelled = [each for each in per_class if each.boxes]
    return Scores(
        images=len(truths),
        map50=_mean(each.ap50 for each in labelled),
        map50_95=_mean(each.ap50_95 for each in labelled),
        threshold=threshold,
        precision=_mean(each.precision for each in labelled),
        recall=_mean(each.recall for each in labelled),
        f1=_mean(each.f1 for each in labelled),
        per_class=per_class,
        sizes=_size_scores(result, truths),
        confusion=confuse(truths, counted, classes),
        curves=_curves(result, classes),
        evaluator=f"pycocotools {version('pycocotools')}",
    )


def above(found: Detections, threshold: float) -> Detections:
    """Return what scores above `threshold`."""
    # In float64, as the evaluator compares: as float32, 0.3 would not be above 0.3, which float64 can tell apart.
    return found.pick(found.scores.astype(np.float64) > threshold)


def choose_threshold(truths: Sequence[Detections], predictions: Sequence[Detections], classes: int) -> float | None:
    """Return the confidence with the best F1 on these images, or None where no box is labelled."""
    if not any(len(truth) for truth in truths):
        return None
    return best_threshold(f1_curve(evaluate_boxes(truths, predictions, classes, ious=(0.5,), areas=("all",)).matches))


def _class_score(
    name: str, label: int, result: CocoResult, truths: Sequence[Detections], threshold: float
) -> ClassScore:
    matches = result.matches[label]
    (found,), (true,) = count_above(matches, np.array([threshold]))
    precision = _share(true / found) if found else None
    images = sum(bool((truth.labels == label).any()) for truth in truths)
    if not matches.boxes:
        return ClassScore(
            name=name, images=0, boxes=0, ap50=None, ap50_95=None, precision=precision, recall=None, f1=None
        )
    over_recall = result.precision[:, :, label, 0].mean(axis=1)
    return ClassScore(
        name=name,
        images=images,
        boxes=matches.boxes,
        ap50=_share(over_recall[0]),
        ap50_95=_share(over_recall.mean()),
        precision=precision,
        recall=_share(true / matches.boxes),
        f1=_share(2 * true / (found + matches.boxes)),
    )


def _size_scores(result: CocoResult, truths: Sequence[Detections]) -> dict[str, SizeScore]:
    areas = np.concatenate([area(truth.xyxy) for truth in truths])
    scores = {}
    for name in SIZES:
        low, high = AREAS[name]
        values = result.precision[..., list(AREAS).index(name)]
        defined = values[~np.isnan(values)]
        scores[name] = SizeScore(
            ap50_95=_share(defined.mean()) if defined.size else None,
            # COCO counts a box of exactly the limit in both buckets; here the buckets add up.
            boxes=int(((areas >= low) & (areas < high)).sum()),
        )
    return scores


def _curves(result: CocoResult, classes: Sequence[str]) -> Curves:
    recall = _round(np.linspace(0, 1, RECALLS))
    lines = tuple(
        PrecisionRecallCurve(**{"class": name}, recall=recall, precision=_round(result.precision[0, :, label, 0]))
        for label, name in enumerate(classes)
        if result.matches[label].boxes
    )
    f1 = F1Curve(confidence=_round(GRID), f1=_round(f1_curve(result.matches)))
    return Curves(precision_recall=lines, f1=f1)


def _round(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(values.round(4).tolist())


def _mean(values: Iterable[float | None]) -> float:
    return _share(np.mean([value or 0 for value in values]))


def _share(value: np.floating[Any]) -> float:
    # COCO adds a tiny number to each denominator: what is perfect would read 0.9999999999999999.
    return round(float(value), 6)
