"""A perceptual hash: 256 bits that stay nearly the same when a picture is resized, encoded anew or made brighter.

The picture is shrunk to 64×64 grey pixels; of its discrete cosine transform the 256 lowest frequencies are taken, lowest
first and without the mean, and each bit says whether its coefficient is above the median of all. This is the DCT hash
of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, with as many bits as Facebook's
PDQ: 64 bits find candidates, but do not separate different pictures of one kind (blood smears, aerial views) well.

It is written here because `imagehash`, the usual library, brings SciPy and PyWavelets, over 100 MB, for what is a
product of two small matrices.
"""

import numpy as np
from PIL import Image

SIDE = 64
"""Pixels of the square that the picture is shrunk to."""

BITS = 256

LEAST_DRAFT = 48
"""Pixels that the shorter side should have before it is shrunk: more make no better hash."""

NOISE = 2.0
"""Coefficients up to this size, in grey levels, may come from rounding and JPEG's quantization alone."""

LEAST_CERTAIN = BITS // 2
"""Coefficients that must be above the noise: with fewer the hash is one of chance, and equal for all plain pictures."""


def _lowest_frequencies() -> tuple[tuple[int, ...], tuple[int, ...]]:
    reach = range(2 * int(BITS**0.5))
    pairs = sorted((row + column, max(row, column), row, column) for row in reach for column in reach)[1 : BITS + 1]
    return tuple(pair[2] for pair in pairs), tuple(pair[3] for pair in pairs)


ROWS, COLUMNS = _lowest_frequencies()
BASIS = (
    np.cos(np.pi * (2 * np.arange(SIDE) + 1) * np.arange(max(ROWS) + 1)[:, None] / (2 * SIDE)) * (2 / SIDE) ** 0.5
).astype(np.float32)
"""Rows of the orthonormal discrete cosine transform (DCT-II), the constant one aside."""


def fingerprint(image: Image.Image) -> str:
    """Return the hash of `image` as 64 hex digits, lowest frequency first; empty where the picture is too plain for one."""
    grey = image if image.mode == "L" else image.convert("L")
    enough = min(grey.size) >= SIDE
    small = grey.resize((SIDE, SIDE), Image.Resampling.BOX if enough else Image.Resampling.BILINEAR)
    spectrum = BASIS @ np.asarray(small, dtype=np.float32) @ BASIS.T
    # Rounded, so that what is zero but for arithmetic is the same on every machine.
    lowest = spectrum[ROWS, COLUMNS].round(2)
    if np.count_nonzero(np.abs(lowest) > NOISE) < LEAST_CERTAIN:
        return ""
    middle = np.partition(lowest, BITS // 2 - 1)[BITS // 2 - 1]
    return np.packbits(lowest > middle).tobytes().hex()
