"""LabelMe's JSON: a file an image, with `shapes` in pixels. X-AnyLabeling and AnyLabeling write the same.

A file belongs to the image of its own name in the mirrored folder (`images` for `labels`) or beside it; else to the one
that its `imagePath` means, on whatever machine that was written. Images inside the files (`imageData`) are not unpacked.

`datumaro` reads the XML files of LabelMe's web tool alone; so does our reader of Pascal VOC.
"""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from steps.dataset.formats.json_file import json_file, load
from steps.dataset.formats.paired import PairedSource, beside, pair
from steps.dataset.formats.shapes import around_ellipse, as_attributes, bitmap, pasted, point, polygon
from steps.dataset.formats.source import Format
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import Mask
from steps.dataset.rows import Corners, Reading, Rings, Row, around, as_size
from steps.dataset.tree import Tree, parent, stem

LABEL_FOLDERS = ("labels", "label", "annotations", "annotation", "ann", "json", "jsons", "labelme")


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is one of LabelMe's."""
    for path in tree.files(".json"):
        if _is_labelme(tree.root / path):
            return f"LabelMe JSON files in {parent(path) or 'the root'}/"
    return ""


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (LabelMe files have their own names)
    """Match JSON files with images; see `source.Format`."""
    listing, folders = pair(tree, tree.files(".json"), partial(_find, tree), _rows_in, partial(_described_image, tree))

    def labels(file: str | None, picture: str) -> LabelMeLabels:
        return LabelMeLabels(tree.root / file if file else None, file or picture)

    return PairedSource(tree, recognise(tree), None, listing, folders, labels)


@dataclass(frozen=True, slots=True)
class LabelMeLabels:
    """The JSON file of one image.

    Attributes:
        file: The JSON file. None: there is none.
        source: Its path inside the source, or the image's where there is none.
    """

    file: Path | None
    source: str

    def read(self) -> Reading:
        """Return every shape; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True, present=self.file is not None)
        if self.file is None:
            return reading
        content, repaired = read_labels(self.file)
        if repaired:
            reading.note("encoding", None, repaired)
        reading.frame = as_size(content.get("imageWidth"), content.get("imageHeight"))
        for number, shape in enumerate(content["shapes"], 1):
            reading.total += 1
            found = _described(shape)
            try:
                row = _row(shape, number, found, reading.frame)
            except Rejection as fault:
                reading.note(fault.code, number, fault.found or found)
                continue
            reading.rows.append(row)
        return reading


def read_labels(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a LabelMe file, and what had to be repaired to read it (empty: nothing).

    Raises:
        Rejection: `label_unreadable`, if it is none.
    """
    content, repaired = load(path)
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise Rejection("label_unreadable", "not LabelMe's JSON: no `shapes`")
    return content, repaired


def _row(shape: Any, number: int, found: str, size: tuple[float, float] | None) -> Row:
    if not isinstance(shape, dict):
        raise Rejection("wrong_columns")
    kind = shape.get("shape_type") or "polygon"
    points = shape.get("points")
    rings: Rings | None = None
    mask: Mask | None = None
    remarks: tuple[str, ...] = ()
    if kind == "rectangle":
        corners = _rectangle(points)
    elif kind == "rotation":
        rings = (polygon(points),)
        corners = around(rings)
        remarks = ("turned_box",)
    elif kind in ("polygon", "circle", "mask"):
        remarks = ("box_from_outline",)
        if kind == "polygon":
            rings = (polygon(points),)
            corners = around(rings)
        elif kind == "circle":
            corners = _circle(points)
        else:
            mask, corners = _mask(shape, size)
    else:
        raise Rejection("region_kind")
    label = shape.get("label")
    if not isinstance(label, str) or not label.strip():
        raise Rejection("unknown_class")
    return Row(
        number,
        label.strip(),
        corners,
        found,
        rings=rings,
        mask=mask,
        attributes=_attributes(shape),
        remarks=remarks,
    )


