"""Rows of tables of boxes: what all of a table show, and each as a labelled object."""

from dataclasses import dataclass

from steps.dataset.formats.csv_tables import BoxTable
from steps.dataset.formats.listed import Entry
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import OVERSHOOT, UNIT_FRAME, Corners, Reading, Row, as_size

SAME_LENGTH = 1.01
"""Pixels by which a width may differ from the distance of the corners and is still the box's own."""


@dataclass(slots=True)
class Survey:
    """What all rows of a table show.

    Attributes:
        rows: Rows that are no background.
        shares: Boxes that lie between 0 and 1.
        pixels: Boxes that do not.
        own_size: Rows whose width and height are those of their box.
        other_size: Rows of which that is not so.
        numbered: Rows whose class is a whole number.
    """

    rows: int = 0
    shares: int = 0
    pixels: int = 0
    own_size: int = 0
    other_size: int = 0
    numbered: int = 0

    @property
    def in_shares(self) -> bool:
        """Whether boxes are in shares of the image: in pixels, most would be smaller than one."""
        return self.shares > self.pixels

    @property
    def size_is_images(self) -> bool:
        """Whether width and height are those of the image, not of the box."""
        return self.other_size * 2 >= self.own_size

    @property
    def has_indices(self) -> bool:
        """Whether classes are given by index."""
        return self.numbered * 2 > self.rows


def survey(table: BoxTable) -> Survey:
    """Read all rows of `table` once, and return what they show."""
    found = Survey()
    columns = table.columns
    for _, cells in table.rows():
        if len(cells) != columns.width:
            continue
        if table.is_background(cells):
            continue
        found.rows += 1
        found.numbered += cells[columns.label].isdecimal()
        try:
            box = [number(cells[place]) for place in columns.box]
            size = [number(cells[place]) for place in columns.size or ()]
        except Rejection:
            continue
        inside = all(-OVERSHOOT <= value <= 1 + OVERSHOOT for value in box)
        found.shares += inside
        found.pixels += not inside
        if size and columns.kind == "corners" and (box[0] > 0 or box[1] > 0):
            own = all(abs(box[2 + axis] - box[axis] - size[axis]) <= SAME_LENGTH for axis in (0, 1))
            found.own_size += own
            found.other_size += not own
    return found


@dataclass(frozen=True, slots=True)
class CsvLabels:
    """The rows of one image; see `csv_boxes` for what an entry has."""

    entries: tuple[Entry, ...]

    @property
    def source(self) -> str:
        """Return the first table that mentions the image; see `source.Labels`."""
        return str(self.entries[0]["file"])

    def read(self) -> Reading:
        """Return every row; see `source.Labels`."""
        shares = bool(self.entries[0]["shares"])
        reading = Reading(self.source, UNIT_FRAME if shares else None, in_pixels=not shares)
        for entry in self.entries:
            if not shares and reading.frame is None:
                reading.frame = _size(entry)
            if "box" not in entry:
                continue
            reading.total += 1
            found = " ".join([entry["label"], *entry["box"]])[:FOUND_LIMIT]
            try:
                reading.rows.append(_row(entry, found, shares))
            except Rejection as fault:
                reading.note(fault.code, entry["row"], found)
        return reading


def number(text: str) -> float:
    """Return the number in a cell, with a decimal point or comma.

    Raises:
        Rejection: `not_a_number`, if there is none.
    """
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise Rejection("not_a_number") from None


def _size(entry: Entry) -> tuple[float, float] | None:
    try:
        return as_size(*map(number, entry["size"])) if entry.get("size") else None
    except Rejection:
        return None


def _row(entry: Entry, found: str, shares: bool) -> Row:
    if entry["shares"] != shares:
        raise Rejection("mixed_units")
    if not entry["class"]:
        raise Rejection("unknown_class")
    corners, remarks = _corners(entry)
    if any("," in text for text in entry["box"]):
        remarks.append("comma_separated")
    attributes = tuple((name, value) for name, value in entry.get("attributes", ()))
    return Row(entry["row"], entry["class"], corners, found, attributes=attributes, remarks=tuple(remarks))


def _corners(entry: Entry) -> tuple[Corners, list[str]]:
    left, top, third, fourth = map(number, entry["box"])
    if entry["kind"] == "corners":
        swapped = left > third or top > fourth
        ordered = min(left, third), min(top, fourth), max(left, third), max(top, fourth)
        return ordered, ["corners_swapped"] if swapped else []
    if third <= 0 or fourth <= 0:
        raise Rejection("zero_size")
    if entry["kind"] == "centre":
        left, top = left - third / 2, top - fourth / 2
    return (left, top, left + third, top + fourth), []
