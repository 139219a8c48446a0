"""Whether an exported file predicts what the checkpoint predicts.

Compared is what leaves the network, before a threshold or non-maximum suppression chooses from it: box and scores of
the same prediction. Of predictions that are equal but for rounding, as on a plain background or in a network that has
hardly learned, suppression keeps any; which one says nothing about the conversion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.export.network import Network
from steps.export.tolerance import Tolerance
from steps.runtime.card import ModelOutput
from steps.runtime.detector import Backend

PATCH = 32
"""Side of the patches in the test pattern, pixels: the coarsest stride of usual networks, so that none is blurred."""

Floats = NDArray[np.float32]
Table = NDArray[np.float64]
"""Every prediction of a network: [N, 4 + classes], the box as the output has it (pixels), then a score a class."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The checkpoint's own predictions, which every exported file is held to.

    Attributes:
        layout: How the network's output is read.
        shape: Of the output.
        tensors: Inputs: [1, 3, height, width].
        tables: What the checkpoint predicts for each, computed in float64.
        tolerance: How far float32 may be off.
    """

    layout: ModelOutput
    shape: tuple[int, ...]
    tensors: tuple[Floats, ...]
    tables: tuple[Table, ...]
    tolerance: Tolerance

    @classmethod
    def take(cls, network: Network, layout: ModelOutput, tensors: Sequence[Floats]) -> Self:
        """Ask `network`, the checkpoint itself, as it was trained: before it is prepared for export.

        Raises:
            ModelError: If its predictions are not finite.
        """
        rounded, exact = network.predictions(tensors)
        if not all(np.isfinite(table).all() for table in (*rounded, *exact)):
            raise ModelError(
                "the checkpoint itself answers with values that are not finite",
                hint="the training diverged: train again with a lower --learning-rate",
            )
        tolerance = Tolerance.measure(rounded, exact, longest_sum=network.longest_sum())
        return cls(layout, network.infer(tensors[0]).shape, tuple(tensors), tuple(exact), tolerance)

    def check(self, exported: Backend) -> float:
        """Return the largest difference of a score in the answers of `exported`.

        Raises:
            ModelError: If it does not predict what the checkpoint predicts.
        """
        compare = self._compare_all if self.layout.layout == "yolo" else self._compare_selected
        differences = []
        for tensor, table in zip(self.tensors, self.tables, strict=True):
            output = exported.infer(tensor)
            if output.shape != self.shape:
                raise ModelError(
                    f"it answers with {list(output.shape)}, the checkpoint with {list(self.shape)}", hint=_HINT
                )
            if not np.isfinite(output).all():
                raise ModelError("it answers with values that are not finite", hint=_HINT)
            differences.append(compare(table, output[0].astype(np.float64)))
        return max(differences)

    def _compare_all(self, table: Table, output: Table) -> float:
        """Compare prediction by prediction: row n of `table` with column n of `output`."""
        found = output.T
        boxes = np.abs(found[:, :4] - table[:, :4]).max(axis=1)
        scores = np.abs(found[:, 4:] - table[:, 4:])
        if boxes.max() > self.tolerance.pixels:
            worst = int(boxes.argmax())
            raise ModelError(
                f"the box of prediction {worst} is {_row(found[worst, :4])}, the checkpoint's {_row(table[worst, :4])}: "
                f"{boxes[worst]:.2g} pixels apart, float32 explains {self.tolerance.pixels:.2g}",
                hint=_HINT,
            )
        if scores.max() > self.tolerance.score:
            worst, label = (int(at) for at in np.unravel_index(scores.argmax(), scores.shape))
            raise ModelError(
                f"the score of class {label} in prediction {worst} is {found[worst, 4 + label]:.3g}, the checkpoint's "
                f"{table[worst, 4 + label]:.3g}: float32 explains {self.tolerance.score:.2g}",
                hint=_HINT,
            )
        return float(scores.max())

    def _compare_selected(self, table: Table, rows: Table) -> float:
        """Compare rows (xyxy, score, class) that the network itself selected with all that it can select from.

        Which of equal predictions it takes, and in what order, is free. But each row must be one of the checkpoint's
        predictions, and the scores must be its highest: sorted lists differ by no more than their elements do.
        """
        highest = np.sort(table[:, 4:], axis=None)[::-1][: len(rows)]
        difference = float(np.abs(np.sort(rows[:, 4])[::-1] - highest).max())
        if difference > self.tolerance.score:
            raise ModelError(
                f"its scores are not the highest of the checkpoint: one differs by {difference:.3g}, float32 explains "
                f"{self.tolerance.score:.2g}",
                hint=_HINT,
            )
        for row in rows:
            label = int(row[5])
            is_near = np.abs(table[:, :4] - row[:4]).max(axis=1) <= self.tolerance.pixels
            if (
                not 0 <= label < table.shape[1] - 4
                or not (np.abs(table[is_near, 4 + label] - row[4]) <= self.tolerance.score).any()
            ):
                raise ModelError(
                    f"it finds class {label} with score {row[4]:.3g} at {_row(row[:4])}, the checkpoint does not",
                    hint=_HINT,
                )
        return difference


def make_pattern(width: int, height: int) -> NDArray[np.uint8]:
    """Return a test pattern, uint8 BGR [height, width, 3]: patches of any colour, the same every time.

    Unlike a picture, it never happens to be grey, plain or symmetric: swapped colours, scales and axes show.
    """
    patches = np.random.default_rng(0).integers(0, 256, (-(-height // PATCH), -(-width // PATCH), 3), np.uint8)
    return patches.repeat(PATCH, axis=0).repeat(PATCH, axis=1)[:height, :width]


def _row(values: Table) -> list[float]:
    rounded: list[float] = values.round(3).tolist()
    return rounded


_HINT = "the conversion changed the network: export other formats, and report the architecture"
