"""Label Studio's brush: run lengths of bits, which unpack to the four channels of a picture; the fourth is the mask.

The stream, from the highest bit of each byte on, has: 32 bits, the number of values; 5 bits, the size of a value less 1;
four times 4 bits, sizes of counts less 1; then blocks. A block has one bit (1: one value for all, 0: each its own), two
bits that choose a size, a count less 1 of that size, and the value or values. The layout is that of the `rle-pack` library.
"""

from typing import Any

import numpy as np

from steps.dataset.issues import Rejection
from steps.dataset.masks import MAX_PIXELS, Mask, from_pixels

CHANNELS = 4


def read_brush(rle: Any, width: int, height: int) -> Mask:
    """Return the mask of a brush stroke on a picture of the given size, pixels.

    Raises:
        Rejection: `mask_broken`, if these are no run lengths of such a picture.
    """
    count = width * height * CHANNELS
    if not isinstance(rle, list) or not all(type(byte) is int and 0 <= byte < 256 for byte in rle):
        raise Rejection("mask_broken", "the run lengths are no list of bytes")
    if not 0 < width * height <= MAX_PIXELS:
        raise Rejection("mask_broken", f"{width}x{height}")
    stream = _Bits(bytes(rle))
    if stream.take(32) != count:
        raise Rejection("mask_broken", f"not the run lengths of a picture of {width}x{height}")
    size = stream.take(5) + 1
    counts = [stream.take(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    place = 0
    while place < count:
        same = stream.take(1)
        run = min(stream.take(counts[stream.take(2)]) + 1, count - place)
        if same:
            values[place : place + run] = min(stream.take(size), 255)
        else:
            values[place : place + run] = [min(stream.take(size), 255) for _ in range(run)]
        place += run
    return from_pixels(values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1])


class _Bits:
    """Numbers of any size out of bytes, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, bits: int) -> int:
        end = self._place + bits
        if end > len(self._data) * 8:
            raise Rejection("mask_broken", "the run lengths end too early")
        chunk = self._data[self._place // 8 : -(-end // 8)]
        self._place = end
        return (int.from_bytes(chunk, "big") >> (-end % 8)) & ((1 << bits) - 1)
