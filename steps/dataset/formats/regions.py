"""Label Studio's regions: rectangles, turned or not, and polygons, in percent of the picture."""

import math
from collections.abc import Iterator
from typing import Any

from steps.dataset.issues import Rejection
from steps.dataset.rows import Corners, Ring, Row, around, as_coordinate


def is_region(region: dict[str, Any]) -> bool:
    """Tell whether `region` marks a part of the picture; choices, ratings and texts about all of it do not."""
    kind, value = str(region.get("type", "")), region.get("value")
    return isinstance(value, dict) and (kind.endswith("labels") or "x" in value or "points" in value or "rle" in value)


def labels_of(region: dict[str, Any]) -> list[str]:
    """Return the class names of `region`; usually there is one."""
    value = region["value"]
    given: Any = (
        value.get(str(region.get("type")))
        or value.get("labels")
        or next((labels for name, labels in value.items() if name.endswith("labels")), [])
    )
    return [label.strip() for label in given if isinstance(label, str)] if isinstance(given, list) else []


def rows_of(region: dict[str, Any], number: int, found: str) -> Iterator[Row]:
    """Yield a row for every label of `region`, in percent of the picture.

    Raises:
        Rejection: If it is no rectangle and no polygon, or has no label.
    """
    value = region["value"]
    rings = None
    remarks: tuple[str, ...] = ()
    if {"x", "y", "width", "height"} <= value.keys():
        corners = _rectangle(region)
    elif isinstance(value.get("points"), list):
        rings = (_polygon(value["points"]),)
        corners = around(rings)
        remarks = ("box_from_outline",)
    else:
        raise Rejection("region_kind")
    labels = labels_of(region)
    if not labels:
        raise Rejection("unknown_class")
    for label in labels:
        yield Row(number, label, corners, found, loose=True, rings=rings, remarks=remarks)


def _rectangle(region: dict[str, Any]) -> Corners:
    """Return the axis-aligned box, in percent, of a rectangle turned clockwise about its top left corner.

    The turn is one of pixels, so it needs the picture's shape; percent of width and height are different lengths.
    """
    value = region["value"]
    x, y, width, height, degrees = (
        as_coordinate(value.get(name, 0)) for name in ("x", "y", "width", "height", "rotation")
    )
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    across, down = (as_coordinate(region.get(name) or 100) for name in ("original_width", "original_height"))
    turn = math.radians(degrees or 0)
    cosine, sine = math.cos(turn), math.sin(turn)
    wide, high = width * across, height * down
    xs = [right * wide * cosine - low * high * sine for right, low in ((0, 0), (1, 0), (0, 1), (1, 1))]
    ys = [right * wide * sine + low * high * cosine for right, low in ((0, 0), (1, 0), (0, 1), (1, 1))]
    return x + min(xs) / across, y + min(ys) / down, x + max(xs) / across, y + max(ys) / down


def _polygon(points: list[Any]) -> Ring:
    outline = []
    for point in points:
        if not isinstance(point, list) or len(point) != 2:
            raise Rejection("not_a_number")
        outline.append((as_coordinate(point[0]), as_coordinate(point[1])))
    if len(outline) < 3:
        raise Rejection("wrong_columns")
    return tuple(outline)
