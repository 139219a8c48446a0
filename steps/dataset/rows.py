"""Label rows as the formats give them, and their one way into pixels of the upright image.

Formats differ in how a row is written; which boxes are cut, mended or refused is the same for all and decided here.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from steps.dataset.issues import FOUND_LIMIT, TREATMENTS, Fate, Issue, Rejection
from steps.dataset.masks import Mask, turned

Corners = tuple[float, float, float, float]

Ring = tuple[tuple[float, float], ...]
"""Corners of one closed polygon, each (x, y)."""

Rings = tuple[Ring, ...]
"""Outline of one object: a ring for each of its parts."""

OVERSHOOT = 0.01
"""Share of the image by which a coordinate may lie outside and is still cut at the edge."""

LOOKS_LIKE_PIXELS = 2.0
"""A share of the image from here on is none that somebody missed by a little."""

ROUNDING = 1e-4
"""Share of the image below which overshoot is the rounding of some writer, not worth a word."""

SAME_SHAPE = 0.02
"""Relative difference of aspect ratios up to which two sizes are the same picture, scaled."""

DIGITS = 3
"""Decimals of a pixel that are kept: enough for any label, and the same text on every machine."""

LARGEST = 1e9
"""No coordinate of a picture, in whatever unit, is larger."""

UNIT_FRAME = (1.0, 1.0)
"""Frame of coordinates that are shares of the image."""


def as_coordinate(value: object) -> float:
    """Return a number that a JSON file has as a coordinate.

    Raises:
        Rejection: `not_a_number`, if it is none, or one without end.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST:
        raise Rejection("not_a_number")
    return float(value)


def as_size(width: object, height: object) -> tuple[float, float] | None:
    """Return the size of a picture as its labels state it, pixels; None where they state none that can be."""
    try:
        size = as_coordinate(width), as_coordinate(height)
    except Rejection:
        return None
    return size if min(size) > 0 else None


def around(rings: Iterable[Ring]) -> Corners:
    """Return the box around all points of `rings`: left, top, right, bottom."""
    xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled object, as its source states it.

    Attributes:
        number: See `Issue.row`.
        label: Class name.
        xyxy: Left, top, right, bottom, in units of the reading's frame.
        found: The row's text, for people.
        loose: True where the format allows a box to reach over the edge (centre and size inside are enough).
        rings: Outline in units of the frame, where the source has one.
        mask: Mask of the picture as it was labelled, where the source has one.
        attributes: What else the source says of the object, as sorted pairs of name and value.
        remarks: Codes of `TREATMENTS`, repaired or noted, that hold for the row if it is used.
    """

    number: int | None
    label: str
    xyxy: Corners
    found: str = ""
    loose: bool = False
    rings: Rings | None = None
    mask: Mask | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """All that the labels say about one image.

    Whoever reads labels counts each row that is there in `total`, and gives it either to `rows` or, with a code that
    rejects it or leaves it out, to `note`. `fates` then adds up to `total` when `place` is through.

    Attributes:
        file: Where the labels stand, inside the source.
        frame: Width and height that the coordinates refer to. None: pixels of the upright image itself.
        in_pixels: True where the frame is the size, in pixels, of the picture that was labelled.
        total: Rows that were there, the broken ones too.
        present: False where the source does not say that the image was labelled: no label file, and no list has it.
        fates: What became of the rows that are no longer in `rows`.
    """

    file: str
    frame: tuple[float, float] | None = None
    in_pixels: bool = False
    rows: list[Row] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    total: int = 0
    present: bool = True
    fates: Counter[Fate] = field(default_factory=Counter)

    def note(self, code: str, number: int | None, found: str) -> None:
        """Remember an issue of row `number`, and the row's fate where `code` decides it."""
        self.issues.append(Issue(code, self.file, number, found[:FOUND_LIMIT]))
        treatment = TREATMENTS[code]
        if treatment.scope == "row" and treatment.action in ("rejected", "left_out", "merged"):
            self.fates[treatment.action] += 1


