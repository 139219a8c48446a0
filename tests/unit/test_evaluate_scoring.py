"""Scores from predictions and truth, no model involved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.detection import Detections
from steps.evaluate import coco
from steps.evaluate.coco import Matches, evaluate_boxes
from steps.evaluate.metrics import Scores
from steps.evaluate.scoring import choose_thresholds, score
from steps.evaluate.threshold import GRID, best_threshold, count_above, f1_curve
from steps.runtime import Defaults

CLASSES = ("cat", "dog")


def boxes(*rows: tuple[float, float, float, float, int, float]) -> Detections:
    """Detections from rows of x1, y1, x2, y2, label, score."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 5], table[:, 4].astype(np.int64))


CAT = (10.0, 10.0, 30.0, 30.0, 0, 1.0)
DOG = (50.0, 50.0, 90.0, 90.0, 1, 1.0)


def scored(truths: list[Detections], predictions: list[Detections], threshold: float = 0.5) -> Scores:
    """Score, all classes served with one threshold."""
    answers = [found.above(threshold) for found in predictions]
    return score(truths, predictions, answers, CLASSES, Defaults(confidence=threshold))


def test_everything_is_one_when_predictions_are_the_truth() -> None:
    truths = [boxes(CAT, DOG), boxes(DOG), Detections.empty()]
    found = scored(truths, truths)
    assert (found.map50, found.map50_95, found.precision, found.recall, found.f1) == (1, 1, 1, 1, 1)
    assert found.confusion.matrix == ((1, 0, 0), (0, 2, 0), (0, 0, 0))
    assert [(each.images, each.boxes) for each in found.per_class] == [(1, 1), (2, 2)]
    assert {name: size.boxes for name, size in found.sizes.items()} == {"small": 1, "medium": 2, "large": 0}
    assert found.sizes["large"].ap50_95 is None
    assert found.evaluator.startswith("pycocotools 2")


def test_everything_is_zero_when_nothing_was_found() -> None:
    found = scored([boxes(CAT), boxes(DOG)], [Detections.empty()] * 2)
    assert (found.map50, found.map50_95, found.precision, found.recall, found.f1) == (0, 0, 0, 0, 0)
    assert found.per_class[0].precision is None
    assert found.confusion.matrix == ((0, 0, 1), (0, 0, 1), (0, 0, 0))


def test_a_class_without_boxes_is_null_and_counts_in_no_mean_when_it_is_found_anyway() -> None:
    truths = [boxes(CAT), Detections.empty()]
    predictions = [boxes(CAT), boxes(DOG)]
    found = scored(truths, predictions)
    assert (found.map50, found.map50_95, found.precision, found.f1) == (1, 1, 1, 1)
    dog = found.per_class[1]
    assert (dog.ap50, dog.ap50_95, dog.recall, dog.f1, dog.precision) == (None, None, None, None, 0)
    assert found.confusion.matrix == ((1, 0, 0), (0, 0, 0), (0, 1, 0))
    assert [line.name for line in found.curves.precision_recall] == ["cat"]


def test_confusion_tells_missed_false_and_taken_for_another() -> None:
    truths = [boxes(CAT, DOG), boxes(CAT)]
    cat_for_dog = (*DOG[:4], 0, 0.9)
    elsewhere = (100.0, 100.0, 120.0, 120.0, 1, 0.8)
    found = scored(truths, [boxes(CAT, cat_for_dog), boxes(elsewhere)])
    assert found.confusion.labels == ("cat", "dog", "background")
    assert found.confusion.matrix == ((1, 0, 1), (1, 0, 0), (0, 1, 0))


def test_boxes_below_the_threshold_count_for_average_precision_alone() -> None:
    weak = (*CAT[:4], 0, 0.2)
    found = scored([boxes(CAT)], [boxes(weak)])
    assert (found.map50, found.recall) == (1, 0)
    assert found.confusion.matrix[0] == (0, 0, 1)


def test_a_second_box_on_an_object_is_false() -> None:
    found = scored([boxes(CAT)], [boxes((*CAT[:4], 0, 0.9), (*CAT[:4], 0, 0.8))])
    assert found.per_class[0].precision == 0.5
    assert found.map50 == 1


def test_average_precision_is_the_known_one_when_half_is_found() -> None:
    # Found at recall 0 … 0.5, that is 51 of 101 points.
    found = scored([boxes(CAT), boxes(CAT)], [boxes(CAT), Detections.empty()])
    assert found.map50 == pytest.approx(51 / 101, abs=1e-6)


def test_a_loose_box_counts_at_low_overlaps_only() -> None:
    loose = (10.0, 10.0, 30.0, 38.0, 0, 0.9)  # IoU 20 / 28 = 0.714: five of ten steps
    found = scored([boxes(CAT)], [boxes(loose)])
    assert found.map50 == 1
    assert found.map50_95 == pytest.approx(0.5)


