"""Why a box is there: which parts of the picture its score hangs on.

A window is slid over the box and its surroundings; where greying it out takes the score away, the model looked there.
This is occlusion sensitivity (Zeiler and Fergus 2014) with the similarity of D-RISE (Petsiuk et al. 2021): of the boxes
of the same class on the greyed picture, the largest product of overlap and score counts. It needs no gradients, so it
explains the very file that is served.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections, iou_matrix
from steps.serve.patience import predict_patiently
from steps.serve.service import NotReadyError, Picture, Prediction, Query, Service

GREY = 114
"""Of the windows: the ground on which the model sees pictures that are not square."""

WINDOW = 2
"""Cells that a window is wide and high; windows overlap by all but one."""

LEAST_SCORE = 0.01
AT_ONCE = 4
"""Greyed pictures in one call: others are answered in between."""


@dataclass(frozen=True, slots=True)
class Saliency:
    """How much of a box's score hangs on each cell of a region.

    Attributes:
        region: Left, top, right, bottom in pixels of the picture.
        cells: float32 [grid, grid] in 0..1; 1 where the box vanishes.
    """

    region: tuple[int, int, int, int]
    cells: NDArray[np.float32]


def runs_of(grid: int) -> int:
    """Return the network runs that a map of `grid` × `grid` cells costs."""
    return (grid - WINDOW + 1) ** 2


async def explain(
    service: Service, picture: Picture, prediction: Prediction, at: int, *, grid: int, until: float
) -> Saliency:
    """Return what box `at` of `prediction` hangs on.

    Raises:
        DeadlineError: If it is not done at `until`, on the clock of `time.monotonic`.
        NotReadyError: If another version took over meanwhile.
        ServiceError: As `Service.predict`.
    """
    target = prediction.detections.pick(np.array([at]))
    region = _surroundings(target, prediction.shape)
    # The model sees the picture scaled to its input anyway: scaled once, hiding a window costs nothing.
    wanted = service.describe(prediction.model).input
    scale = min(1.0, wanted.width / picture.shape[1], wanted.height / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    windows = [(row, column) for row in range(grid - WINDOW + 1) for column in range(grid - WINDOW + 1)]
    query = Query(prediction.model, confidence=LEAST_SCORE, max_detections=100)
    drops: list[float] = []
    for first in range(0, len(windows), AT_ONCE):
        hidden = [
            _hide(small.astype(np.uint8), region, scale, grid, window) for window in windows[first : first + AT_ONCE]
        ]
        seen = await predict_patiently(service, hidden, query, until=until)
        if seen[0].version != prediction.version:
            raise NotReadyError(prediction.model, "another version took over while it was asked")
        drops += [_drop(target, found.detections, scale) for found in seen]
    cells, covered = np.zeros((grid, grid), np.float32), np.zeros((grid, grid), np.float32)
    for (row, column), drop in zip(windows, drops, strict=True):
        cells[row : row + WINDOW, column : column + WINDOW] += drop
        covered[row : row + WINDOW, column : column + WINDOW] += 1
    return Saliency(region, (cells / covered).astype(np.float32))


def paint(picture: Picture, saliency: Saliency) -> Picture:
    """Return a copy of `picture` with the map over its region, from blue (nothing hangs on it) to red (all does)."""
    left, top, right, bottom = saliency.region
    heat = cv2.resize(saliency.cells, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
    colours = cv2.applyColorMap((np.clip(heat, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    painted = picture.copy()
    painted[top:bottom, left:right] = cv2.addWeighted(painted[top:bottom, left:right], 0.5, colours, 0.5, 0)
    return painted


def _surroundings(target: Detections, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the box with as much again on every side, at least 32 pixels, within the picture."""
    left, top, right, bottom = (float(side) for side in target.xyxy[0])
    wide, high = max(right - left, 32), max(bottom - top, 32)
    return (
        max(0, int(left - wide)),
        max(0, int(top - high)),
        min(shape[1], int(right + wide) + 1),
        min(shape[0], int(bottom + high) + 1),
    )


def _hide(
    picture: Picture, region: tuple[int, int, int, int], scale: float, grid: int, window: tuple[int, int]
) -> Picture:
    left, top, right, bottom = (side * scale for side in region)
    wide, high = (right - left) / grid, (bottom - top) / grid
    row, column = window
    hidden = picture.copy()
    rows = slice(round(top + row * high), round(top + (row + WINDOW) * high))
    columns = slice(round(left + column * wide), round(left + (column + WINDOW) * wide))
    hidden[rows, columns] = GREY
    return hidden


def _drop(target: Detections, found: Detections, scale: float) -> float:
    """Return the share of the target's score that is gone."""
    same = found.pick(found.labels == target.labels[0])
    if not len(same):
        return 1.0
    overlap = iou_matrix(target.xyxy, same.xyxy / scale)[0]
    return float(np.clip(1 - (overlap * same.scores).max() / target.scores[0], 0, 1))
