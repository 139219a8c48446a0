"""Datumaro's JSON: files with `items`, each an image with its annotations, and `categories`; a file a subset.

A box that CVAT turned has its degrees in the attribute `rotation`. `datumaro` itself reads a subset whole into memory, and
one broken annotation costs it the whole source. Files are streamed here.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ijson

from steps.dataset.formats.coco_rows import corners_of
from steps.dataset.formats.json_file import json_file, odd_encodings, refusing_broken
from steps.dataset.formats.listed import Entry, Gathering, ListedSource
from steps.dataset.formats.shapes import as_attributes, ordered, turned_rectangle
from steps.dataset.formats.source import Format, layout_of, split_of_name
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import Mask, from_counts
from steps.dataset.rows import Corners, Reading, Ring, Rings, Row, around, as_coordinate, as_size
from steps.dataset.tree import Tree, stem

ABOUT_IMAGES = ("label", "caption", "hash_key", "feature_vector")
"""Types of annotations that mark no part of the image."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is one of Datumaro's."""
    found = _label_files(tree)
    return layout_of("Datumaro JSON", found)


def open_source(tree: Tree, given: tuple[str, ...]) -> ListedSource:  # noqa: ARG001  (the files have their own names)
    """Gather the items, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is broken JSON.
    """
    gathering = Gathering(tree)
    files = _label_files(tree)
    order: dict[str, None] = {}
    for path in files:
        with refusing_broken(path):
            names = _names(tree.root / path)
            _gather(gathering, tree, path, names)
        order |= dict.fromkeys(filter(None, names))
    odd = tuple(odd_encodings(tree, files))
    return ListedSource(tree, recognise(tree), gathering.listing, DatumaroLabels, tuple(files), tuple(order), odd)


@dataclass(frozen=True, slots=True)
class DatumaroLabels:
    """The item of one image, and its annotations, as `open_source` gathered them."""

    entries: tuple[Entry, ...]

    @property
    def source(self) -> str:
        """Return the file of the item; see `source.Labels`."""
        return str(self.entries[0]["file"])

    def read(self) -> Reading:
        """Return every annotation; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True, present=False)
        for entry in self.entries:
            if "size" in entry:
                reading.present |= entry["present"]
                reading.frame = reading.frame or _size(entry["size"])
                continue
            reading.total += 1
            annotation, number = entry["annotation"], entry["row"]
            found = _described(entry)
            if isinstance(annotation, dict) and annotation.get("type") in ABOUT_IMAGES:
                reading.note("image_label", number, found)
                continue
            try:
                reading.rows.append(_row(entry, found))
            except Rejection as fault:
                reading.note(fault.code, number, fault.found or found)
        return reading


def _gather(gathering: Gathering, tree: Tree, path: str, names: list[str]) -> None:
    subset, number = stem(path), 0
    with json_file(tree.root / path) as file:
        for place, item in enumerate(ijson.items(file, "items.item", use_float=True), 1):
            if not isinstance(item, dict):
                gathering.reject("wrong_columns", path, place, str(item))
                continue
            reference = f"images/{subset}/{_path(item)}"
            image = item.get("image")
            size = image.get("size") if isinstance(image, dict) else None
            annotations = item.get("annotations")
            entry = {"file": path, "row": place, "split": split_of_name(path), "size": size}
            gathering.add(reference, entry | {"present": annotations is not None}, rows=0)
            for annotation in annotations if isinstance(annotations, list) else filter(None, [annotations]):
                number += 1
                name = _name(annotation, names)
                gathering.add(reference, {"file": path, "row": number, "name": name, "annotation": annotation})


def _name(annotation: Any, names: list[str]) -> str:
    """Return the class of an annotation, empty where it has none that there is."""
    label = annotation.get("label_id") if isinstance(annotation, dict) else None
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < len(names):
        return ""
    return names[label]


def _path(item: dict[str, Any]) -> str:
    """Return the path of an item's image below the folder of its subset; its id where no path was saved."""
    for part in (item.get("image"), item.get("media")):
        if isinstance(part, dict) and isinstance(part.get("path"), str) and part["path"]:
            return str(part["path"])
    return str(item.get("id", ""))


