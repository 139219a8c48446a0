"""Fit an image into the network's input, and bring boxes back from there.

The arithmetic is that of ultralytics' `LetterBox(auto=False, scaleup=True)` and `scale_boxes`: a model must see at
inference what it saw in training.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies inside the network's input. All in pixels.

    Attributes:
        image: Width and height of the image.
        scaled: Width and height that it has inside the input.
        left: Ground to its left.
        top: Ground above it.
    """

    image: tuple[int, int]
    scaled: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, image: tuple[int, int], target: tuple[int, int]) -> "Placement":
        """Place an image of `image` (width, height) centred in `target`, as large as fits."""
        ratio = min(target[0] / image[0], target[1] / image[1])
        scaled = max(round(image[0] * ratio), 1), max(round(image[1] * ratio), 1)
        left, top = (round((whole - part) / 2 - 0.1) for whole, part in zip(target, scaled, strict=True))
        return cls(image, scaled, left, top)

    def restore(self, detections: Detections) -> Detections:
        """Return `detections`, given in pixels of the input, in pixels of the image and clipped to it."""
        width, height = self.image
        gain = np.array([self.scaled[0] / width, self.scaled[1] / height] * 2, np.float32)
        shift = np.array([self.left, self.top] * 2, np.float32)
        xyxy = (detections.xyxy - shift) / gain
        limits = np.array([width, height] * 2, np.float32)
        return Detections(np.clip(xyxy, 0, limits), detections.scores, detections.labels)


def letterbox(image: NDArray[np.uint8], target: tuple[int, int], pad: int) -> tuple[NDArray[np.uint8], Placement]:
    """Return `image` (uint8 [h, w, 3]) fitted into `target` (width, height) on a ground of grey `pad`, and where it is."""
    height, width = image.shape[:2]
    placement = Placement.fit((width, height), target)
    canvas = np.full((target[1], target[0], 3), pad, np.uint8)
    (scaled_width, scaled_height), top, left = placement.scaled, placement.top, placement.left
    inside = canvas[top : top + scaled_height, left : left + scaled_width]
    if (width, height) == placement.scaled:
        inside[:] = image
    else:
        cv2.resize(image, placement.scaled, dst=inside, interpolation=cv2.INTER_LINEAR)
    return canvas, placement
