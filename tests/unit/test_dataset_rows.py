"""From rows to boxes: properties that hold for whatever a source says."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steps.dataset.formats.yolo_rows import parse_line
from steps.dataset.issues import TREATMENTS, Rejection
from steps.dataset.label_text import decode
from steps.dataset.rows import Canvas, Reading, Row, place

NUMBERS = st.floats(-50, 150, width=32)
ANY = st.floats()
SIDES = st.integers(10, 5000)
NAMES = {0: "plane", 1: "heli"}


def reading(*rows: Row, frame: tuple[float, float] | None = None, in_pixels: bool = False) -> Reading:
    return Reading("labels", frame=frame, in_pixels=in_pixels, rows=list(rows))


@given(st.tuples(ANY, ANY, ANY, ANY), SIDES, SIDES, st.integers(1, 8), st.booleans())
def test_box_lies_inside_the_image_and_has_a_size_when_it_is_placed(
    xyxy: tuple[float, float, float, float], width: int, height: int, orientation: int, loose: bool
) -> None:
    given_rows = reading(Row(1, "a", xyxy, loose=loose), frame=(height, width), in_pixels=True)
    canvas = Canvas(width, height, orientation)
    try:
        boxes = place(given_rows, canvas)
    except Rejection as fault:
        code = fault.code
    else:
        code = ""
    if code:
        assert code == "size_mismatch"
        return
    for box in boxes:
        left, top, right, bottom = box.xyxy
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    assert given_rows.fates.total() == 1
    assert len(boxes) == 1 or [issue.treatment.action for issue in given_rows.issues][-1] == "rejected"


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), SIDES, SIDES)
@example((0, 1, 1, -1), 10, 10)
@example((-0.01, 0, 1, 1), 100, 100)
@example((0, 0, 1.004, 1.001), 100, 100)
def test_placing_changes_nothing_when_done_again(
    xyxy: tuple[float, float, float, float], width: int, height: int
) -> None:
    canvas = Canvas(width, height)
    once = place(reading(Row(1, "a", xyxy, loose=True)), canvas)
    again = reading(*(Row(1, box.label, box.xyxy) for box in once))
    assert place(again, canvas) == once
    assert not again.issues


@given(SIDES, SIDES, st.integers(5, 8))
def test_whole_picture_stays_whole_when_labels_are_turned(width: int, height: int, orientation: int) -> None:
    canvas = Canvas(width, height, orientation)
    whole = reading(Row(1, "a", (0, 0, height, width)), frame=(height, width), in_pixels=True)
    assert [box.xyxy for box in place(whole, canvas)] == [(0, 0, width, height)]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 1))
def test_row_is_read_as_it_was_written_when_it_is_sound(
    x: float, y: float, width: float, height: float, label: int
) -> None:
    row = parse_line(f"{label} {x!r} {y!r} {width!r} {height!r}", 1, NAMES)
    assert row.label == NAMES[label]
    assert row.xyxy == pytest.approx((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    assert not row.remarks


@given(st.text(max_size=60) | st.lists(st.floats().map(str) | st.integers().map(str), max_size=12).map(" ".join))
def test_line_is_a_row_or_a_known_fault_when_it_is_anything(line: str) -> None:
    code, row = "", None
    try:
        row = parse_line(line, 1, NAMES)
    except Rejection as fault:
        code = fault.code
    if row is None:
        assert TREATMENTS[code].action == "rejected"
    else:
        assert row.label in NAMES.values()
        assert all(TREATMENTS[remark].scope == "row" for remark in row.remarks)
        assert all(map(math.isfinite, row.xyxy))


@given(st.binary(max_size=200))
def test_bytes_are_text_or_a_known_fault_when_they_are_anything(data: bytes) -> None:
    code = ""
    try:
        decode(data)
    except Rejection as fault:
        code = fault.code
    assert code in ("", "label_unreadable")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff", exclude_categories=["Cs"]), max_size=40))
def test_text_comes_back_when_it_was_written_in_any_unicode_encoding(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert decode(text.encode(encoding))[0] == text


def test_rows_are_deduplicated_when_they_are_equal_after_cutting() -> None:
    rows = reading(*(Row(number, "a", (-over, 0, 9, 9)) for number, over in enumerate((0.0, 0.1, 0.2), 1)))
    assert len(place(rows, Canvas(64, 48))) == 1
    assert [issue.code for issue in rows.issues] == ["duplicate_row"] * 2
    assert rows.fates == {"used": 1, "merged": 2}
