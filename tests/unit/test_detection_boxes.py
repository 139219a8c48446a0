"""Boxes and their overlap, over boxes that hypothesis thinks of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.detection import Detections, area, iou_matrix, match
from steps.detection.boxes import Floats

side = st.integers(-50, 50)


@st.composite
def boxes(draw: st.DrawFn, *, most: int = 12, smallest: int = 0) -> Floats:
    """Boxes with whole corners, so that areas and overlaps are exact; some have no area."""
    rows = draw(st.lists(st.tuples(side, side, st.integers(smallest, 40), st.integers(smallest, 40)), max_size=most))
    return np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)


@settings(deadline=None)
@given(boxes(), boxes())
def test_overlap_is_a_share_and_the_same_both_ways_for_any_boxes(a: Floats, b: Floats) -> None:
    overlaps = iou_matrix(a, b)
    assert overlaps.shape == (len(a), len(b))
    assert overlaps.dtype == np.float32
    assert ((overlaps >= 0) & (overlaps <= 1)).all()
    np.testing.assert_array_equal(overlaps, iou_matrix(b, a).T)


@settings(deadline=None)
@given(boxes(smallest=1))
def test_overlap_is_one_when_a_box_meets_itself(a: Floats) -> None:
    np.testing.assert_array_equal(np.diag(iou_matrix(a, a)), 1)


@settings(deadline=None)
@given(boxes(), boxes())
def test_overlap_is_what_counting_pixels_gives_when_corners_are_whole(a: Floats, b: Floats) -> None:
    def pixels(box: Floats) -> set[tuple[int, int]]:
        x1, y1, x2, y2 = box.astype(int)
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    for row, one in zip(iou_matrix(a[:3], b[:3]), a, strict=False):
        for value, other in zip(row, b, strict=False):
            union = len(pixels(one) | pixels(other))
            assert value == pytest.approx(len(pixels(one) & pixels(other)) / union if union else 0)


@settings(deadline=None)
@given(boxes(), boxes(), side, side)
def test_overlap_stays_when_everything_moves(a: Floats, b: Floats, dx: int, dy: int) -> None:
    shift = np.array([dx, dy, dx, dy], np.float32)
    np.testing.assert_array_equal(iou_matrix(a + shift, b + shift), iou_matrix(a, b))


def test_area_is_none_when_a_box_is_inside_out() -> None:
    assert area(np.array([[4, 4, 2, 9], [0, 0, 2, 3]], np.float32)).tolist() == [0, 6]


@settings(deadline=None)
@given(boxes(), boxes(), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_pairs_are_one_to_one_and_none_is_left_over_when_matched(truth: Floats, found: Floats, iou: float) -> None:
    rows, columns = match(truth, found, iou)
    overlaps = iou_matrix(truth, found)
    assert len(set(rows.tolist())) == len(rows) == len(set(columns.tolist())) == len(columns)
    assert (overlaps[rows, columns] >= iou).all()
    assert (overlaps[rows, columns] > 0).all()
    left = np.delete(np.delete(overlaps, rows, 0), columns, 1)
    assert not ((left >= iou) & (left > 0)).any()


def test_the_closest_pair_is_taken_first_when_boxes_compete() -> None:
    truth = np.array([[0, 0, 10, 10], [2, 0, 12, 10]], np.float32)
    found = np.array([[1.5, 0, 11.5, 10]], np.float32)
    rows, columns = match(truth, found, 0.5)
    assert (rows.tolist(), columns.tolist()) == ([1], [0])


def test_shapes_are_named_when_they_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"found \(2, 4\), \(1,\) and \(2,\)"):
        Detections(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), np.zeros(2, np.int64))


def test_detections_are_picked_by_mask_and_by_order() -> None:
    some = Detections(np.arange(12, dtype=np.float32).reshape(3, 4), np.array([1, 2, 3], np.float32), np.arange(3))
    assert some.pick(some.scores > 1).labels.tolist() == [1, 2]
    assert some.pick(np.array([2, 0])).scores.tolist() == [3, 1]
    assert len(Detections.empty()) == 0
