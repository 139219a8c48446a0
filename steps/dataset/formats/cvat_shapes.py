"""Shapes of CVAT's XML files, as rows."""

import math
from typing import Any

import numpy as np

from steps.dataset.formats.shapes import around_ellipse, number, ordered, pasted, turned_rectangle
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import MAX_PIXELS, Mask
from steps.dataset.rows import Corners, Ring, Rings, Row, around

GEOMETRY = frozenset(
    {
        *("outside", "frame", "points", "rotation", "z_order"),
        *("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry", "rle", "left", "top", "width", "height"),
    }
)
"""XML attributes that say which object is where; the others say something else of it."""

Shape = dict[str, Any]
"""A shape as it is listed: `kind`, `number`, `label`, `known`, `values` (XML attributes) and `attributes` (the user's)."""


def row_of(shape: Shape, size: tuple[float, float] | None) -> Row:
    """Return the row that a shape states; `size` is the picture's, where the file states it.

    Raises:
        Rejection: If it states none.
    """
    kind, values = shape["kind"], shape["values"]
    rings: Rings | None = None
    mask: Mask | None = None
    remarks: tuple[str, ...] = ("box_from_outline",)
    if kind == "box":
        corners, remarks = ordered(*(number(values.get(side)) for side in ("xtl", "ytl", "xbr", "ybr")))
        degrees = number(values.get("rotation") or "0")
        if degrees % 180:
            rings = (turned_rectangle(corners, math.radians(degrees)),)
            corners = around(rings)
            remarks = (*remarks, "turned_box")
    elif kind == "polygon":
        rings = (_points(values.get("points")),)
        corners = around(rings)
    elif kind == "ellipse":
        corners = _ellipse(values)
    elif kind == "mask":
        mask, corners = pasted(*_bitmap(values), size)
    else:
        raise Rejection("region_kind")
    if not shape["known"]:
        raise Rejection("unknown_class")
    others = {name: text for name, text in values.items() if name not in GEOMETRY}
    attributes = tuple(sorted({**others, **shape["attributes"]}.items()))
    return Row(
        shape["number"],
        shape["label"],
        corners,
        described(shape),
        rings=rings,
        mask=mask,
        attributes=attributes,
        remarks=remarks,
    )


def described(shape: Shape) -> str:
    """Return a shape in words, for people."""
    where = " ".join(f"{name}={text}" for name, text in shape["values"].items() if name in GEOMETRY)
    return f"{shape['kind']} {shape['label']} {where}"[:FOUND_LIMIT]


def _points(text: str | None) -> Ring:
    """Return the ring of `x,y;x,y;…`."""
    if not text:
        raise Rejection("wrong_columns")
    ring = []
    for pair in text.strip("; ").split(";"):
        x, mark, y = pair.partition(",")
        if not mark:
            raise Rejection("wrong_columns")
        ring.append((number(x), number(y)))
    if len(ring) < 3:
        raise Rejection("wrong_columns")
    return tuple(ring)


def _ellipse(values: dict[str, str]) -> Corners:
    x, y, across, down = (number(values.get(name)) for name in ("cx", "cy", "rx", "ry"))
    return around_ellipse(x, y, across, down, math.radians(number(values.get("rotation") or "0")))


def _bitmap(values: dict[str, str]) -> tuple[np.ndarray[Any, Any], int, int]:
    """Return the pixels of a mask, and the column and row of the picture where they begin.

    CVAT counts runs line by line inside the mask's own box, background first; COCO counts column by column.
    """
    try:
        left, top, width, height = (int(float(values[name])) for name in ("left", "top", "width", "height"))
        counts = np.array([int(count) for count in values["rle"].split(",")], np.int64)
    except (KeyError, ValueError, OverflowError):
        raise Rejection("mask_broken") from None
    if width < 1 or height < 1 or width * height > MAX_PIXELS or counts.min() < 0 or counts.max() > MAX_PIXELS:
        raise Rejection("mask_broken")
    if counts.sum() != width * height:
        raise Rejection("mask_broken", f"{counts.sum()} pixels in the run lengths of a mask of {width}x{height}")
    return np.repeat(np.arange(len(counts)) % 2, counts).reshape(height, width), left, top
