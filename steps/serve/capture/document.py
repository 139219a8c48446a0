"""What is kept of one answer."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from steps.serve.models.origin import Edition
from steps.serve.predictor import Sight


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class CapturedBox(_Document):
    """A box: xyxy in pixels of the picture."""

    label: int
    name: str
    confidence: float
    xyxy: tuple[float, float, float, float]


class CapturedPicture(_Document):
    """The picture that belongs to the boxes."""

    file: str | None
    """Name of the JPEG beside the document; None where pictures are not kept."""

    width: int
    height: int


class Captured(_Document):
    """Content of `MODEL/YYYY-MM-DD/ID.json`. It is written after the picture: what it names is there."""

    id: str
    time: str
    """When it was answered, UTC."""

    request_id: str
    reasons: tuple[str, ...]
    """The samplers that chose it: near, random, class, count."""

    model: str
    version: int
    sha256: str
    """Of the version's manifest."""

    picture: CapturedPicture
    answered: int
    """How many of the boxes were in the answer, the first ones; the others were seen with less confidence."""

    boxes: tuple[CapturedBox, ...]


def document(sight: Sight, edition: Edition, reasons: list[str], *, id_: str, file: str | None) -> Captured:
    """Return the document of one answer."""
    prediction, seen = sight.prediction, sight.seen
    rows = zip(seen.labels.tolist(), seen.scores.tolist(), seen.xyxy.tolist(), strict=True)
    return Captured(
        id=id_,
        time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        request_id=prediction.request_id,
        reasons=tuple(reasons),
        model=edition.name,
        version=edition.number,
        sha256=edition.sha256,
        picture=CapturedPicture(file=file, width=prediction.shape[1], height=prediction.shape[0]),
        answered=len(prediction.detections),
        boxes=tuple(
            CapturedBox(
                label=label,
                name=prediction.classes[label],
                confidence=round(score, 5),
                xyxy=tuple(round(side, 2) for side in xyxy),
            )
            for label, score, xyxy in rows
        ),
    )