def _rectangle(points: Any) -> Corners:
    """Return the box between two opposite corners, in whatever order, or around all four as X-AnyLabeling has them."""
    if not isinstance(points, list) or len(points) not in (2, 4):
        raise Rejection("wrong_columns")
    return around([tuple(map(point, points))])


def _circle(points: Any) -> Corners:
    """Return the box around a circle, stated by its centre and a point on its edge."""
    if not isinstance(points, list) or len(points) != 2:
        raise Rejection("wrong_columns")
    (x, y), (edge_x, edge_y) = map(point, points)
    radius = math.hypot(edge_x - x, edge_y - y)
    return around_ellipse(x, y, radius, radius)


def _mask(shape: dict[str, Any], size: tuple[float, float] | None) -> tuple[Mask, Corners]:
    """Return the mask that stands as a picture at its box, whose last column and row belong to it."""
    left, top, right, bottom = _rectangle(shape.get("points"))
    pixels = bitmap(shape.get("mask"))
    high, wide = pixels.shape
    if abs(int(right) - int(left) + 1 - wide) > 1 or abs(int(bottom) - int(top) + 1 - high) > 1:
        raise Rejection("mask_broken", f"a bitmap of {wide}x{high} in the box {left:g},{top:g} to {right:g},{bottom:g}")
    return pasted(pixels, int(left), int(top), size)


def _attributes(shape: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    said: dict[str, Any] = {name: shape.get(name) for name in ("group_id", "description", "difficult", "score")}
    for more in (shape.get("flags"), shape.get("attributes")):
        said |= more if isinstance(more, dict) else {}
    return as_attributes(said)


def _described(shape: Any) -> str:
    if not isinstance(shape, dict):
        return str(shape)[:FOUND_LIMIT]
    return f"{shape.get('shape_type') or 'polygon'} {shape.get('label')} points={shape.get('points')}"[:FOUND_LIMIT]


def _find(tree: Tree, path: str) -> list[str]:
    """Return the images that a JSON file can be about; of several of its name, the one that it means."""
    found = beside(tree, path, LABEL_FOLDERS)
    if len(found) == 1:
        return found
    try:
        reference = str(read_labels(tree.root / path)[0].get("imagePath") or "")
    except Rejection:
        return []
    meant = tree.locate(reference, parent(path))
    if found:
        return [each for each in found if each in meant] or found
    return meant or tree.pictures_of_stem(stem(path))


def _described_image(tree: Tree, path: str) -> str:
    try:
        content = read_labels(tree.root / path)[0]
    except Rejection:
        return ""
    inside = ", only inside this file as imageData: write it to a file beside" if content.get("imageData") else ""
    return f"no image imagePath={str(content.get('imagePath'))[-50:]!r}{inside}"


def _is_labelme(path: Path) -> bool:
    """Tell by the first key of the file that is `shapes`; the rest is not read."""
    try:
        with json_file(path) as file:
            for place, event, _ in ijson.parse(file):
                if place == "shapes":
                    return bool(event == "start_array")
                if place == "" and event not in ("start_map", "map_key"):
                    return False
    except (ijson.JSONError, ValueError):
        return False
    return False


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json"):
        return None
    try:
        return len(read_labels(tree.root / path)[0]["shapes"])
    except (Rejection, OSError):
        return None


FORMAT = Format(
    name="labelme",
    title="LabelMe JSON",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A JSON file belongs to the image of its own name in the mirrored folder (`images` for `labels`, `annotations`) or "
        "beside it; else to the one that its `imagePath` means. Images that are only inside the files (`imageData`) are "
        "named, not unpacked.",
        "Rectangles, polygons, circles (the box around them), masks, and X-AnyLabeling's turned rectangles (the upright "
        "box, the corners as outline); points and lines are rejected by name. Flags and `group_id` become attributes.",
    ),
    sample="a.json\na.jpg",
)
