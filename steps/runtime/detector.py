"""An exported detector: an image in, boxes out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections
from steps.detection.boxes import Floats
from steps.errors import ModelError
from steps.runtime.card import ModelCard, ModelInput
from steps.runtime.letterbox import Placement, letterbox
from steps.runtime.outputs import read_end2end, read_yolo


class Backend(Protocol):
    """Runs the network. One module a backend; `infer` is safe to call from several threads."""

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on [1, 3, height, width] and return its output, as the card's layout describes it."""


class NamedBackend(Backend, Protocol):
    """A backend of this package."""

    @property
    def name(self) -> str:
        """What runs the network, for people: library, version, device."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A model folder, loaded. Everything here may be called from several threads."""

    card: ModelCard
    backend: Backend

    runs_on: str = ""
    """What runs the network, for people."""

    @classmethod
    def load(cls, model_folder: Path, *, threads: int = 0, format: str = "onnx") -> "Detector":  # noqa: A002
        """Load one format of an exported model; `threads` 0 means all cores.

        The files' SHA-256 is not checked here: `verify_files` does that.

        Raises:
            ModelError: If the folder holds no such model, or its file does not load.
        """
        card = ModelCard.read(model_folder)
        kind = format.partition("-")[0]
        if format not in card.formats or kind not in BACKENDS:
            raise ModelError(
                f"format {format!r} cannot run here; this model has {runnable(card)}", hint="export it as onnx"
            )
        path = model_folder / card.formats[format].file
        backend = BACKENDS[kind](path, card.input, threads)
        return cls(card, backend, backend.name)

    def detect(
        self,
        image_bgr: NDArray[np.uint8],
        *,
        confidence: float | None = None,
        iou: float | None = None,
        max_detections: int | None = None,
    ) -> Detections:
        """Return what is seen on an image (uint8 [h, w, 3]: blue, green, red), strongest first.

        Boxes are in pixels of that image, clipped to it. Only scores above `confidence` count; of boxes of one class
        that overlap by more than `iou`, the weaker are dropped. What is not given is as the card's defaults say.
        """
        tensor, placement = self.prepare(image_bgr)
        output = self.backend.infer(tensor)
        return self.read(output, placement, confidence=confidence, iou=iou, max_detections=max_detections)

    @property
    def thresholds(self) -> Floats:
        """Score above which a box counts by default, for each class: float32 [classes]."""
        return np.array(self.card.served_defaults.thresholds(self.card.classes), np.float32)

    def prepare(self, image_bgr: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Placement]:
        """Return the network's input for an image, float32 [1, 3, height, width], and where the image lies in it."""
        wanted = self.card.input
        canvas, placement = letterbox(image_bgr, (wanted.width, wanted.height), wanted.pad)
        tensor = cv2.dnn.blobFromImage(canvas, wanted.scale, swapRB=True)
        return cast("NDArray[np.float32]", tensor), placement

    def read(
        self,
        output: NDArray[np.float32],
        placement: Placement,
        *,
        confidence: float | Floats | None = None,
        iou: float | None = None,
        max_detections: int | None = None,
        only: tuple[int, ...] | None = None,
    ) -> Detections:
        """Read the network's output into boxes in pixels of the image that `placement` placed.

        `confidence` is one value, or [classes]. What is None is as the card's defaults say. `only` names the labels to
        read, None all; the limit counts what is read.

        Raises:
            ModelError: If the output is not what the card says.
        """
        layout, classes = self.card.output.layout, len(self.card.classes)
        axis, width = (1, 4 + classes) if layout == "yolo" else (2, 6)
        if output.ndim != 3 or output.shape[0] != 1 or output.shape[axis] != width:
            raise ModelError(
                f"the network answers {list(output.shape)}, the card says {layout} with {classes} classes",
                hint="the card and the file do not belong together: export the checkpoint again",
            )
        defaults = self.card.served_defaults
        confidence = self.thresholds if confidence is None else confidence
        iou = defaults.iou if iou is None else iou
        max_detections = max_detections or defaults.max_detections
        if layout == "yolo":
            found = read_yolo(output, confidence=confidence, iou=iou, max_detections=max_detections, only=only)
        else:
            found = read_end2end(output, confidence=confidence, max_detections=max_detections, only=only)
        return placement.restore(found)


def _onnx(path: Path, expected: ModelInput, threads: int) -> NamedBackend:
    from steps.runtime.onnx_session import OnnxSession  # noqa: PLC0415  (a backend is imported when it is used)

    return OnnxSession(path, expected, threads=threads)


def _openvino(path: Path, expected: ModelInput, threads: int) -> NamedBackend:
    try:
        from steps.runtime.openvino_session import OpenvinoSession  # noqa: PLC0415
    except ImportError:
        raise ModelError("openvino is not installed here", hint="pip install openvino, or serve as onnx") from None
    return OpenvinoSession(path, expected, threads=threads)


BACKENDS: dict[str, Callable[[Path, ModelInput, int], NamedBackend]] = {"onnx": _onnx, "openvino": _openvino}
"""By the format's name up to its `-`: `openvino` runs `openvino` and `openvino-int8`."""


def runnable(card: ModelCard) -> list[str]:
    """Return the formats of a model that have a backend, sorted."""
    return sorted(name for name in card.formats if name.partition("-")[0] in BACKENDS)
