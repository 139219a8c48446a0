"""Label Studio's regions: rectangles and ellipses, turned or not, polygons and brush strokes, in percent of the picture.

One object may have several results, which share the region's `id`: its shape, its labels, and choices, ratings and texts.
Shape and labels make the object; the others are its attributes, and never its class.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from steps.dataset.formats.brush import read_brush
from steps.dataset.issues import Rejection
from steps.dataset.rows import Corners, Ring, Row, around, as_coordinate

SHAPES = ({"x", "y", "width", "height"}, {"x", "y", "radiusX", "radiusY"}, {"points"}, {"rle"})
"""Keys of a value, any of which make it a shape."""

UPRIGHT = 1e-3
"""Sine of twice the turn up to which a rectangle's sides are upright: within 0.03 degrees."""


def is_region(result: Any) -> bool:
    """Return whether a result marks a part of the picture; choices, ratings and texts about all of it do not."""
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        return False
    value = result["value"]
    return str(result.get("type", "")).endswith("labels") or any(shape <= value.keys() for shape in SHAPES)


def regions_in(results: Iterable[Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the results of each object, in the order of its first one.

    Its labels share its `id` and, where they repeat it, its shape; what else has that `id` are attributes. Those without an `id` are objects of their own.
    """
    regions: dict[Any, list[list[dict[str, Any]]]] = {}
    for number, result in enumerate(results):
        if not is_region(result):
            continue
        identity = result.get("id")
        same = regions.setdefault(identity if isinstance(identity, str) else number, [])
        region = next((region for region in same if _are_one(region, result)), None)
        if region is None:
            same.append([result])
        else:
            region.append(result)
    for same in regions.values():
        yield from same


def _are_one(region: list[dict[str, Any]], result: dict[str, Any]) -> bool:
    """Return whether a result belongs to an object: it is an attribute, or has no shape, or the one that the object has."""
    shape = _shape_of(result) if _makes_object(result) else None
    other = next((found for each in region if (found := _shape_of(each))), None)
    return shape is None or other is None or shape == other


def _makes_object(result: dict[str, Any]) -> bool:
    """Return whether a result is the shape of an object or its labels; the others are its attributes."""
    kind = str(result.get("type", ""))
    return kind.endswith("labels") or kind in ("rectangle", "polygon", "ellipse", "brush")


def _shape_of(result: dict[str, Any]) -> dict[str, Any] | None:
    value: dict[str, Any] = result["value"]
    keys = next((shape for shape in SHAPES if shape <= value.keys()), None)
    return None if keys is None else {key: value[key] for key in keys}


def labels_of(region: list[dict[str, Any]]) -> list[str]:
    """Return the class names of an object; usually there is one."""
    labels: dict[str, None] = {}
    for result in region:
        for name, given in result["value"].items():
            if name.endswith("labels") and isinstance(given, list):
                labels |= dict.fromkeys(label.strip() for label in given if isinstance(label, str))
    return list(labels)


def count_rows(results: list[Any]) -> int:
    """Return how many rows the results of one annotation are: a row for each label of an object, and one for each other result."""
    others = sum(not is_region(result) for result in results)
    return others + sum(max(1, len(labels_of(region))) for region in regions_in(results))


def rows_of(region: list[dict[str, Any]], number: int, found: str) -> Iterator[Row]:
    """Yield a row for every label of an object, in percent of the picture.

    Raises:
        Rejection: If it has no shape that has a box, or no label.
    """
    shaped = next((result for result in region if any(shape <= result["value"].keys() for shape in SHAPES)), None)
    if shaped is None:
        raise Rejection("region_kind")
    row = replace(_shape(shaped, number, found), attributes=_attributes(region))
    labels = labels_of(region)
    if not labels:
        raise Rejection("unknown_class")
    for label in labels:
        yield replace(row, label=label)


def _shape(result: dict[str, Any], number: int, found: str) -> Row:
    value = result["value"]
    row = Row(number, "", (0, 0, 0, 0), found, loose=True)
    if {"x", "y", "width", "height"} <= value.keys():
        ring, swapped, turned = _rectangle(result)
        remarks = ("corners_swapped",) * swapped + ("turned_box",) * turned
        return replace(row, xyxy=around((ring,)), rings=(ring,) if turned else None, remarks=remarks)
    if {"radiusX", "radiusY"} <= value.keys():
        return replace(row, xyxy=_ellipse(result), remarks=("box_from_outline",))
    if isinstance(value.get("points"), list):
        rings = (_polygon(value["points"]),)
        return replace(row, xyxy=around(rings), rings=rings, remarks=("box_from_outline",))
    if "rle" in value:
        width, height = (int(side) for side in _size(result, missing=0))
        mask = read_brush(value["rle"], width, height)
        box = mask.box()
        if box is None:
            raise Rejection("zero_size")
        scale = (100 / width, 100 / height) * 2
        left, top, right, bottom = (side * each for side, each in zip(box, scale, strict=True))
        return replace(row, xyxy=(left, top, right, bottom), mask=mask, remarks=("box_from_outline",))
    raise Rejection("region_kind")


def _attributes(region: list[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return what choices, ratings, numbers and texts say of the object, by the name of their control."""
    attributes: dict[str, str] = {}
    for result in region:
        kind = str(result.get("type", ""))
        given = result["value"].get({"textarea": "text"}.get(kind, kind))
        if given is None or _makes_object(result):
            continue
        texts = given if isinstance(given, list) else [given]
        attributes[str(result.get("from_name") or kind)] = ", ".join(
            text if isinstance(text, str) else json.dumps(text) for text in texts
        )
    return tuple(sorted(attributes.items()))


def _size(result: dict[str, Any], missing: float) -> tuple[float, float]:
    """Return width and height of the picture, pixels, as the result states them; `missing` where it does not."""
    width, height = (as_coordinate(result.get(name) or missing) for name in ("original_width", "original_height"))
    return width, height


def _rectangle(result: dict[str, Any]) -> tuple[Ring, bool, bool]:
    """Return the corners, in percent, of a rectangle turned clockwise about the first; whether a side was negative, and whether it leans.

    The turn is one of pixels, so it needs the picture's shape; percent of width and height are different lengths. A
    rectangle that was drawn to the left or upwards has negative sides. One that is turned by a right angle does not lean.
    """
    value = result["value"]
    x, y, width, height, degrees = (
        as_coordinate(value.get(name) or 0) for name in ("x", "y", "width", "height", "rotation")
    )
    if not width or not height:
        raise Rejection("zero_size")
    across, down = _size(result, missing=100)
    turn = math.radians(degrees)
    cosine, sine = math.cos(turn), math.sin(turn)
    wide, high = width * across, height * down
    ring = tuple(
        (
            x + (right * wide * cosine - low * high * sine) / across,
            y + (right * wide * sine + low * high * cosine) / down,
        )
        for right, low in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    return ring, width < 0 or height < 0, abs(math.sin(2 * turn)) > UPRIGHT


def _ellipse(result: dict[str, Any]) -> Corners:
    """Return the axis-aligned box, in percent, of an ellipse turned about its centre.

    Half of its width is √((a cos t)² + (b sin t)²) for half axes a, b and a turn t, half of its height the same with sine
    and cosine exchanged; all in pixels.
    """
    value = result["value"]
    x, y, across_half, down_half, degrees = (
        as_coordinate(value.get(name) or 0) for name in ("x", "y", "radiusX", "radiusY", "rotation")
    )
    across, down = _size(result, missing=100)
    turn = math.radians(degrees)
    a, b = across_half * across, down_half * down
    half_width = math.hypot(a * math.cos(turn), b * math.sin(turn)) / across
    half_height = math.hypot(a * math.sin(turn), b * math.cos(turn)) / down
    if not half_width or not half_height:
        raise Rejection("zero_size")
    return x - half_width, y - half_height, x + half_width, y + half_height


def _polygon(points: list[Any]) -> Ring:
    outline = []
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise Rejection("not_a_number")
        outline.append((as_coordinate(point[0]), as_coordinate(point[1])))
    if len(outline) < 3:
        raise Rejection("wrong_columns")
    return tuple(outline)
