"""Outlines of planes and helicopters from above, as polygons in a unit frame: nose up, longest side about 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Silhouette:
    """One aircraft, cut into parts.

    Attributes:
        body: Polygons [n, 2] in the main colour.
        rotors: Polygons [n, 2] of turning blades, in a dark colour.
        disc: Radius of the blurred rotor disc around `hub`; 0 where there is none.
        hub: Centre (x, y) of the rotor.
        windows: Polygons [n, 2] in a dark colour, on the body.
    """

    body: tuple[Points, ...]
    rotors: tuple[Points, ...]
    disc: float
    hub: tuple[float, float]
    windows: tuple[Points, ...]


def plane(random: np.random.Generator) -> Silhouette:
    """Draw lots for a plane: length of wing, sweep, tail, and engines under the wing or none."""
    span = random.uniform(0.38, 0.52)
    sweep = random.uniform(0.0, 0.24)
    chord, tip = random.uniform(0.15, 0.22), random.uniform(0.05, 0.10)
    root = random.uniform(-0.14, 0.0)
    girth = random.uniform(0.055, 0.08)
    parts = [
        _ellipse(0, 0, girth, 0.5),
        _mirrored([(0, root), (span, root + sweep), (span, root + sweep + tip), (0, root + chord)]),
        _mirrored([(0, 0.36), (span * 0.42, 0.36 + sweep * 0.5), (span * 0.42, 0.42 + sweep * 0.5), (0, 0.47)]),
    ]
    if random.random() < 0.6:
        for share in (0.4, 0.7)[: random.integers(1, 3)]:
            parts += [_ellipse(side * span * share, root + sweep * share, 0.028, 0.075) for side in (-1, 1)]
    window = _ellipse(0, -0.40, girth * 0.6, 0.035)
    return Silhouette(tuple(parts), (), 0.0, (0.0, 0.0), (window,))


def helicopter(random: np.random.Generator) -> Silhouette:
    """Draw lots for a helicopter: cabin, boom, tail rotor, and two to five blades at any angle."""
    girth, cabin = random.uniform(0.10, 0.14), random.uniform(0.19, 0.24)
    boom, tail = random.uniform(0.025, 0.04), random.uniform(0.52, 0.62)
    hub = (0.0, -0.12)
    parts = [
        _ellipse(0, -0.15, girth, cabin),
        np.array([(-boom * 1.6, 0.0), (boom * 1.6, 0.0), (boom, tail), (-boom, tail)]),
        _mirrored([(0, tail - 0.12), (0.12, tail - 0.10), (0.12, tail - 0.05), (0, tail - 0.05)]),
        np.array([(boom, tail - 0.09), (boom + 0.05, tail - 0.09), (boom + 0.05, tail + 0.07), (boom, tail + 0.07)]),
    ]
    count, reach, width = int(random.integers(2, 6)), random.uniform(0.40, 0.48), random.uniform(0.024, 0.034)
    start = random.uniform(0, 2 * np.pi)
    blade = np.array([(-width, 0.0), (width, 0.0), (width, reach), (-width, reach)])
    blades = tuple(_turned(blade, start + 2 * np.pi * i / count) + hub for i in range(count))
    window = _ellipse(0, -0.15 - cabin * 0.55, girth * 0.7, cabin * 0.25)
    return Silhouette(tuple(parts), blades, reach, hub, (window,))


def placed(points: Points, centre: tuple[float, float], length: float, angle: float) -> Points:
    """Move unit-frame `points` into the picture: `length` pixels long, turned by `angle` radians about `centre`."""
    return _turned(points, angle) * length + centre


def _turned(points: Points, angle: float) -> Points:
    sine, cosine = np.sin(angle), np.cos(angle)
    turned: Points = points @ np.array([(cosine, sine), (-sine, cosine)])
    return turned


def _ellipse(x: float, y: float, half_width: float, half_height: float) -> Points:
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.column_stack([x + half_width * np.cos(around), y + half_height * np.sin(around)])


def _mirrored(right: list[tuple[float, float]]) -> Points:
    """Complete the right half of a wing, given from the nose backwards, by its mirror image."""
    return np.array(right + [(-x, y) for x, y in reversed(right)])
