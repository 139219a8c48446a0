"""Suppression does what a plain loop does, on any boxes."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steps.detection import iou_matrix, non_max_suppression
from steps.detection.boxes import Floats, Ints

row = st.tuples(
    st.integers(-20, 20),
    st.integers(-20, 20),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 8),
    st.integers(0, 2),
)
cases = st.lists(row, max_size=40)


def _arrays(rows: list[tuple[int, ...]]) -> tuple[Floats, Floats, Ints]:
    table = np.array(rows, np.float32).reshape(-1, 6)
    xyxy = np.concatenate((table[:, :2], table[:, :2] + table[:, 2:4]), axis=1)
    return xyxy, (table[:, 4] / 8).astype(np.float32), table[:, 5].astype(np.int64)


def _by_hand(xyxy: Floats, scores: Floats, labels: Ints, iou: float) -> list[int]:
    overlaps = iou_matrix(xyxy, xyxy)
    kept: list[int] = []
    for index in sorted(range(len(scores)), key=lambda each: -scores[each]):
        if not any(labels[each] == labels[index] and overlaps[each, index] > iou for each in kept):
            kept.append(index)
    return kept


@settings(deadline=None)
@given(cases, st.sampled_from([0.21, 0.47, 0.73]), st.one_of(st.none(), st.integers(1, 6)))
def test_the_same_boxes_stay_as_in_a_plain_loop(rows: list[tuple[int, ...]], iou: float, limit: int | None) -> None:
    xyxy, scores, labels = _arrays(rows)
    overlaps = iou_matrix(xyxy, xyxy)
    assume(not (abs(overlaps - iou) < 1e-4).any())
    assert (
        non_max_suppression(xyxy, scores, labels, iou, limit=limit).tolist()
        == _by_hand(xyxy, scores, labels, iou)[:limit]
    )


@settings(deadline=None)
@given(cases)
def test_nothing_more_is_dropped_when_done_twice(rows: list[tuple[int, ...]]) -> None:
    xyxy, scores, labels = _arrays(rows)
    kept = non_max_suppression(xyxy, scores, labels, 0.5)
    again = non_max_suppression(xyxy[kept], scores[kept], labels[kept], 0.5)
    assert again.tolist() == list(range(len(kept)))


@settings(deadline=None)
@given(cases)
def test_classes_leave_each_other_alone_when_boxes_overlap(rows: list[tuple[int, ...]]) -> None:
    xyxy, scores, labels = _arrays(rows)
    together = set(non_max_suppression(xyxy, scores, labels, 0.5).tolist())
    apart: set[int] = set()
    for label in range(3):
        of_class = np.flatnonzero(labels == label)
        apart |= set(of_class[non_max_suppression(xyxy[of_class], scores[of_class], labels[of_class], 0.5)].tolist())
    assert together == apart


def test_classes_leave_each_other_alone_when_coordinates_are_negative() -> None:
    # OpenCV's own way to part the classes, by the largest coordinate, would move the second box onto the first.
    xyxy = np.array([[90, 90, 100, 100], [-11, -11, -1, -1]], np.float32)
    kept = non_max_suppression(xyxy, np.array([0.9, 0.8], np.float32), np.array([0, 1]), 0.5)
    assert kept.tolist() == [0, 1]


def test_the_limit_is_filled_when_the_strongest_boxes_all_overlap() -> None:
    heap = np.tile(np.array([[0, 0, 10, 10]], np.float32), (500, 1))
    heap[450:] += np.arange(50, dtype=np.float32)[:, None] * 20
    scores = np.linspace(1, 0.1, 500).astype(np.float32)
    kept = non_max_suppression(heap, scores, np.zeros(500, np.int64), 0.7, limit=10)
    assert kept.tolist() == [0, *range(451, 460)]
