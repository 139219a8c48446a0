"""Whether an exported file answers as the checkpoint does."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections, iou_matrix
from steps.errors import ModelError
from steps.runtime.card import ModelOutput
from steps.runtime.defaults import WEAKEST, Defaults
from steps.runtime.detector import Detector
from steps.runtime.letterbox import Placement

IOU, SCORE_TOLERANCE = 0.9, 0.01
"""How far a box may move, and a score change. float32 runtimes differ by about 1e-5; a broken conversion by far more."""

STRONGEST = 10
"""Boxes compared at least, however weak: an image where the checkpoint is sure of nothing is still a test."""

CONFIDENCE = Defaults().confidence
"""Score from which on a box is compared even where there are many."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The checkpoint's own answer on one image, which every exported file is held to.

    Attributes:
        tensor: The image as the network takes it.
        placement: Where the image lies in it.
        answer: The network's output.
    """

    tensor: NDArray[np.float32]
    placement: Placement
    answer: NDArray[np.float32]

    @classmethod
    def take(cls, trained: Detector, image: NDArray[np.uint8]) -> Self:
        """Ask `trained`, the checkpoint itself."""
        tensor, placement = trained.prepare(image)
        return cls(tensor, placement, trained.backend.infer(tensor))

    def check(self, exported: Detector) -> float:
        """Return the largest difference of a score in the answer of `exported`.

        Raises:
            ModelError: If it does not answer as the checkpoint does.
        """
        found = exported.backend.infer(self.tensor)
        difference = score_difference(exported.card.output, self.answer, found)
        wanted_boxes, found_boxes = (
            exported.read(output, self.placement, confidence=WEAKEST) for output in (self.answer, found)
        )
        check_boxes(wanted_boxes, found_boxes)
        return difference


def score_difference(layout: ModelOutput, wanted: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Return the largest difference of a score between two output tensors.

    Raises:
        ModelError: If the shapes differ, `found` has values that are not finite, or they differ by too much.
    """
    if wanted.shape != found.shape:
        raise ModelError(f"it answers with {list(found.shape)}, the checkpoint with {list(wanted.shape)}", hint=_HINT)
    if not np.isfinite(found).all():
        raise ModelError("it answers with values that are not finite", hint=_HINT)
    if layout.layout == "yolo":
        before, after = wanted[:, 4:], found[:, 4:]
    else:
        before, after = np.sort(wanted[..., 4]), np.sort(found[..., 4])
    difference = float(np.abs(before - after).max(initial=0))
    if difference > SCORE_TOLERANCE:
        raise ModelError(f"a score differs by {difference:.3f}", hint=_HINT)
    return difference


def check_boxes(wanted: Detections, found: Detections) -> None:
    """Check that each box of `wanted` that is likely, or among the strongest, is in `found` with its class and score.

    Both are strongest first.

    Raises:
        ModelError: If one is not.
    """
    count = max(int((wanted.scores >= CONFIDENCE).sum()), min(STRONGEST, len(wanted)))
    overlaps = iou_matrix(wanted.xyxy, found.xyxy)
    for index in range(count):
        fits = (
            (overlaps[index] >= IOU)
            & (found.labels == wanted.labels[index])
            & (np.abs(found.scores - wanted.scores[index]) <= SCORE_TOLERANCE)
        )
        if not fits.any():
            raise ModelError(
                f"the checkpoint finds class {wanted.labels[index]} with score {wanted.scores[index]:.3f} at "
                f"{wanted.xyxy[index].round(1).tolist()}, the exported file does not",
                hint=_HINT,
            )


_HINT = "the conversion changed the network: export other formats, and report the architecture"
