"""What the choice of a confidence threshold trades: precision over recall, and F1 over confidence."""

from dataclasses import dataclass

from steps.report.charts import Chart, Line, Mark, Point, line_chart
from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.figures import percent, score, significant

MOST_CLASSES = 6


@dataclass(frozen=True, slots=True)
class CurvesView:
    """What the template `curves.html` shows."""

    charts: tuple[Chart, ...]
    chosen: tuple[tuple[str, str, str], ...]
    """What the chosen threshold gives: name, value, meaning."""


def build_curves(evidence: Evidence) -> CurvesView | None:
    """Draw the curves that `evaluate` measured."""
    curves = evidence.metrics.document("curves")
    charts = [
        _precision_recall(curves),
        _f1(curves.document("f1"), evidence.metrics.document("defaults").share("confidence")),
    ]
    found = tuple(chart for chart in charts if chart)
    return CurvesView(found, _chosen(evidence.metrics)) if found else None


def _chosen(metrics: Document) -> tuple[tuple[str, str, str], ...]:
    defaults = metrics.document("defaults")
    own = ", but for classes with their own" if defaults.document("per_class") else ""
    facts = (
        ("Confidence", significant, defaults.share("confidence"), f"above which a box counts{own}"),
        ("Precision", percent, metrics.share("precision"), "of the boxes drawn are right"),
        ("Recall", percent, metrics.share("recall"), "of the objects are found"),
        ("F1", score, metrics.share("f1"), "both in one number"),
    )
    return tuple((name, spell(value), meaning) for name, spell, value, meaning in facts if value is not None)


def _precision_recall(curves: Document) -> Chart | None:
    lines = [
        Line(item.text("class"), _points(item, "recall", "precision")) for item in curves.documents("precision_recall")
    ]
    lines = [line for line in lines if any(line.points)]
    if len(lines) > 1:
        mean = Line("mean", _mean(lines), emphasis=True)
        shown = lines if len(lines) <= MOST_CLASSES else sorted(lines, key=_area)[:MOST_CLASSES]
        caption = f"The {len(shown)} weakest of {len(lines)} classes, and the mean over all." if shown != lines else ""
        lines = [*shown, mean]
    else:
        caption = ""
    return line_chart(
        "Precision over recall",
        lines,
        x_label="recall: share of the objects found",
        y_label="precision",
        x_range=(0, 1),
        y_range=(0, 1),
        caption=caption or "The nearer to the upper right corner, the better. At IoU 0.5.",
    )


def _f1(curve: Document, threshold: float | None) -> Chart | None:
    points = _points(curve, "confidence", "f1")
    known = [point for point in points if point]
    mark = None
    if threshold is not None and known:
        nearest = min(known, key=lambda point: abs(point[0] - threshold))
        mark = Mark(nearest, f"chosen: {significant(threshold)}")
    return line_chart(
        "F1 over confidence",
        [Line("F1", points)],
        x_label="confidence threshold",
        y_label="F1",
        x_range=(0, 1),
        y_range=(0, 1),
        mark=mark,
        caption="F1 is high where precision and recall both are. A flat top means the threshold hardly matters.",
    )


def _points(document: Document, x_key: str, y_key: str) -> list[Point | None]:
    """Return points inside the unit square; COCO's -1 and everything else breaks the line."""
    pairs = zip(document.numbers(x_key), document.numbers(y_key), strict=False)
    return [(x, y) if x is not None and y is not None and 0 <= x <= 1 and 0 <= y <= 1 else None for x, y in pairs]


def _area(line: Line) -> float:
    """Return the sum of the precisions: a class with fewer is weaker."""
    return sum(point[1] for point in line.points if point)


def _mean(lines: list[Line]) -> list[Point | None]:
    """Return the mean precision at each recall that every class has a value for."""
    at: dict[float, list[float]] = {}
    for line in lines:
        for point in line.points:
            if point:
                at.setdefault(round(point[0], 4), []).append(point[1])
    return [(x, sum(values) / len(values)) for x, values in sorted(at.items()) if len(values) == len(lines)]
