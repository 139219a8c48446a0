"""How far a sound conversion may be off: what float32 arithmetic explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

ROUNDING: Final = 2.0**-24
"""Largest relative error of one operation in float32."""

LAST_STEPS: Final = 16
"""Roundings of the last formulas, at most: sigmoid as a rational function with 11 coefficients, or the mean of 16
distances, an anchor, a stride."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Differences that are within what float32 arithmetic explains.

    A converted file does the same operations in another order and with other kernels: each runtime adds up the
    products of a convolution in its own order, batch normalisation is folded into weights. How far that moves a
    result depends on how the network passes on small errors, so it is measured on the network itself. The checkpoint
    is run in float64, whose own error is 2**-29 of that of float32, and in float32. The largest difference of the two
    is the effect of one order of summation. Another order is worse by a bounded factor: a sum of K products has an
    error that grows with sqrt(K) where roundings are independent, as in the float32 run, and with K where all of them
    go the same way, the worst order. So

        tolerance = sqrt(K) * measured + LAST_STEPS * ROUNDING * magnitude

    K is the length of the longest sum of products, 576 for `tiny`, 2304 for yolo11n. The second term is for the last
    steps, whose error does not show in the first where the runtimes compute these by other formulas: ONNX Runtime's
    sigmoid is 1/2 plus a rational function, right to some 1e-7 however small the score, whereas torch's is
    right to seven digits. Magnitude is the largest coordinate for boxes and that 1/2 for scores.

    Over random, barely trained and trained networks (`tiny`, YOLO11n, YOLO26n at 64 to 320 pixels), ONNX Runtime,
    OpenVINO and TorchScript were off by up to 1.5 times what was measured in boxes (1.6e-4 pixels; the tolerance was
    2e-3), and by 1.3e-7 or 2.2 times in scores (9e-7; the tolerance was 2e-5). Formats that compute in float16 or int8
    need a rule of their own: there the loss is to be judged, by scores on the test split, and not explained.

    Attributes:
        pixels: Of a side of a box, in the network's input.
        score: Of a score.
    """

    pixels: float
    score: float

    @classmethod
    def measure(
        cls, rounded: Sequence[NDArray[np.float64]], exact: Sequence[NDArray[np.float64]], *, longest_sum: int
    ) -> Self:
        """Return the tolerance for a network that predicted `rounded` in float32 and `exact` in float64.

        Both are a table an input, [N, 4 + classes]: boxes in pixels, scores.
        """
        boxes, scores = (
            max(float(np.abs(one[:, part] - other[:, part]).max()) for one, other in zip(rounded, exact, strict=True))
            for part in (slice(4), slice(4, None))
        )
        largest = max(float(np.abs(table[:, :4]).max()) for table in exact)
        factor = sqrt(longest_sum)
        return cls(
            pixels=factor * boxes + LAST_STEPS * ROUNDING * largest,
            score=factor * scores + LAST_STEPS * ROUNDING / 2,
        )
