"""Shapes as drawing tools store them, whichever tool it is: what becomes the box, the outline and the mask of a row."""

import base64
import io
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from steps.dataset.issues import Rejection
from steps.dataset.masks import MAX_PIXELS, Mask, from_pixels
from steps.dataset.rows import LARGEST, Corners, Ring, as_coordinate

PACKED_LIMIT = 1000
"""A packed bitmap may grow by so much when it is unpacked; more is no bitmap but an attack."""


def number(text: str | None) -> float:
    """Return the number that a text file states.

    Raises:
        Rejection: `wrong_columns`, if it states nothing; `not_a_number`, if that is none, or one without end.
    """
    if text is None:
        raise Rejection("wrong_columns")
    try:
        value = float(text)
    except ValueError:
        raise Rejection("not_a_number") from None
    if not abs(value) <= LARGEST:
        raise Rejection("not_a_number")
    return value


def as_attributes(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what JSON says of an object as the attributes of a row; values that say nothing are left out."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in values.items()
        if value not in (None, "", [], {})
    }
    return tuple(sorted(texts.items()))


def ordered(x: float, y: float, other_x: float, other_y: float) -> tuple[Corners, tuple[str, ...]]:
    """Return the box between two corners, and the remark that they were in the wrong order, where they were."""
    corners = min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y)
    return corners, ("corners_swapped",) if corners != (x, y, other_x, other_y) else ()


def polygon(points: Any) -> Ring:
    """Return the ring of a JSON list of points `[x, y]`.

    Raises:
        Rejection: If they are no numbers, or fewer than three.
    """
    if not isinstance(points, list):
        raise Rejection("wrong_columns")
    ring = tuple(point(each) for each in points)
    if len(ring) < 3:
        raise Rejection("wrong_columns")
    return ring


def point(pair: Any) -> tuple[float, float]:
    """Return a point that JSON has as `[x, y]`.

    Raises:
        Rejection: If it is none.
    """
    if not isinstance(pair, list) or len(pair) != 2:
        raise Rejection("not_a_number")
    return as_coordinate(pair[0]), as_coordinate(pair[1])


def turned_rectangle(corners: Corners, radians: float) -> Ring:
    """Return the corners of a rectangle that is turned clockwise, as one sees it, about its centre."""
    left, top, right, bottom = corners
    x, y, across, down = (left + right) / 2, (top + bottom) / 2, (right - left) / 2, (bottom - top) / 2
    cosine, sine = math.cos(radians), math.sin(radians)
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return tuple(
        (x + a * across * cosine - b * down * sine, y + a * across * sine + b * down * cosine) for a, b in signs
    )


def around_ellipse(x: float, y: float, across: float, down: float, radians: float = 0.0) -> Corners:
    """Return the box around an ellipse with the half axes `across` and `down`, turned about its centre."""
    if across <= 0 or down <= 0:
        raise Rejection("zero_size")
    cosine, sine = math.cos(radians), math.sin(radians)
    wide, high = math.hypot(across * cosine, down * sine), math.hypot(across * sine, down * cosine)
    return x - wide, y - high, x + wide, y + high


def pasted(part: NDArray[Any], left: int, top: int, size: tuple[float, float] | None) -> tuple[Mask, Corners]:
    """Return the mask of the whole picture that is `part` at `left`, `top`, and the box around its pixels.

    Args:
        part: Array of shape (height, width), not 0 where the object is.
        left: Column of the picture where it begins.
        top: Row of the picture where it begins.
        size: Width and height of the picture, pixels, as the labels state them.

    Raises:
        Rejection: `mask_broken`, if it does not fit into the picture; `zero_size`, if it has no pixel.
    """
    if size is None:
        raise Rejection("mask_broken", "a mask, and the labels do not state the size of the picture")
    width, height = map(round, size)
    high, wide = part.shape
    if left < 0 or top < 0 or left + wide > width or top + high > height or width * height > MAX_PIXELS:
        raise Rejection("mask_broken", f"a mask of {wide}x{high} at {left},{top} in a picture of {width}x{height}")
    whole = np.zeros((height, width), bool)
    whole[top : top + high, left : left + wide] = part != 0
    mask = from_pixels(whole)
    corners = mask.box()
    if corners is None:
        raise Rejection("zero_size")
    return mask, corners


def with_holes(ring: Ring, holes: Sequence[Ring], size: tuple[float, float] | None) -> Mask:
    """Return the mask inside `ring` and outside of all `holes`, in a picture of `size`, width and height in pixels.

    Raises:
        Rejection: `mask_broken`, if the size is not known or too large.
    """
    width, height = map(round, size or (0, 0))
    if not 0 < width * height <= MAX_PIXELS:
        raise Rejection("mask_broken", f"a polygon with holes in a picture of {width}x{height}")
    image = Image.new("L", (width, height))
    pen = ImageDraw.Draw(image)
    pen.polygon(ring, fill=1)
    for hole in holes:
        pen.polygon(hole, fill=0)
    return from_pixels(np.asarray(image))


def bitmap(text: Any, *, packed: bool = False) -> NDArray[np.uint8]:
    """Return the pixels of a picture that stands in JSON as base64, with zlib around it where it is `packed`.

    A picture with transparency is where it is opaque, any other where it is not 0.

    Raises:
        Rejection: `mask_broken`, if it is no picture.
    """
    if not isinstance(text, str):
        raise Rejection("mask_broken", "no bitmap")
    try:
        data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
        if packed:
            unpacking = zlib.decompressobj()
            data = unpacking.decompress(data, PACKED_LIMIT * max(len(data), 1))
        with Image.open(io.BytesIO(data), formats=("PNG", "BMP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Rejection("mask_broken", f"a bitmap of {image.width}x{image.height}")
            clear = "A" in image.getbands() or "transparency" in image.info
            return np.asarray(image.convert("RGBA").getchannel("A") if clear else image.convert("L"), np.uint8)
    except (OSError, ValueError, SyntaxError, EOFError, zlib.error, Image.DecompressionBombError) as error:
        raise Rejection("mask_broken", f"bitmap: {' '.join(str(error).split())}") from None
