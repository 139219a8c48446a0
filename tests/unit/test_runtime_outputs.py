"""Reading the network's answer gives what ultralytics' predictor gives."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ultralytics.utils.nms import non_max_suppression as ultralytics_nms

from steps.runtime.outputs import read_end2end, read_yolo


def _raw(seed: int, classes: int, candidates: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    center, sides = generator.uniform(10, 150, (2, candidates)), generator.uniform(4, 60, (2, candidates))
    scores = generator.beta(0.3, 2, (classes, candidates))
    return np.concatenate((center, sides, scores))[None].astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(0, 200), st.sampled_from([0.001, 0.25, 0.9]))
def test_boxes_are_those_of_ultralytics_when_overlapping_ones_are_in_the_output(
    seed: int, classes: int, candidates: int, confidence: float
) -> None:
    # Ultralytics takes an output whose last side is 6 for one without overlaps.
    raw = _raw(seed, classes, candidates + (candidates == 6))
    ours = read_yolo(raw, confidence=confidence, iou=0.7, max_detections=50)
    theirs = ultralytics_nms(torch.from_numpy(raw.copy()), confidence, 0.7, max_det=50, nc=classes)[0].numpy()
    np.testing.assert_allclose(ours.xyxy, theirs[:, :4], atol=1e-3)
    np.testing.assert_allclose(ours.scores, theirs[:, 4])
    np.testing.assert_array_equal(ours.labels, theirs[:, 5])


def test_only_the_strongest_stay_when_overlaps_are_gone_already() -> None:
    rows = np.array(
        [[[0, 0, 5, 5, 0.3, 1], [1, 1, 6, 6, 0.9, 0], [2, 2, 7, 7, 0.5, 1], [0, 0, 0, 0, 0, 0]]], np.float32
    )
    found = read_end2end(rows, confidence=0.1, max_detections=2)
    assert found.labels.tolist() == [0, 1]
    assert found.xyxy.tolist() == [[1, 1, 6, 6], [2, 2, 7, 7]]
    assert len(read_end2end(rows, confidence=0.95, max_detections=2)) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(0, 200))
def test_boxes_are_those_of_one_class_after_the_other_when_classes_have_thresholds_of_their_own(
    seed: int, classes: int, candidates: int
) -> None:
    raw = _raw(seed, classes, candidates)
    thresholds = np.random.default_rng(seed).uniform(0.1, 0.9, classes).astype(np.float32)
    found = read_yolo(raw, confidence=thresholds, iou=0.7, max_detections=1000)
    for label, threshold in enumerate(thresholds):
        alone = read_yolo(raw, confidence=float(threshold), iou=0.7, max_detections=1000, only=(label,))
        assert found.pick(found.labels == label).xyxy.tolist() == alone.xyxy.tolist()
    few = read_yolo(raw, confidence=thresholds, iou=0.7, max_detections=3)
    assert few.scores.tolist() == found.scores[:3].tolist()  # Weak boxes that do not count take no place of the limit.


def test_class_decides_over_a_box_without_overlaps_when_classes_have_thresholds_of_their_own() -> None:
    rows = np.array([[[0, 0, 5, 5, 0.3, 1], [1, 1, 6, 6, 0.4, 0], [0, 0, 0, 0, 0, -1]]], np.float32)
    found = read_end2end(rows, confidence=np.array([0.5, 0.2], np.float32), max_detections=2)
    assert found.labels.tolist() == [1]


def test_a_score_is_not_above_a_threshold_that_it_equals() -> None:
    # As float64, the float32 nearest to 0.3 is above 0.3.
    rows = np.array([[[0, 0, 5, 5, 0.3, 0]]], np.float32)
    found = read_end2end(rows, confidence=0.2, max_detections=2)
    assert len(found) == 1
    assert len(found.above(0.3)) == len(read_end2end(rows, confidence=0.3, max_detections=2)) == 0
