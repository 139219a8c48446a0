"""One synthetic picture: a noisy landscape with clutter, and aircraft over it whose boxes are known exactly."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.draw.silhouettes import Points, Silhouette, helicopter, placed, plane

CLASSES = ("plane", "helicopter")
KINDS = (plane, helicopter)

Picture = NDArray[Any]
Mask = NDArray[Any]
Box = tuple[int, int, int, int]
Pose = tuple[tuple[float, float], float, float]
"""Centre (x, y) in pixels, length in pixels, angle in radians."""

GROUNDS = (
    (62, 112, 84),
    (50, 86, 62),
    (92, 134, 156),
    (128, 96, 58),
    (108, 108, 106),
    (84, 120, 146),
    (60, 58, 62),
)
"""Blue, green and red of grass, forest, sand, sea, concrete, soil and tarmac."""

EMPTY_SHARE = 1 / 12
MIN_VISIBLE = 0.7
"""Share of an aircraft that the border of the picture leaves in it, at least."""
MAX_OVERLAP = 0.05
"""Share of a box that another may cover, at most."""
MIN_CONTRAST = 70
"""Grey levels between an aircraft and the ground under it."""
DARK_SHARE = 0.15
"""Share of aircraft that are darker than the ground, where the ground is light enough for that."""

HAZE_CELLS = 32
"""Clouds are drawn on a grid this coarse and then stretched."""

BYTES_DEVIATION = 256 / 6**0.5
"""Standard deviation of the difference of two random bytes."""

_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, uint8 BGR [height, width, 3], and its aircraft: class index and xyxy in whole pixels."""

    picture: Picture
    objects: tuple[tuple[int, Box], ...]


def draw_scene(index: int, *, width: int, height: int, seed: int) -> Scene:
    """Draw picture number `index`. The same arguments always give the same pixels."""
    random = np.random.default_rng([seed, index])
    picture = _landscape(random, width, height)
    objects: list[tuple[int, Box]] = []
    if random.random() >= EMPTY_SHARE:
        for _ in range(int(random.integers(1, 7))):
            label = int(random.integers(len(CLASSES)))
            box = _add_aircraft(random, picture, KINDS[label](random), [taken for _, taken in objects])
            if box:
                objects.append((label, box))
    _add_haze(random, picture)
    return Scene(_noisy(random, picture), tuple(objects))