def _row(entry: Entry, found: str) -> Row:
    annotation = entry["annotation"]
    if not isinstance(annotation, dict):
        raise Rejection("wrong_columns")
    kind = annotation.get("type")
    rings: Rings | None = None
    mask: Mask | None = None
    remarks: tuple[str, ...] = ("box_from_outline",)
    if kind == "bbox":
        corners: Corners | None = corners_of(annotation.get("bbox"))
        remarks = ()
        turn = as_coordinate(_said(annotation).get("rotation") or 0)
        if corners and turn % 180:
            rings = (turned_rectangle(corners, math.radians(turn)),)
            corners = around(rings)
            remarks = ("turned_box",)
    elif kind == "polygon":
        rings = (_polygon(annotation.get("points")),)
        corners = around(rings)
    elif kind == "ellipse":
        corners, _ = ordered(*_numbers(annotation.get("points"), 4))
    elif kind == "mask":
        rle = annotation.get("rle")
        mask, short = from_counts(rle.get("counts"), rle.get("size")) if isinstance(rle, dict) else (None, False)
        if mask is None:
            raise Rejection("mask_broken")
        corners = mask.box()
        remarks = (*remarks, "mask_padded") if short else remarks
    else:
        raise Rejection("region_kind")
    if corners is None:
        raise Rejection("zero_size")
    if not entry["name"]:
        raise Rejection("unknown_class")
    return Row(
        entry["row"],
        entry["name"],
        corners,
        found,
        rings=rings,
        mask=mask,
        attributes=_attributes(annotation),
        remarks=remarks,
    )


def _numbers(values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise Rejection("wrong_columns")
    return [as_coordinate(value) for value in values]


def _polygon(values: Any) -> Ring:
    if not isinstance(values, list) or len(values) < 6 or len(values) % 2:
        raise Rejection("wrong_columns")
    numbers = [as_coordinate(value) for value in values]
    return tuple(zip(numbers[0::2], numbers[1::2], strict=True))


def _size(size: Any) -> tuple[float, float] | None:
    """Return width and height of `[height, width]`."""
    return as_size(size[1], size[0]) if isinstance(size, list) and len(size) == 2 else None


def _attributes(annotation: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return as_attributes({"group": annotation.get("group") or None} | _said(annotation))


def _said(annotation: dict[str, Any]) -> dict[str, Any]:
    said = annotation.get("attributes")
    return said if isinstance(said, dict) else {}


def _described(entry: Entry) -> str:
    annotation = entry["annotation"]
    if not isinstance(annotation, dict):
        return str(annotation)[:FOUND_LIMIT]
    where = annotation.get("bbox") or annotation.get("points")
    label = entry["name"] or f"label_id {annotation.get('label_id')}"
    return f"{annotation.get('type')} {label} {'' if where is None else where}".strip()[:FOUND_LIMIT]


def _label_files(tree: Tree) -> list[str]:
    return [path for path in tree.files(".json") if _is_datumaro(tree.root / path)]


def _is_datumaro(path: Path) -> bool:
    """Tell by the first item or the list of class names; the rest of the file is not read."""
    try:
        with json_file(path) as file:
            for place, event, _ in ijson.parse(file):
                if place in ("items.item.annotations", "categories.label.labels"):
                    return bool(event == "start_array")
                if place == "" and event not in ("start_map", "map_key"):
                    return False
    except (ijson.JSONError, ValueError):
        return False
    return False


def _names(path: Path) -> list[str]:
    """Return the class names in order; empty where an entry has none."""
    with json_file(path) as file:
        return [
            str(item.get("name") or "").strip() if isinstance(item, dict) else str(item).strip()
            for item in ijson.items(file, "categories.label.labels.item", use_float=True)
        ]


def _annotations(path: Path) -> Iterator[Any]:
    with json_file(path) as file:
        yield from ijson.items(file, "items.item.annotations.item", use_float=True)


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json") or not _is_datumaro(tree.root / path):
        return None
    rows = 0
    try:
        for _ in _annotations(tree.root / path):
            rows += 1
    except (ijson.JSONError, ValueError, RecursionError):
        return rows
    return rows


FORMAT = Format(
    name="datumaro",
    title="Datumaro JSON",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A JSON file for each subset, with `items`; a file's name says the split. Images lie in `images/SUBSET/` or `images/`.",
        "Boxes, polygons, masks and ellipses, and turned boxes (the upright box around them, the corners as outline); points "
        "and lines are rejected by name, labels and captions of the whole image left out.",
    ),
    sample="annotations/train.json\nimages/train/a.jpg",
)
