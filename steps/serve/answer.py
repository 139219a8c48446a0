"""What `/predict` answers. Names are those of Ultralytics' HTTP API, so that its users feel at home."""

from pydantic import BaseModel, ConfigDict, Field

from steps.serve.service import Prediction


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


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

    queue: float = 0
    decode: float = 0
    preprocess: float = 0
    inference: float = 0
    postprocess: float = 0


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
    """In the order of the request."""

    metadata: Metadata

    @classmethod
    def of(cls, predictions: tuple[Prediction, ...]) -> "Answer":
        """Spell `predictions`, at least one."""
        first = predictions[0]
        return cls(
            images=tuple(map(image_answer, predictions)),
            metadata=Metadata(model=first.model, version=first.version),
        )


def image_answer(prediction: Prediction) -> ImageAnswer:
    """Spell what was found on one picture."""
    return ImageAnswer(shape=prediction.shape, speed=Speed(**dict(prediction.speed_ms)), results=results_of(prediction))


def results_of(prediction: Prediction) -> tuple[Result, ...]:
    """Spell the detections as results, strongest first."""
    found = prediction.detections
    rows = zip(found.labels.tolist(), found.scores.tolist(), found.xyxy.tolist(), strict=True)
    return tuple(
        Result(
            label=label,
            name=prediction.classes[label],
            confidence=round(score, 5),
            box=Corners(**{side: round(value, 2) for side, value in zip(("x1", "y1", "x2", "y2"), xyxy, strict=True)}),
        )
        for label, score, xyxy in rows
    )


EXAMPLE = {
    "images": [
        {
            "shape": [480, 640],
            "speed": {"queue": 0.1, "decode": 2.9, "preprocess": 1.3, "inference": 21.4, "postprocess": 0.4},
            "results": [
                {
                    "class": 0,
                    "name": "plane",
                    "confidence": 0.91,
                    "box": {"x1": 101.5, "y1": 80.0, "x2": 311.2, "y2": 199.4},
                }
            ],
        }
    ],
    "metadata": {"model": "planes", "version": 7},
}
"""An answer, for the documentation."""
