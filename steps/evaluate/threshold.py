"""From which confidence on a box should count."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from steps.evaluate.coco import Matches

GRID = np.linspace(0, 1, 101)
"""Confidences that F1 is told at, and one of which becomes the threshold."""

PLATEAU = 0.002
"""F1 closer than this to the best one is as good: a few images more or less would turn the order."""


def count_above(matches: Matches, confidence: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many detections score above each `confidence`, and how many of these are true."""
    # As float32, as the scores are and as a server compares: next to a threshold, float64 would decide otherwise.
    found = np.searchsorted(-matches.scores, -confidence.astype(np.float32).astype(np.float64), side="left")
    true = np.concatenate(([0], np.cumsum(matches.true)))[found]
    return found.astype(np.int64), true.astype(np.int64)


def f1_curve(matches: Sequence[Matches]) -> NDArray[np.float64]:
    """Return the mean F1 of the classes that have boxes, at each confidence of `GRID`.

    F1 is 2 · true / (found + labelled), which is 0, not undefined, where nothing was found.
    """
    curves = []
    for each in matches:
        if each.boxes:
            found, true = count_above(each, GRID)
            curves.append(2 * true / (found + each.boxes))
    mean: NDArray[np.float64] = np.mean(curves, axis=0) if curves else np.zeros(len(GRID))
    return mean


def best_threshold(curve: NDArray[np.float64]) -> float:
    """Return the confidence of the best F1: the middle of the plateau around the peak, which moves least with the images."""
    peak = int(curve.argmax())
    good = curve >= curve[peak] - PLATEAU
    first = last = peak
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(curve) - 1 and good[last + 1]:
        last += 1
    return float(GRID[(first + last) // 2].round(2))
