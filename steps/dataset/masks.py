"""Masks of objects as COCO's run lengths: read, turned and measured without a picture of them in memory for long.

Run lengths count pixels column by column, background first. "Compressed" is COCO's text form of the counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steps.dataset.issues import Rejection

MAX_PIXELS = 100_000_000
"""Of a mask; no larger picture is accepted by default."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Pixels of one object; see `records.Mask`.

    Attributes:
        height: Of the picture that was labelled, pixels.
        width: Of the picture that was labelled, pixels.
        counts: COCO's compressed run lengths.
    """

    height: int
    width: int
    counts: str

    @property
    def rle(self) -> dict[str, Any]:
        """The mask as `pycocotools` takes it."""
        return {"size": [self.height, self.width], "counts": self.counts.encode()}

    def box(self) -> tuple[float, float, float, float] | None:
        """Return the box around the mask, xyxy in pixels of the mask; None where it has no pixel."""
        from pycocotools import mask as coco  # noqa: PLC0415  (only data with masks pays for it)

        left, top, width, height = map(float, coco.toBbox(self.rle))
        return (left, top, left + width, top + height) if width and height else None

    def pixels(self) -> NDArray[np.uint8]:
        """Return the mask as an array of shape (height, width), 1 where the object is."""
        # Not with `pycocotools`: its `decode` warns with numpy 2 that it will fail with a later one.
        counts = _decompressed(self.counts)
        values = (np.arange(len(counts)) % 2).astype(np.uint8)
        return np.repeat(values, counts).reshape((self.height, self.width), order="F")


def from_pixels(pixels: NDArray[Any]) -> Mask:
    """Return the mask of an array of shape (height, width), not 0 where the object is."""
    from pycocotools import mask as coco  # noqa: PLC0415

    rle = coco.encode(np.asfortranarray(pixels != 0, dtype=np.uint8))
    return Mask(pixels.shape[0], pixels.shape[1], rle["counts"].decode())


def from_counts(counts: Any, size: Any) -> tuple[Mask, bool]:
    """Return the mask of a COCO segmentation, and whether its run lengths ended early: the rest is then background.

    Args:
        counts: Run lengths, column by column: text (compressed) or a list of numbers.
        size: Height and width, pixels.

    Raises:
        Rejection: `mask_broken`, if they are no run lengths of such a picture.
    """
    from pycocotools import mask as coco  # noqa: PLC0415

    sides = size if isinstance(size, list | tuple) and len(size) == 2 else ()
    if not sides or not all(type(side) is int and side > 0 for side in sides) or sides[0] * sides[1] > MAX_PIXELS:
        raise Rejection("mask_broken", f"size={size!r}")
    height, width = sides
    if isinstance(counts, str):
        counts = _decompressed(counts)
    if not isinstance(counts, list) or not all(type(count) is int and count >= 0 for count in counts):
        raise Rejection("mask_broken", f"counts={str(counts)[:60]}")
    short = height * width - sum(counts)
    if short < 0:
        raise Rejection("mask_broken", f"{sum(counts)} pixels in the run lengths of a mask of {width}x{height}")
    if short:  # Runs of background come first, third, fifth …
        counts = [*counts, short] if len(counts) % 2 == 0 else [*counts[:-1], counts[-1] + short]
    rle = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return Mask(height, width, rle["counts"].decode()), short > 0


def _decompressed(text: str) -> list[int]:
    """Return the run lengths in COCO's text form.

    A character has 5 bits, counted from "0"; from the fourth on, a count is the difference to the one two before.
    `pycocotools` reads such text without looking whether it ends, so that broken text must not reach it.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise Rejection("mask_broken", f"counts={text[:60]!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise Rejection("mask_broken", "the run lengths end too early")
    return counts


def turned(mask: Mask, orientation: int) -> Mask:
    """Return the mask of a stored picture as it is on the upright one, by EXIF `orientation` 5 to 8."""
    pixels = mask.pixels()
    upright = {
        5: lambda: pixels.T,
        6: lambda: np.rot90(pixels, -1),
        7: lambda: np.rot90(pixels, 2).T,
        8: lambda: np.rot90(pixels, 1),
    }[orientation]()
    return from_pixels(upright)
