"""COCO JSON: files with `images`, `annotations` and `categories`; boxes as x, y, width, height in pixels.

Several files are read as one data set, a file a split for instance; categories are one when their names are. Where some
are called `instances…`, only those are read: captions and keypoints tell the same images again. Files are streamed.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ijson

from steps.dataset.formats.json_file import json_file, refusing_broken
from steps.dataset.formats.source import Format, Picture
from steps.dataset.issues import FOUND_LIMIT, Issue, Rejection
from steps.dataset.listing import Listing
from steps.dataset.rows import Corners, Reading, Rings, Row, around, as_coordinate, as_size
from steps.dataset.tree import Tree, parent, stem
from steps.errors import DatasetError


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is a COCO one."""
    found = _annotation_files(tree)
    return f"COCO JSON: {', '.join(found[:5])}{' …' * (len(found) > 5)}" if found else ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "CocoSource":  # noqa: ARG001  (COCO files have their own names)
    """Gather what the JSON files say, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is no JSON, or its categories cannot be understood.
    """
    listing = tree.listing()
    order: dict[str, None] = {}
    for number, path in enumerate(_annotation_files(tree)):
        with refusing_broken(path):
            categories = _categories(tree.root / path, path)
            order |= dict.fromkeys(categories[key] for key in sorted(categories))
            _list_images(tree, path, number, listing)
            used = _list_annotations(tree.root / path, path, number, categories, listing)
        for name in _parents(tree.root / path) - used:
            order.pop(name, None)
    return CocoSource(tree, recognise(tree), tuple(order), listing)


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """What COCO files say about one image.

    Attributes:
        source: The JSON file, inside the source.
        entries: Texts as `open_source` listed them: an image's size, or an annotation.
    """

    source: str
    entries: tuple[str, ...]

    def read(self) -> Reading:
        """Return every annotation; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True)
        for entry in map(json.loads, self.entries):
            if "size" in entry:
                reading.frame = reading.frame or as_size(*entry["size"])
                continue
            reading.total += 1
            number = entry["id"] if isinstance(entry["id"], int) else None
            found = f"{entry['name']} bbox={json.dumps(entry['bbox'])}"[:FOUND_LIMIT]
            if entry["crowd"]:
                reading.note("crowd_left_out", number, found)
                continue
            try:
                row = _row(entry, number, found)
            except Rejection as fault:
                reading.note(fault.code, number, fault.found or found)
                continue
            reading.rows.append(row)
        return reading


@dataclass(frozen=True, slots=True)
class CocoSource:
    """Images that COCO files list; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    listing: Listing

    def pictures(self) -> Iterator[Picture]:
        """Yield every listed image; one without annotations is background."""
        for path, entries in self.listing.images():
            yield Picture(path, CocoLabels(json.loads(entries[0])["file"], entries))

    def left_out(self) -> Iterator[Issue]:
        """Yield images that are listed but not there, and those that are there but not listed."""
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if not self.listing.has(path):
                yield Issue("not_listed", path)

        read = _annotation_files(self.tree)
        for path in self.tree.files(".json"):
            if path not in read and _is_coco(self.tree.root / path):
                yield Issue("other_labels", path, None, "COCO, beside instances…", _rows_in(self.tree, path) or 0)

    def files(self) -> Iterator[str]:
        """Yield the JSON files."""
        yield from _annotation_files(self.tree)


def _annotation_files(tree: Tree) -> list[str]:
    found = [path for path in tree.files(".json") if _is_coco(tree.root / path)]
    return [path for path in found if stem(path).startswith("instances")] or found


def _is_coco(path: Path) -> bool:
    """Tell by the first image or annotation in the file; the rest is not read."""
    telling = {"images.item.file_name", "annotations.item.image_id"}
    try:
        with json_file(path) as file:
            for place, event, _ in ijson.parse(file):
                if place in telling:
                    return True
                if place == "" and event not in ("start_map", "map_key"):
                    return False
    except (ijson.JSONError, ValueError):
        return False
    return False


