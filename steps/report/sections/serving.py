"""What the server answered when it was asked for the first time."""

from dataclasses import dataclass

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.pictures import Picture

MOST_BOXES = 30
SIDE, WEIGHT = 1000, 200_000


@dataclass(frozen=True, slots=True)
class Answered:
    """One box of the answer: class, confidence, and xyxy in pixels as text."""

    name: str
    confidence: float | None
    box: str


@dataclass(frozen=True, slots=True)
class ServingView:
    """What the template `serving.html` shows."""

    picture: Picture | None
    boxes: tuple[Answered, ...]
    found: int
    version: str
    requests: int | None
    latency_ms: float | None
    agrees: bool | None


def build_serving(evidence: Evidence) -> ServingView | None:
    """Show the server's answer to an image that it had not seen."""
    answer = evidence.answer
    if not answer:
        return None
    boxes = [_answered(item) for item in answer.documents("boxes")]
    picture = evidence.album.add(
        evidence.folders["answer"],
        "picture.jpg",
        side=SIDE,
        weight=WEIGHT,
        text=f"The test image with the {len(boxes)} boxes that the server drew",
    )
    return ServingView(
        picture=picture,
        boxes=tuple(boxes[:MOST_BOXES]),
        found=len(boxes),
        version=answer.text("version"),
        requests=answer.whole("requests"),
        latency_ms=answer.number("latency_ms"),
        agrees=answer.truth("matches_golden"),
    )


def _answered(item: Document) -> Answered:
    box = item.document("box")
    sides = [box.number(side) for side in ("x1", "y1", "x2", "y2")]
    text = ", ".join(f"{side:.0f}" for side in sides if side is not None)
    return Answered(item.text("name"), item.share("confidence"), text)
