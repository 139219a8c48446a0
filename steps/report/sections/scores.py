"""How good the exported model is: per class, and by the size of objects."""

from dataclasses import dataclass

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.figures import milliseconds, significant

MOST_CLASSES = 200
MANY_CLASSES = 16
"""From which on the table is folded, and the weakest stand before it."""
WEAKEST = 8

SIZES = (
    ("small", "under 32 × 32 pixels"),
    ("medium", "32 × 32 to 96 × 96 pixels"),
    ("large", "over 96 × 96 pixels"),
)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """Scores of one class."""

    name: str
    images: int | None
    boxes: int | None
    ap50: float | None
    ap50_95: float | None
    threshold: float | None
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Score for objects of one size."""

    name: str
    detail: str
    boxes: int | None
    ap50_95: float | None


@dataclass(frozen=True, slots=True)
class ScoresView:
    """What the template `scores.html` shows."""

    classes: tuple[ClassRow, ...]
    weakest: tuple[ClassRow, ...]
    """Of many classes the weakest; of few, none."""

    omitted: int
    overall: ClassRow
    sizes: tuple[SizeRow, ...]
    speed: tuple[tuple[str, float, str], ...]
    """Part of the work, its share of the longest, and its time."""

    total_speed: str
    threshold: str
    own_thresholds: bool
    """Whether classes have one of their own."""

    evaluator: str
    split: str


def build_scores(evidence: Evidence) -> ScoresView | None:
    """Tell the scores of `evaluate`."""
    metrics = evidence.metrics
    if not metrics:
        return None
    classes = tuple(_class_row(item, item.text("name")) for item in metrics.documents("per_class"))
    boxes = [row.boxes for row in classes if row.boxes is not None]
    overall = _class_row(metrics, "All classes", boxes=sum(boxes) if boxes else None)
    sizes, speed = metrics.document("sizes"), metrics.document("speed_ms")
    return ScoresView(
        classes=classes[:MOST_CLASSES],
        weakest=_weakest(classes) if len(classes) > MANY_CLASSES else (),
        omitted=max(0, len(classes) - MOST_CLASSES),
        overall=overall,
        sizes=tuple(_size_row(sizes.document(name), name, detail) for name, detail in SIZES if name in sizes.values),
        speed=_speed(speed),
        total_speed=milliseconds(speed.number("total")) if speed.number("total") is not None else "",
        threshold=_threshold(evidence),
        own_thresholds=bool(metrics.document("defaults").document("per_class")),
        evaluator=metrics.text("evaluator"),
        split=metrics.text("split") or "test",
    )


def _class_row(document: Document, name: str, *, boxes: int | None = None) -> ClassRow:
    return ClassRow(
        name=name,
        images=document.whole("images"),
        boxes=document.whole("boxes") if boxes is None else boxes,
        ap50=document.share("ap50" if "ap50" in document.values else "map50"),
        ap50_95=document.share("ap50_95" if "ap50_95" in document.values else "map50_95"),
        threshold=document.share("threshold"),
        precision=document.share("precision"),
        recall=document.share("recall"),
        f1=document.share("f1"),
    )


def _weakest(classes: tuple[ClassRow, ...]) -> tuple[ClassRow, ...]:
    scored = [row for row in classes if row.ap50_95 is not None]
    return tuple(sorted(scored, key=lambda row: row.ap50_95 or 0)[:WEAKEST])


def _size_row(document: Document, name: str, detail: str) -> SizeRow:
    return SizeRow(name, detail, document.whole("boxes"), document.share("ap50_95"))


def _speed(speed: Document) -> tuple[tuple[str, float, str], ...]:
    times = [
        (name, max(0.0, speed.number(name) or 0))
        for name in ("preprocess", "inference", "postprocess")
        if name in speed.values
    ]
    longest = max((value for _, value in times), default=0) or 1
    return tuple((name, value / longest, milliseconds(value)) for name, value in times)


def _threshold(evidence: Evidence) -> str:
    """Say at which confidence precision and recall are told, who chose it, and that a version is served so."""
    metrics, published = evidence.metrics, evidence.published
    value, chosen = metrics.document("defaults").share("confidence"), metrics.text("threshold_from")
    if value is None:
        return ""
    origins = {"valid": ", chosen on the validation images", "given": ", as given", "default": ", the default"}
    own = len(metrics.document("defaults").document("per_class").values)
    text = f"Precision, recall and F1 at confidence {significant(value)}{origins.get(chosen, '')}"
    text += (
        f"; {own} {'class has' if own == 1 else 'classes have'} a threshold of {'its' if own == 1 else 'their'} own."
        if own
        else "."
    )
    served = published.document("defaults")
    confidence, iou, most = served.share("confidence"), served.share("iou"), served.whole("max_detections")
    if confidence is None or iou is None or most is None:
        return text
    return (
        f"{text} Version {published.text('version')} is served so: at confidence {significant(confidence)}"
        f"{' or that of the class' if own else ''}, NMS overlap {significant(iou)}, at most {most} boxes an image."
    )
