"""Pair found boxes with labelled ones."""

import numpy as np

from steps.detection.boxes import Floats, Ints, iou_matrix


def match(truth_xyxy: Floats, found_xyxy: Floats, iou: float) -> tuple[Ints, Ints]:
    """Return indices `(of truth, of found)` of the pairs that overlap by at least `iou`, whatever their class.

    Boxes are xyxy in pixels, [n, 4] and [m, 4]. The pair that overlaps most is taken first, and a box is in one pair
    at most. A pair always overlaps, whatever `iou` is.
    """
    overlaps = iou_matrix(truth_xyxy, found_xyxy)
    rows, columns = np.nonzero((overlaps >= iou) & (overlaps > 0))
    order = np.argsort(-overlaps[rows, columns], kind="stable")
    pairs: list[tuple[int, int]] = []
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    matched = np.array(pairs, np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]