def _landscape(random: np.random.Generator, width: int, height: int) -> Picture:
    """A gradient with soft patches, and on it roads, roofs, fields and trees: things that are neither class."""
    ground = np.array(GROUNDS[random.integers(len(GROUNDS))], np.float32)
    corners = ground + random.uniform(-22, 22, (2, 2, 1)) + random.uniform(-10, 10, (2, 2, 3))
    land: Picture = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    for cells, light, tint in ((4, 10, 4), (18, 6, 3), (60, 4, 1)):
        patches = random.normal(0, light, (cells, cells, 1)) + random.normal(0, tint, (cells, cells, 3))
        land += cv2.resize(patches.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    picture = _clipped(land)
    unit = min(width, height) / 240
    for _ in range(int(random.integers(2, 8))):
        shade = ground + random.uniform(-70, 70) + random.uniform(-18, 18, 3)
        colour = [int(value) for value in np.clip(shade, 0, 255)]
        place = (int(random.integers(width)), int(random.integers(height)))
        size, angle = unit * random.uniform(6, 34), random.uniform(0, np.pi)
        match int(random.integers(4)):
            case 0:
                _fill(picture, placed(_rectangle(2 * (width + height), size / 5), place, 1, angle), colour)
            case 1:
                _fill(picture, placed(_rectangle(size, size * random.uniform(0.6, 1.8)), place, 1, angle), colour)
            case 2:
                cv2.circle(picture, place, max(2, int(size / 2)), colour, -1, cv2.LINE_AA)
            case _:
                _fill(picture, random.uniform(-size, size, (3, 2)) + place, colour)
    return picture


def _rectangle(width: float, height: float) -> Points:
    x, y = width / 2, height / 2
    return np.array([(-x, -y), (x, -y), (x, y), (-x, y)])


def _add_aircraft(random: np.random.Generator, picture: Picture, shape: Silhouette, taken: list[Box]) -> Box | None:
    """Paint `shape` at a free place; return its visible box, or None where there was no room."""
    height, width, _ = picture.shape
    for _ in range(12):
        length = min(width, height) / 240 * float(np.exp(random.uniform(np.log(50), np.log(120))))
        centre = (random.uniform(0, width), random.uniform(0, height))
        pose = (centre, length, random.uniform(0, 2 * np.pi))
        solid = np.concatenate([placed(part, *pose) for part in (*shape.body, *shape.rotors)])
        left, top = np.floor(solid.min(0))
        right, bottom = np.ceil(solid.max(0))
        seen = (int(max(left, 0)), int(max(top, 0)), int(min(right, width)), int(min(bottom, height)))
        if _area(seen) >= MIN_VISIBLE * (right - left) * (bottom - top) and not any(
            _covered(seen, other) > MAX_OVERLAP for other in taken
        ):
            return _paint(random, picture, shape, pose)
    return None


def _paint(random: np.random.Generator, picture: Picture, shape: Silhouette, pose: Pose) -> Box:
    length = pose[1]
    solid = np.zeros(picture.shape[:2], np.uint8)
    for part in (*shape.body, *shape.rotors):
        _fill(solid, placed(part, *pose), 255)
    left, top, width, height = cv2.boundingRect((solid > 127).astype(np.uint8))
    ground = cv2.mean(picture, solid)
    ground_grey = sum(ground[:3]) / 3
    if random.random() < 0.7:
        drop = length * random.uniform(0.04, 0.12)
        shift = np.array([(1, 0, drop), (0, 1, drop)])
        shadow = cv2.warpAffine(solid, shift, (picture.shape[1], picture.shape[0]))
        _blend(picture, cv2.GaussianBlur(shadow, (0, 0), max(0.6, length / 60)), (20, 20, 20), 0.45)
    if shape.disc:
        x, y = placed(np.array([shape.hub]), *pose)[0]
        disc = np.zeros_like(solid)
        cv2.circle(disc, (round(x), round(y)), round(shape.disc * length), 255, -1, cv2.LINE_AA)
        _blend(picture, disc, (200, 200, 200), random.uniform(0.25, 0.5))
    colour = _contrasting(random, ground_grey)
    blades = (45.0, 45.0, 45.0) if sum(colour) / 3 > ground_grey else (215.0, 215.0, 215.0)
    for parts, paint in ((shape.body, colour), (shape.windows, (60.0, 45.0, 30.0)), (shape.rotors, blades)):
        mask = np.zeros_like(solid)
        for part in parts:
            _fill(mask, placed(part, *pose), 255)
        _blend(picture, mask, paint, 1.0)
    return (left, top, left + width, top + height)


def _contrasting(random: np.random.Generator, ground: float) -> tuple[float, float, float]:
    """Draw a colour that stands out from the brightness of `ground`: light as most aircraft are, or now and then dark."""
    light, dark = ground + MIN_CONTRAST, ground - MIN_CONTRAST
    grey = random.uniform(15, dark) if dark > 30 and random.random() < DARK_SHARE else random.uniform(light, 250)
    colour = np.clip(grey + random.uniform(-25, 25, 3), 0, 255)
    return (float(colour[0]), float(colour[1]), float(colour[2]))


def _add_haze(random: np.random.Generator, picture: Picture) -> None:
    """Lay up to two thin clouds over everything: slight occlusion."""
    height, width, _ = picture.shape
    for _ in range(int(random.integers(0, 3))):
        centre = (int(random.integers(HAZE_CELLS)), int(random.integers(HAZE_CELLS)))
        axes = (int(random.integers(2, 6)), int(random.integers(2, 6)))
        cloud = np.zeros((HAZE_CELLS, HAZE_CELLS), np.uint8)
        cv2.ellipse(cloud, centre, axes, random.uniform(0, 180), 0, 360, [255], -1)
        veil = cv2.resize(cv2.GaussianBlur(cloud, (0, 0), 2), (width, height), interpolation=cv2.INTER_CUBIC)
        _blend(picture, veil, (235, 235, 235), random.uniform(0.1, 0.35))


def _noisy(random: np.random.Generator, picture: Picture) -> Picture:
    """Soften a little, and add a sensor's noise of a strength drawn for this picture."""
    soft = cv2.GaussianBlur(picture, (3, 3), random.uniform(0.3, 0.8)).astype(np.float32)
    # The difference of two bytes is close enough to normal, and ten times faster to draw.
    coins = np.frombuffer(random.bytes(2 * picture.size), np.uint8).reshape(2, *picture.shape)
    noise = coins[0].astype(np.float32) - coins[1]
    return _clipped(soft + noise * np.float32(random.uniform(2, 8) / BYTES_DEVIATION))


def _blend(picture: Picture, mask: Mask, colour: tuple[float, float, float], opacity: float) -> None:
    """Lay `colour` over `picture` in place, where `mask` is 255 with `opacity`."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return
    part = picture[y : y + height, x : x + width]
    alpha = mask[y : y + height, x : x + width, None].astype(np.float32) * np.float32(opacity / 255)
    part[:] = _clipped(part + (np.array(colour, np.float32) - part) * alpha)


def _fill(canvas: Picture | Mask, points: Points, colour: list[int] | int) -> None:
    fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    value = colour if isinstance(colour, list) else [colour]
    cv2.fillPoly(canvas, [fixed], value, cv2.LINE_AA, _SUBPIXEL_BITS)


def _clipped(values: NDArray[Any]) -> Picture:
    clipped: Picture = cv2.convertScaleAbs(np.maximum(values, 0))
    return clipped


def _area(box: Box) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def _covered(box: Box, other: Box) -> float:
    """Return the part of the smaller of two boxes that lies in both."""
    shared = (max(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), min(box[3], other[3]))
    return _area(shared) / max(1, min(_area(box), _area(other)))
