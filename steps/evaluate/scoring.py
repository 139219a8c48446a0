"""Score predictions against truth. Where the predictions come from does not matter: this runs no model."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections, area
from steps.evaluate.class_thresholds import own_thresholds
from steps.evaluate.coco import AREAS, RECALLS, CocoResult, Matches, evaluate_boxes
from steps.evaluate.confusion import confuse
from steps.evaluate.metrics import ClassScore, Curves, F1Curve, PrecisionRecallCurve, Scores, SizeScore
from steps.evaluate.threshold import GRID, best_threshold, f1_curve
from steps.runtime import Defaults

SIZES = ("small", "medium", "large")


def score(
    truths: Sequence[Detections],
    predictions: Sequence[Detections],
    answers: Sequence[Detections],
    classes: Sequence[str],
    defaults: Defaults,
) -> Scores:
    """Score `predictions` and `answers` against `truths`: one entry an image, in the same order.

    Args:
        truths: Labelled boxes; an image without any counts too: whatever is found there is wrong.
        predictions: Found boxes down to `WEAKEST`, or the mean average precision suffers.
        answers: Those that a server answers; precision, recall, F1 and confusion are theirs.
        classes: Names; labels count in them.
        defaults: What it answers with.

    Raises:
        ValueError: If there is no labelled box at all: no score would mean anything.
    """
    if not any(len(truth) for truth in truths):
        raise ValueError("there is no labelled box to score against")
    result = evaluate_boxes(truths, predictions, len(classes))
    answered = evaluate_boxes(truths, answers, len(classes), ious=(0.5,), areas=("all",)).matches
    thresholds = defaults.thresholds(classes)
    per_class = tuple(
        _class_score(name, label, result, answered[label], truths, threshold=thresholds[label])
        for label, name in enumerate(classes)
    )
    labelled = [each for each in per_class if each.boxes]
    return Scores(
        images=len(truths),
        map50=_mean(each.ap50 for each in labelled),
        map50_95=_mean(each.ap50_95 for each in labelled),
        defaults=defaults,
        precision=_mean(each.precision for each in labelled),
        recall=_mean(each.recall for each in labelled),
        f1=_mean(each.f1 for each in labelled),
        per_class=per_class,
        sizes=_size_scores(result, truths),
        confusion=confuse(truths, answers, classes),
        curves=_curves(result, classes),
        evaluator=f"pycocotools {version('pycocotools')}",
    )


def choose_thresholds(
    truths: Sequence[Detections], predictions: Sequence[Detections], classes: Sequence[str]
) -> tuple[float, dict[str, float]] | None:
    """Return the confidence with the best F1 on these images, and those of classes for which another pays.

    None where no box is labelled.
    """
    if not any(len(truth) for truth in truths):
        return None
    matches = evaluate_boxes(truths, predictions, len(classes), ious=(0.5,), areas=("all",)).matches
    common = best_threshold(f1_curve(matches))
    return common, {classes[label]: own for label, own in own_thresholds(matches, truths, common).items()}


def _class_score(
    name: str, label: int, result: CocoResult, answered: Matches, truths: Sequence[Detections], *, threshold: float
) -> ClassScore:
    found, true, boxes = len(answered.scores), np.count_nonzero(answered.true), answered.boxes
    precision = _share(true / found) if found else None
    images = sum(bool((truth.labels == label).any()) for truth in truths)
    if not boxes:
        return ClassScore(
            name=name,
            images=0,
            boxes=0,
            ap50=None,
            ap50_95=None,
            threshold=threshold,
            precision=precision,
            recall=None,
            f1=None,
        )
    over_recall = result.precision[:, :, label, 0].mean(axis=1)
    return ClassScore(
        name=name,
        images=images,
        boxes=boxes,
        ap50=_share(over_recall[0]),
        ap50_95=_share(over_recall.mean()),
        threshold=threshold,
        precision=precision,
        recall=_share(true / boxes),
        f1=_share(2 * true / (found + boxes)),
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


def _share(value: np.floating[Any] | float) -> float:
    # COCO adds a tiny number to each denominator: what is perfect would read 0.9999999999999999.
    return round(float(value), 6)