def test_an_image_may_have_more_than_a_hundred_objects() -> None:
    many = boxes(*((x * 12.0, y * 12.0, x * 12.0 + 10, y * 12.0 + 10, 0, 0.9) for x in range(16) for y in range(16)))
    assert scored([many], [many]).map50_95 == 1


def test_it_is_refused_when_nothing_is_labelled() -> None:
    with pytest.raises(ValueError, match="no labelled box"):
        scored([Detections.empty()], [boxes(CAT)])
    assert choose_thresholds([], [], CLASSES) is None


def test_scores_are_the_same_when_images_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    truths, predictions = _random(1, images=23)
    whole = evaluate_boxes(truths, predictions, 2)
    monkeypatch.setattr(coco, "_CHUNK", 5)
    parts = evaluate_boxes(truths, predictions, 2)
    np.testing.assert_array_equal(whole.precision, parts.precision)
    for one, other in zip(whole.matches, parts.matches, strict=True):
        assert one.boxes == other.boxes
        np.testing.assert_array_equal(one.true, other.true)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    scored([boxes(CAT)], [boxes(CAT)])
    assert capfd.readouterr() == ("", "")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_numbers_hang_together_for_any_predictions(seed: int) -> None:
    truths, predictions = _random(seed, images=6)
    threshold = 0.4
    found = scored(truths, predictions, threshold)
    matrix = np.array(found.confusion.matrix)
    labelled = [sum(int((truth.labels == label).sum()) for truth in truths) for label in (0, 1)]
    counted = [sum(int((each.above(threshold).labels == label).sum()) for each in predictions) for label in (0, 1)]
    assert matrix.sum(axis=1)[:2].tolist() == labelled == [each.boxes for each in found.per_class]
    assert matrix.sum(axis=0)[:2].tolist() == counted
    assert sum(size.boxes for size in found.sizes.values()) == sum(labelled)
    assert found.map50_95 <= found.map50
    for each in found.per_class:
        if each.precision and each.recall and each.f1:
            assert each.f1 == pytest.approx(2 * each.precision * each.recall / (each.precision + each.recall), abs=1e-5)
    at = found.curves.f1.confidence.index(threshold)
    assert found.curves.f1.f1[at] == pytest.approx(found.f1, abs=1e-4)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30), st.integers(1, 40))
def test_f1_is_that_of_plain_counting_at_every_confidence(rows: list[tuple[int, bool]], labelled: int) -> None:
    rows = sorted(rows, reverse=True)
    # Half a step off the grid, so that no score equals a confidence.
    scores = np.array([value / 100 - 0.005 for value, _ in rows])
    matches = Matches(scores, np.array([true for _, true in rows], bool), labelled, np.arange(len(rows)))
    found, true = count_above(matches, GRID)
    for index, confidence in enumerate(GRID):
        assert found[index] == sum(scores > confidence)
        assert true[index] == sum(
            is_true for value, (_, is_true) in zip(scores, rows, strict=True) if value > confidence
        )
    assert f1_curve([matches])[0] == pytest.approx(2 * true[0] / (found[0] + labelled))


def test_the_threshold_is_the_middle_of_the_plateau() -> None:
    curve = np.zeros(101)
    curve[30:51] = 0.9
    curve[38] = 0.901
    curve[80] = 0.9
    assert best_threshold(curve) == 0.4


def test_the_threshold_parts_right_from_wrong_when_scores_do() -> None:
    truths = [boxes(CAT)] * 4
    wrong = (60.0, 60.0, 70.0, 70.0, 0, 0.3)
    found = [boxes((*CAT[:4], 0, 0.8), wrong)] * 4
    chosen = choose_thresholds(truths, found, CLASSES)
    assert chosen is not None
    assert 0.3 <= chosen[0] < 0.8


def _random(seed: int, *, images: int) -> tuple[list[Detections], list[Detections]]:
    generator = np.random.default_rng(seed)
    truths, predictions = [], []
    for _ in range(images):
        count, extra = generator.integers(0, 4), generator.integers(0, 3)
        corner, sides = generator.uniform(0, 100, (count, 2)), generator.uniform(5, 60, (count, 2))
        xyxy = np.concatenate((corner, corner + sides), axis=1).astype(np.float32)
        labels = generator.integers(0, 2, count)
        truths.append(Detections(xyxy, np.ones(count, np.float32), labels))
        noise = generator.uniform(0, 100, (extra, 4))
        noise[:, 2:] += noise[:, :2]
        near = (xyxy + generator.normal(0, 3, xyxy.shape), noise)
        predictions.append(
            Detections(
                np.concatenate(near).astype(np.float32),
                generator.random(count + extra).astype(np.float32),
                np.concatenate((labels, generator.integers(0, 2, extra))),
            )
        )
    if not any(map(len, truths)):
        truths[0] = boxes(CAT)
    return truths, predictions
