"""Supervisely's projects: a folder a data set with `img/` and `ann/`, a JSON file an image, classes in `meta.json`.

A file is called as its image is with `.json` after it, `a.jpg.json`; old projects have `a.json`.

`datumaro` reads Supervisely's point clouds alone, and `supervision` none of its files.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from steps.dataset.formats.json_file import load
from steps.dataset.formats.paired import PairedSource, beside, pair
from steps.dataset.formats.shapes import as_attributes, bitmap, ordered, pasted, point, polygon, with_holes
from steps.dataset.formats.source import Format
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import Mask
from steps.dataset.rows import Corners, Reading, Rings, Row, around, as_size
from steps.dataset.tree import Tree, key, parent

LABEL_FOLDERS = ("ann",)


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no folder `ann` has one of Supervisely's files."""
    for path in _in_ann(tree):
        if _rows_in(tree, path) is not None:
            return f"Supervisely project, JSON files in {parent(path)}/"
    return ""


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (projects have their own names)
    """Match the files with images; see `source.Format`."""
    listing, folders = pair(tree, _in_ann(tree), partial(beside, tree, folders=LABEL_FOLDERS), _rows_in)
    names: dict[str, None] = {}
    settings = []
    for path in tree.named("meta.json"):
        found = _classes(tree.root / path)
        if found is not None:
            settings.append(path)
            names |= dict.fromkeys(found)
    known = frozenset(names)

    def labels(file: str | None, picture: str) -> SuperviselyLabels:
        return SuperviselyLabels(tree.root / file if file else None, file or picture, known)

    return PairedSource(tree, recognise(tree), tuple(names) or None, listing, folders, labels, tuple(settings))


@dataclass(frozen=True, slots=True)
class SuperviselyLabels:
    """The JSON file of one image.

    Attributes:
        file: The JSON file. None: there is none.
        source: Its path inside the source, or the image's where there is none.
        names: Classes of the project. Empty: unknown.
    """

    file: Path | None
    source: str
    names: frozenset[str]

    def read(self) -> Reading:
        """Return every object, and name the tags of the whole image; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True, present=self.file is not None)
        if self.file is None:
            return reading
        content, repaired = read_labels(self.file)
        if repaired:
            reading.note("encoding", None, repaired)
        size = content.get("size")
        reading.frame = as_size(size.get("width"), size.get("height")) if isinstance(size, dict) else None
        for number, item in enumerate(content["objects"], 1):
            reading.total += 1
            found = _described(item)
            try:
                reading.rows.append(self._row(item, number, found, reading.frame))
            except Rejection as fault:
                reading.note(fault.code, number, fault.found or found)
        for tag in _tags(content):
            reading.total += 1
            reading.note("image_label", reading.total, json.dumps(tag, ensure_ascii=False))
        return reading

    def _row(self, item: Any, number: int, found: str, size: tuple[float, float] | None) -> Row:
        if not isinstance(item, dict):
            raise Rejection("wrong_columns")
        corners, rings, mask, remarks = _shape(item, size)
        label = item.get("classTitle")
        label = label.strip() if isinstance(label, str) else ""
        if not label or (self.names and label not in self.names):
            raise Rejection("unknown_class")
        return Row(number, label, corners, found, rings=rings, mask=mask, attributes=_attributes(item), remarks=remarks)


def read_labels(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a Supervisely file, and what had to be repaired to read it (empty: nothing).

    Raises:
        Rejection: `label_unreadable`, if it is none.
    """
    content, repaired = load(path)
    if not isinstance(content, dict) or not isinstance(content.get("objects"), list):
        raise Rejection("label_unreadable", "not Supervisely's JSON: no `objects`")
    return content, repaired


def _shape(
    item: dict[str, Any], size: tuple[float, float] | None
) -> tuple[Corners, Rings | None, Mask | None, tuple[str, ...]]:
    """Return box, outline, mask and remarks of an object."""
    points = item.get("points")
    drawn = points if isinstance(points, dict) else {}
    kind = item.get("geometryType")
    if kind == "rectangle":
        corners = drawn.get("exterior")
        if not isinstance(corners, list) or len(corners) != 2:
            raise Rejection("wrong_columns")
        (left, top), (right, bottom) = map(point, corners)
        box, remarks = ordered(left, top, right, bottom)
        return box, None, None, remarks
    if kind == "polygon":
        ring = polygon(drawn.get("exterior"))
        holes = drawn.get("interior") or []
        if not isinstance(holes, list):
            raise Rejection("wrong_columns")
        mask = with_holes(ring, [polygon(hole) for hole in holes], size) if holes else None
        return around([ring]), (ring,), mask, ("box_from_outline",)
    if kind in ("bitmap", "alpha_mask"):
        part = item.get(kind) or item.get("bitmap")
        if not isinstance(part, dict):
            raise Rejection("mask_broken")
        x, y = point(part.get("origin"))
        mask, box = pasted(bitmap(part.get("data"), packed=True), int(x), int(y), size)
        return box, None, mask, ("box_from_outline",)
    raise Rejection("region_kind")


def _attributes(item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the tags of an object; one without a value is true."""
    said: dict[str, Any] = {"description": item.get("description")}
    for tag in _tags(item):
        if isinstance(tag, dict) and isinstance(tag.get("name"), str):
            value = tag.get("value")
            said[tag["name"]] = True if value is None else value
    return as_attributes(said)


def _tags(content: dict[str, Any]) -> list[Any]:
    tags = content.get("tags")
    return tags if isinstance(tags, list) else []


def _described(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)[:FOUND_LIMIT]
    points = item.get("points")
    where = points.get("exterior") if isinstance(points, dict) else None
    return f"{item.get('geometryType')} {item.get('classTitle')} {where or ''}".strip()[:FOUND_LIMIT]


def _in_ann(tree: Tree) -> Iterator[str]:
    return (path for path in tree.files(".json") if key(parent(path)).rpartition("/")[2] in LABEL_FOLDERS)


def _classes(path: Path) -> list[str] | None:
    """Return the classes of a `meta.json`, None where it is another tool's."""
    try:
        content, _ = load(path)
    except Rejection:
        return None
    classes = content.get("classes") if isinstance(content, dict) else None
    if not isinstance(classes, list):
        return None
    titles = (item.get("title") for item in classes if isinstance(item, dict))
    return [title.strip() for title in titles if isinstance(title, str) and title.strip()]


def _rows_in(tree: Tree, path: str) -> int | None:
    """Return how many objects and tags a file has; None where it is no file of Supervisely."""
    if not path.lower().endswith(".json"):
        return None
    try:
        content, _ = read_labels(tree.root / path)
    except (Rejection, OSError):
        return None
    objects = content["objects"]
    own = any(isinstance(item, dict) and "classTitle" in item for item in objects)
    return (
        len(objects) + len(_tags(content)) if own or (not objects and isinstance(content.get("size"), dict)) else None
    )


FORMAT = Format(
    name="supervisely",
    title="Supervisely",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A folder a data set, with `img/` and `ann/`; classes are in the order of `meta.json`.",
        "Rectangles, polygons and bitmaps; a polygon with holes is kept as a mask, too. Points, lines and graphs are rejected by "
        "name. Tags of an object become attributes, those of the whole image are left out.",
    ),
    sample="meta.json\nds0/ann/a.jpg.json\nds0/img/a.jpg",
)
