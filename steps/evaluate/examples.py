"""Pictures of where the model is best and worst, truth beside prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np

from steps.detection import Detections, draw, match
from steps.detection.drawing import Image
from steps.evaluate.confusion import IOU
from steps.evaluate.inference import read_image
from steps.evaluate.metrics import Example
from steps.evaluate.truth import LabelledImages

EACH = 6
"""Most pictures of a kind."""

SIDE = 480
"""Longest side of one half, pixels; small images grow up to three times, so that names in them can be read."""

_HEADER, _GAP = 22, 6
_GOOD = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image at the threshold.

    Attributes:
        index: Of the image.
        labelled: Boxes of the truth.
        right: Found where one of that class is.
        confused: Found where one of another class is.
        false: Found where nothing is.
    """

    index: int
    labelled: int
    right: int
    confused: int
    false: int

    @property
    def f1(self) -> float:
        """F1 of the image's boxes, 0..1."""
        return 2 * self.right / max(self.labelled + self.right + self.confused + self.false, 1)

    @property
    def mistakes(self) -> int:
        """Boxes missed, confused, or found where nothing is."""
        return self.labelled - self.right + self.false

    @property
    def note(self) -> str:
        """Say it in a few words."""
        parts = [f"{self.right} of {self.labelled} found"] if self.labelled else ["background"]
        if self.confused:
            parts.append(f"{self.confused} of a wrong class")
        if self.false:
            parts.append(f"{self.false} where nothing is")
        return ", ".join(parts)


def write_examples(
    folder: Path, images: LabelledImages, counted: Sequence[Detections], classes: Sequence[str]
) -> tuple[Example, ...]:
    """Draw the best and the worst images into `folder / "examples"`.

    `counted` holds what was found above the threshold, one entry an image.
    """
    (folder / "examples").mkdir()
    outcomes = [_outcome(index, *pair) for index, pair in enumerate(zip(images.boxes, counted, strict=True))]
    best, worst = _rank(outcomes)
    examples = []
    chosen: tuple[tuple[Literal["best", "worst"], list[Outcome]], ...] = (("best", best), ("worst", worst))
    for kind, ranked in chosen:
        for place, outcome in enumerate(ranked, 1):
            index, file = outcome.index, f"examples/{kind}-{place}.jpg"
            picture = _beside(read_image(images.paths[index]), images.boxes[index], counted[index], classes)
            cv2.imwrite(str(folder / file), picture, [cv2.IMWRITE_JPEG_QUALITY, 82])
            name = images.names[index]
            examples.append(Example(file=file, kind=kind, image=name, score=outcome.f1, note=outcome.note))
    return tuple(examples)


def _outcome(index: int, truth: Detections, found: Detections) -> Outcome:
    rows, columns = match(truth.xyxy, found.xyxy, IOU)
    right = int((truth.labels[rows] == found.labels[columns]).sum())
    return Outcome(index, len(truth), right, len(rows) - right, len(found) - len(rows))


def _rank(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Return the best, full images first, and the worst, most mistakes first; no image is both."""
    best = sorted((each for each in outcomes if each.f1 > _GOOD), key=lambda each: (-each.f1, -each.labelled))[:EACH]
    shown = {each.index for each in best}
    rest = [each for each in outcomes if each.mistakes and each.index not in shown]
    return best, sorted(rest, key=lambda each: (each.f1, -each.mistakes))[:EACH]


def _beside(image: Image, truth: Detections, found: Detections, classes: Sequence[str]) -> Image:
    height, width = image.shape[:2]
    factor = min(SIDE / max(height, width), 3)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    scaled = cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))
    halves = [
        draw(scaled, Detections(boxes.xyxy * np.float32(factor), boxes.scores, boxes.labels), classes, scores=scores)
        for boxes, scores in ((truth, False), (found, True))
    ]
    canvas = np.full((size[1] + _HEADER, 2 * size[0] + _GAP, 3), 255, np.uint8)
    for half, title, left in zip(halves, ("truth", "found"), (0, size[0] + _GAP), strict=True):
        canvas[_HEADER:, left : left + size[0]] = half
        cv2.putText(canvas, title, (left + 2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return canvas
