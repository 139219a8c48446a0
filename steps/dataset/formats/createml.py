"""CreateML's JSON: a list of images, each with its objects; a box is its centre and its size, in pixels.

Apple's newer files say `imagefilename` and `annotation`, and some tools `bounding_box` for `coordinates`. Where the boxes
of a file lie between 0 and 1 they are shares of the image: in pixels, they would be smaller than one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ijson

from steps.dataset.formats.json_file import json_file, odd_encodings, refusing_broken
from steps.dataset.formats.listed import Entry, Gathering, ListedSource
from steps.dataset.formats.source import Format, layout_of, split_of_name
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import OVERSHOOT, UNIT_FRAME, Reading, Row, as_coordinate
from steps.dataset.tree import Tree

IMAGE = ("image", "imagefilename", "imageFilename", "filename")
OBJECTS = ("annotations", "annotation")
BOX = ("coordinates", "bounding_box", "boundingBox")

TELLING = re.compile(rf"item\.(?:{'|'.join(OBJECTS)})(?:\.item)?\.(?:{'|'.join(BOX)})\.(?:x|width)")
"""Places in a file that only CreateML's have."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is one of CreateML's."""
    found = _files(tree)
    return layout_of("CreateML JSON", found)


def open_source(tree: Tree, given: tuple[str, ...]) -> ListedSource:  # noqa: ARG001  (CreateML files have their own names)
    """Gather what the files say, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is broken JSON.
    """
    gathering = Gathering(tree)
    files = _files(tree)
    for path in files:
        with refusing_broken(path):
            shares = _in_shares(tree, path)
            split = split_of_name(path)
            for number, item in enumerate(_items(tree, path), 1):
                objects = _objects(item)
                reference = _first(item, IMAGE)
                if not isinstance(reference, str) or not reference.strip():
                    gathering.reject("image_missing", path, number, str(item), rows=len(objects))
                    continue
                entry: Entry = {"file": path, "row": number, "split": split, "shares": shares, "objects": objects}
                entry["present"] = _first(item, OBJECTS) is not None
                gathering.add(reference, entry, rows=len(objects))
    odd = tuple(odd_encodings(tree, files))
    return ListedSource(tree, recognise(tree), gathering.listing, CreateMlLabels, tuple(files), about=odd)


@dataclass(frozen=True, slots=True)
class CreateMlLabels:
    """The objects of one image, as `open_source` listed them."""

    entries: tuple[Entry, ...]

    @property
    def source(self) -> str:
        """Return the first file that lists the image; see `source.Labels`."""
        return str(self.entries[0]["file"])

    def read(self) -> Reading:
        """Return every object; see `source.Labels`."""
        shares = bool(self.entries[0]["shares"])
        present = any(entry["present"] for entry in self.entries)
        reading = Reading(self.source, UNIT_FRAME if shares else None, in_pixels=not shares, present=present)
        objects = ((item, bool(entry["shares"])) for entry in self.entries for item in entry["objects"])
        for number, (item, in_shares) in enumerate(objects, 1):
            reading.total += 1
            found = str(item)[:FOUND_LIMIT]
            try:
                reading.rows.append(_row(item, number, found, same_units=in_shares == shares))
            except Rejection as fault:
                reading.note(fault.code, number, found)
        return reading


def _row(item: Any, number: int, found: str, *, same_units: bool) -> Row:
    if not same_units:
        raise Rejection("mixed_units")
    label, box = (item.get("label"), _first(item, BOX)) if isinstance(item, dict) else (None, None)
    if not isinstance(label, str) or not label.strip():
        raise Rejection("unknown_class")
    if not isinstance(box, dict):
        raise Rejection("no_box")
    x, y, width, height = (as_coordinate(box.get(name)) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    corners = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Row(number, label.strip(), corners, found)


def _files(tree: Tree) -> list[str]:
    return [path for path in tree.files(".json") if _is_createml(tree, path)]


def _is_createml(tree: Tree, path: str) -> bool:
    try:
        with json_file(tree.root / path) as file:
            for place, event, _ in ijson.parse(file):
                if TELLING.fullmatch(place):
                    return True
                if place == "" and event != "start_array":
                    return False
    except (ijson.JSONError, ValueError, RecursionError):
        return False
    return False


def _items(tree: Tree, path: str) -> Iterator[Any]:
    with json_file(tree.root / path) as file:
        yield from ijson.items(file, "item", use_float=True)


def _in_shares(tree: Tree, path: str) -> bool:
    """Return whether most boxes of a file lie between 0 and 1."""
    votes = 0
    for item in _items(tree, path):
        for each in _objects(item):
            box = _first(each, BOX)
            values = list(box.values()) if isinstance(box, dict) else []
            if values and all(isinstance(value, int | float) for value in values):
                votes += 1 if all(-OVERSHOOT <= value <= 1 + OVERSHOOT for value in values) else -1
    return votes > 0


def _objects(item: Any) -> list[Any]:
    objects = _first(item, OBJECTS)
    return objects if isinstance(objects, list) else [] if objects is None else [objects]


def _first(item: Any, names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if name in item), None) if isinstance(item, dict) else None


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json") or not _is_createml(tree, path):
        return None
    rows = 0
    try:
        for item in _items(tree, path):
            rows += len(_objects(item))
    except (ijson.JSONError, ValueError, RecursionError):
        return rows
    return rows


FORMAT = Format(
    name="createml",
    title="CreateML JSON",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A list of `image` (or `imagefilename`) and `annotations` (or `annotation`), each with `label` and `coordinates` "
        "(or `bounding_box`): `x` and `y` of the centre, `width`, `height`, in pixels; in shares of the image where most boxes "
        "lie between 0 and 1.",
        "Several files are one data set; one whose name has `train`, `val`, `valid` or `test` in it is that split. An image "
        "whose list of annotations is empty is background; one that no file lists is left out.",
        "Beside YOLO labels, those are read, and the file is named.",
    ),
    sample="_annotations.createml.json\na.jpg",
)
