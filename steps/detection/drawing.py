"""Draw boxes on a picture."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.detection.boxes import Detections

Image = NDArray[np.uint8]
"""Blue, green, red: uint8 [height, width, 3]."""


def draw(image: Image, detections: Detections, classes: Sequence[str], *, scores: bool = True) -> Image:
    """Return a copy of `image` with the boxes drawn, each with its class and, with `scores`, its confidence.

    The strongest box is drawn last, so that it stays readable where boxes overlap. Truth is drawn with `scores=False`.
    """
    picture = image.copy()
    height, width = picture.shape[:2]
    thickness = max(1, round(max(height, width) / 250))
    for index in np.argsort(detections.scores, kind="stable"):
        label = int(detections.labels[index])
        name = classes[label]
        text = f"{name} {detections.scores[index]:.2f}" if scores else name
        left, top, right, bottom = (round(float(side)) for side in detections.xyxy[index])
        cv2.rectangle(picture, (left, top), (right, bottom), class_color(label), thickness)
        _write(picture, text, (left, top), class_color(label))
    return picture


def class_color(label: int) -> tuple[int, int, int]:
    """Return the colour of a class, blue, green, red; neighbours in the list of classes are far apart in hue."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + label * 0.618034) % 1, 0.85, 0.9)
    return round(blue * 255), round(green * 255), round(red * 255)


def _write(picture: Image, text: str, corner: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Write `text` on a plate above `corner`, or below it where there is no room above."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.35, max(picture.shape[:2]) / 1400)
    (width, height), under = cv2.getTextSize(text, font, scale, 1)
    plate = height + under + 2
    left = max(0, min(corner[0], picture.shape[1] - width - 2))
    top = corner[1] - plate if corner[1] >= plate else corner[1]
    cv2.rectangle(picture, (left, top), (left + width + 2, top + plate), color, cv2.FILLED)
    dark = sum(weight * value for weight, value in zip((0.114, 0.587, 0.299), color, strict=True)) < 140
    ink = (255, 255, 255) if dark else (0, 0, 0)
    cv2.putText(picture, text, (left + 1, top + height + 1), font, scale, ink, 1, cv2.LINE_AA)