@dataclass(frozen=True, slots=True)
class Canvas:
    """The picture that boxes are placed on.

    Attributes:
        width: Of the upright picture, pixels.
        height: Of the upright picture, pixels.
        orientation: EXIF orientation 1 to 8 that the stored picture had.
    """

    width: int
    height: int
    orientation: int = 1

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height before the EXIF rotation."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """One object in pixels of the upright image; see `records.Box`. The class is still a name."""

    label: str
    xyxy: Corners
    rings: Rings | None = None
    mask: Mask | None = None
    attributes: tuple[tuple[str, str], ...] = ()


def place(reading: Reading, canvas: Canvas) -> list[PlacedBox]:
    """Return the boxes of `reading` in pixels of the upright picture, and note in it what was mended or put aside.

    Labels are taken to be made on the upright view, as ultralytics takes them and as labelling tools show pictures.
    Only a frame in pixels can say otherwise: where it is the size of the picture as stored, the labels are turned with
    it; where it is another size of the same shape, they are scaled.

    Raises:
        Rejection: `size_mismatch`, if the labels were made on a picture of another shape.
    """
    mapping = _mapping(reading, canvas)
    in_pixels = reading.frame is None or reading.in_pixels
    boxes: dict[PlacedBox, None] = {}
    for row in reading.rows:
        try:
            box, cut = _place_row(row, mapping, canvas, in_pixels=in_pixels)
        except Rejection as fault:
            reading.note(fault.code, row.number, row.found)
            continue
        if box in boxes:
            reading.note("duplicate_row", row.number, row.found)
            continue
        boxes[box] = None
        remarks = (*row.remarks, "clipped") if cut else row.remarks
        for code in remarks:
            reading.note(code, row.number, row.found)
        reading.fates["repaired" if any(TREATMENTS[code].action == "repaired" for code in remarks) else "used"] += 1
    return list(boxes)


@dataclass(frozen=True, slots=True)
class _Mapping:
    """Frame → pixels of the upright picture: scale, then turn by an EXIF orientation of 5 or more."""

    x: float
    y: float
    turn: int
    stored: tuple[int, int]

    def point(self, x: float, y: float) -> tuple[float, float]:
        x, y = x * self.x, y * self.y
        if not self.turn:
            return x, y
        width, height = self.stored
        return {5: (y, x), 6: (height - y, x), 7: (height - y, width - x), 8: (y, width - x)}[self.turn]


def _mapping(reading: Reading, canvas: Canvas) -> _Mapping:
    size = (canvas.width, canvas.height)
    if reading.frame is None or reading.frame == size or not reading.rows:
        return _Mapping(1, 1, 0, canvas.stored)
    width, height = reading.frame
    if not reading.in_pixels:
        return _Mapping(size[0] / width, size[1] / height, 0, canvas.stored)
    said = f"{width:g}x{height:g}, but the image is {size[0]}x{size[1]}"
    if reading.frame == canvas.stored:
        reading.note("labels_turned", None, said)
        return _Mapping(1, 1, canvas.orientation, canvas.stored)
    if abs(width / height / (size[0] / size[1]) - 1) > SAME_SHAPE:
        raise Rejection("size_mismatch", said)
    reading.note("labels_scaled", None, said)
    return _Mapping(size[0] / width, size[1] / height, 0, canvas.stored)


def _place_row(row: Row, mapping: _Mapping, canvas: Canvas, *, in_pixels: bool) -> tuple[PlacedBox, bool]:
    if not all(map(math.isfinite, row.xyxy)):
        raise Rejection("not_a_number")
    in_first_pixel = in_pixels and round(max(row.xyxy), DIGITS) <= 1  # Nobody has labelled that.
    if in_first_pixel and min(row.xyxy) >= 0:
        raise Rejection("share_units")
    (ax, ay), (bx, by) = mapping.point(*row.xyxy[:2]), mapping.point(*row.xyxy[2:])
    left, top, right, bottom = min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
    if round(right - left, DIGITS) <= 0 or round(bottom - top, DIGITS) <= 0:
        raise Rejection("zero_size")
    over = max(-left / canvas.width, -top / canvas.height, right / canvas.width - 1, bottom / canvas.height - 1)
    if over > OVERSHOOT and not row.loose:
        raise Rejection("out_of_range")
    xyxy = (*_cut(left, top, canvas), *_cut(right, bottom, canvas))
    if xyxy[0] >= xyxy[2] or xyxy[1] >= xyxy[3]:
        raise Rejection("outside")
    if in_first_pixel:
        raise Rejection("share_units")
    mask = turned(row.mask, mapping.turn) if row.mask and mapping.turn else row.mask
    return PlacedBox(row.label, xyxy, _outline(row, mapping), mask, row.attributes), over > ROUNDING


def _outline(row: Row, mapping: _Mapping) -> Rings | None:
    """Return the rings in pixels, not cut at the edge: cutting a ring point by point would bend it."""
    if not row.rings:
        return None
    points = [[mapping.point(x, y) for x, y in ring] for ring in row.rings]
    return tuple(tuple((round(x, DIGITS), round(y, DIGITS)) for x, y in ring) for ring in points)


def _cut(x: float, y: float, canvas: Canvas) -> tuple[float, float]:
    return round(min(max(x, 0.0), canvas.width), DIGITS), round(min(max(y, 0.0), canvas.height), DIGITS)
