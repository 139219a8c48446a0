"""What `/predict` takes and answers. Names are those of Ultralytics' HTTP API, so that its users feel at home."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from steps.detection import Detections
from steps.runtime import ModelInput


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Options(_Document):
    """How to look, and how to answer: query parameters, or fields of the form."""

    conf: float = Field(default=0.25, ge=0, le=1)
    """Confidence from which on a box is reported."""

    iou: float = Field(default=0.7, ge=0, le=1)
    """Overlap from which on the weaker of two boxes of one class is dropped."""

    max_det: int = Field(default=300, ge=1, le=1000)
    """Most boxes to report, the strongest."""

    format: Literal["json", "image"] = "json"
    """`image` answers with the picture, boxes drawn; so does the header `Accept: image/jpeg`."""


class Corners(_Document):
    """A box in pixels of the upright picture."""

    x1: float
    y1: float
    x2: float
    y2: float


class Result(_Document):
    """One object that was found."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    label: int = Field(alias="class")
    """Index of the class."""

    name: str
    """Name of the class."""

    confidence: float
    box: Corners


class Speed(_Document):
    """Milliseconds each part took."""

    decode: float
    preprocess: float
    inference: float
    postprocess: float


class ImageAnswer(_Document):
    """What was found on one picture."""

    shape: tuple[int, int]
    """Height and width of the upright picture, pixels."""

    speed: Speed
    results: tuple[Result, ...]


class Metadata(_Document):
    """Which model answered."""

    model: str
    version: int


class Answer(_Document):
    """What `/predict` answers."""

    images: tuple[ImageAnswer, ...]
    metadata: Metadata


class Health(_Document):
    """The server is alive."""

    status: Literal["ok"] = "ok"


class ModelInfo(_Document):
    """The version that is served."""

    name: str
    version: int
    url: str
    """Where the version lies."""

    sha256: str
    """Of the version's manifest, which names the SHA-256 of every file."""

    classes: tuple[str, ...]
    input: ModelInput
    metrics: dict[str, float]
    """mAP on the test split."""

    created: str
    """When the version was published, UTC."""


def results_of(detections: Detections, classes: tuple[str, ...]) -> tuple[Result, ...]:
    """Spell `detections` as results, strongest first."""
    rows = zip(detections.labels.tolist(), detections.scores.tolist(), detections.xyxy.tolist(), strict=True)
    return tuple(
        Result(
            label=label,
            name=classes[label],
            confidence=round(score, 5),
            box=Corners(**{side: round(value, 2) for side, value in zip(("x1", "y1", "x2", "y2"), xyxy, strict=True)}),
        )
        for label, score, xyxy in rows
    )