def _categories(path: Path, source: str) -> dict[Any, str]:
    categories: dict[Any, str] = {}
    with json_file(path) as file:
        for item in ijson.items(file, "categories.item", use_float=True):
            name = str(item.get("name", "")).strip() if isinstance(item, dict) else ""
            identity = item.get("id") if isinstance(item, dict) else None
            if not name or not isinstance(identity, int):
                raise DatasetError(
                    f"{source}: a category without a name or a whole number as id: {str(item)[:100]}",
                    hint='categories look like {"id": 1, "name": "plane"}',
                )
            categories[identity] = name
    return categories


def _parents(path: Path) -> set[str]:
    """Return names that only group others, such as Roboflow's first category: they are no class unless one is labelled."""
    with json_file(path) as file:
        return {str(item.get("supercategory", "")) for item in ijson.items(file, "categories.item")}


def _list_images(tree: Tree, source: str, number: int, listing: Listing) -> None:
    with json_file(tree.root / source) as file:
        for item in ijson.items(file, "images.item", use_float=True):
            reference = str(item.get("file_name", "")) if isinstance(item, dict) else ""
            found = tree.locate(reference, parent(source))
            if len(found) != 1:
                listing.miss(
                    Issue("image_ambiguous" if found else "image_missing", source, None, reference[-FOUND_LIMIT:])
                )
                continue
            listing.identify(f"{number}:{item.get('id')}", found[0])
            listing.add(found[0], json.dumps({"size": [item.get("width"), item.get("height")], "file": source}))


def _list_annotations(path: Path, source: str, number: int, names: dict[Any, str], listing: Listing) -> set[str]:
    """List every annotation with its image; return the names of the classes that occur."""
    used = set()
    with json_file(path) as file:
        for item in ijson.items(file, "annotations.item", use_float=True):
            if not isinstance(item, dict):
                listing.miss(Issue("wrong_columns", source, None, str(item)[:FOUND_LIMIT]))
                continue
            image = listing.identified(f"{number}:{item.get('image_id')}")
            category = item.get("category_id")
            name = names.get(category) if isinstance(category, int) else None
            if image is None or ("bbox" not in item and "segmentation" not in item):
                continue
            if name:
                used.add(name)
            entry = {
                "id": item.get("id"),
                "name": name or f"category_id {category}",
                "known": bool(name),
                "bbox": item.get("bbox"),
                "crowd": bool(item.get("iscrowd")),
                "rings": item.get("segmentation") if isinstance(item.get("segmentation"), list) else None,
            }
            listing.add(image, json.dumps(entry))
    return used


def _row(entry: dict[str, Any], number: int | None, found: str) -> Row:
    if not entry["known"]:
        raise Rejection("unknown_class")
    rings = _rings(entry["rings"])
    box = entry["bbox"]
    remarks: tuple[str, ...] = ()
    if not box and rings:
        corners: Corners = around(rings)
        remarks = ("box_from_outline",)
    elif isinstance(box, list) and len(box) == 4:
        x, y, width, height = map(as_coordinate, box)
        if width <= 0 or height <= 0:
            raise Rejection("zero_size")
        corners = (x, y, x + width, y + height)
    else:
        raise Rejection("wrong_columns" if box else "no_box")
    return Row(number, entry["name"], corners, found, rings=rings, remarks=remarks)


def _rings(segmentation: Any) -> Rings | None:
    """Return the rings of a segmentation; None where there is none, or one that is not sound."""
    if not isinstance(segmentation, list) or not segmentation:
        return None
    rings = []
    for ring in segmentation:
        try:
            values = [as_coordinate(value) for value in ring] if isinstance(ring, list) else []
        except Rejection:
            return None
        if len(values) < 6 or len(values) % 2:
            return None
        rings.append(tuple(zip(values[0::2], values[1::2], strict=True)))
    return tuple(rings)


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json") or not _is_coco(tree.root / path):
        return None
    rows = 0
    try:
        with json_file(tree.root / path) as file:
            for _ in ijson.items(file, "annotations.item", use_float=True):
                rows += 1
    except (ijson.JSONError, ValueError, RecursionError):
        return rows
    return rows


FORMAT = Format(
    name="coco",
    title="COCO JSON",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "One file or several, a file a split for instance. Where some are called `instances…`, only those are read.",
    ),
    sample="annotations/instances_train.json\nimages/a.jpg",
)
