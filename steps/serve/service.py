"""What stands between the protocols and the models: the protocols ask, a `Service` answers.

HTTP and gRPC know only this module of the engine; the engine knows nothing of HTTP. Errors here say what happened, the
protocols say it in their own way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from steps.detection import Detections
from steps.runtime import Defaults, ModelInput

Picture = NDArray[np.uint8]
"""Blue, green, red: uint8 [height, width, 3]."""

Source = Picture | Callable[[], Picture]
"""A picture, or what decodes it. It is called off the event loop and after admission: a request that is sent away costs
no decoding. What it raises is what `predict` raises."""

Stage = Literal["queue", "decode", "preprocess", "inference", "postprocess"]


@dataclass(frozen=True, slots=True)
class Query:
    """Which model to ask, and how to look.

    Attributes:
        model: Name; empty for the first of `Service.models`.
        confidence: Score above which a box counts; None for the thresholds that the model is served with.
        iou: Overlap above which the weaker of two boxes of one class is dropped; None for the model's.
        max_detections: Most boxes a picture, the strongest; None for the model's limit.
        classes: Names of classes to report, or indexes as the version that answers counts them; none for all. The
            limit counts the chosen ones only.
        image_size: Side of the network's input in pixels; None for the size it was exported with.
        request_id: Taken over into the predictions, logs and traces; made up where it is empty.
    """

    model: str = ""
    confidence: float | None = None
    iou: float | None = None
    max_detections: int | None = None
    classes: tuple[str, ...] = ()
    image_size: int | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model version sees on one picture.

    Attributes:
        detections: Boxes in pixels of the picture, strongest first.
        classes: Names; a detection's label is the index.
        model: Name of the model.
        version: Number of the version that answered.
        speed_ms: Milliseconds by stage; `queue` is the waiting before the work began.
        request_id: The request that it belongs to.
        shape: Height and width of the picture, pixels.
    """

    detections: Detections
    classes: tuple[str, ...]
    model: str
    version: int
    speed_ms: dict[Stage, float]
    request_id: str
    shape: tuple[int, int]


class ModelInfo(BaseModel):
    """A model, and the version of it that is served."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    version: int
    url: str
    """Where the version lies."""

    sha256: str
    """Of the version's manifest, which names the SHA-256 of every file."""

    classes: tuple[str, ...]
    input: ModelInput

    defaults: Defaults
    """How boxes are read where a request says nothing of it."""

    metrics: dict[str, float]
    """mAP on the test split."""

    created: str
    """When the version was published, UTC."""

    lineage: dict[str, Any] = {}
    """Where it came from: run, source, digest of the data, parameters, code."""

    backend: str = ""
    """What runs it: `onnx` on which provider, or `openvino`."""

    state: Literal["loading", "ready", "stale"] = "ready"
    """`stale`: a newer version was published but failed to load, so this one is kept."""

    reason: str = ""
    """Why it is stale."""


class Service(Protocol):
    """Models that answer. `predict` may be called any number of times at once, from one event loop."""

    def models(self) -> list[str]:
        """Return the names of the models, the one that answers unnamed requests first."""

    async def predict(self, pictures: Sequence[Source], query: Query) -> tuple[Prediction, ...]:
        """Return what is seen on each of `pictures`, all by the same version, off the event loop.

        Args:
            pictures: One or several; a batch waits, is admitted and is sent away as one.
            query: Which model, and how to look.

        Raises:
            UnknownModelError: If there is no such model.
            NotReadyError: If it has no version loaded yet.
            ImageSizeError: If the model cannot run at the query's size.
            OverloadError: If too many pictures wait already.
            DeadlineError: If the answer was not ready in time.
        """

    def describe(self, model: str = "") -> ModelInfo:
        """Return what is served under a name; empty for the first.

        Raises:
            UnknownModelError: If there is no such model.
            NotReadyError: If it has no version loaded yet.
        """

    def ready(self) -> bool:
        """Tell whether every model has a version loaded."""

    def live(self) -> bool:
        """Tell whether the process can still answer."""


def find_class(text: str, known: Sequence[str]) -> int | None:
    """Return the index of the class that `text` means by its name or its index, None where there is none."""
    if text in known:
        return known.index(text)
    return int(text) if text.isdecimal() and len(text) < 6 and int(text) < len(known) else None


class ServiceError(Exception):
    """A request that the service does not answer; the message says why in words for its sender."""


@dataclass
class UnknownModelError(ServiceError):
    """There is no model of this name."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"no model {self.name!r}"


@dataclass
class NotReadyError(ServiceError):
    """The model has no version loaded."""

    name: str
    reason: str = "it is being loaded"

    def __str__(self) -> str:
        return f"model {self.name!r} is not ready: {self.reason}"


@dataclass
class ImageSizeError(ServiceError):
    """The model cannot run at the size that was asked for."""

    found: int
    allowed: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"the model cannot run at {self.found} pixels"


@dataclass
class OverloadError(ServiceError):
    """Too many pictures wait already; after `retry_after_s` there may be room."""

    retry_after_s: float
    waiting: int = 0

    def __str__(self) -> str:
        return f"{self.waiting} pictures are waiting already"


@dataclass
class DeadlineError(ServiceError):
    """The answer was not ready in time."""

    deadline_s: float

    def __str__(self) -> str:
        return f"no answer within {self.deadline_s:g} s"
