"""How the training went, epoch by epoch, from the trainer's `results.csv`."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from steps.report.charts import Chart, Line, Mark, Point, line_chart
from steps.report.documents import DamagedError, Document, Notes, read_text
from steps.report.evidence import Evidence
from steps.report.figures import counted, score, seconds

SCORES = (("metrics/mAP50(B)", "mAP50"), ("metrics/mAP50-95(B)", "mAP50-95"))
LOSSES = (("box_loss", "Box loss"), ("cls_loss", "Class loss"))


@dataclass(frozen=True, slots=True)
class LearningView:
    """What the template `learning.html` shows: facts as (name, value), and charts."""

    facts: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]


def build_learning(evidence: Evidence) -> LearningView | None:
    """Draw the learning curves."""
    folder = evidence.folders.get("checkpoint")
    if not folder:
        return None
    columns = _read_curves(folder / "results.csv", evidence.notes)
    charts = [_score_chart(columns, evidence.training), *(_loss_chart(columns, *loss) for loss in LOSSES)]
    view = LearningView(_facts(evidence.training), tuple(chart for chart in charts if chart))
    return view if view.facts or view.charts else None


def _read_curves(path: Path, notes: Notes) -> dict[str, list[float | None]]:
    """Return the columns of a results.csv by name; an empty cell and one that is no finite number are None."""
    try:
        rows = list(csv.reader(read_text(path).replace("\0", "").splitlines()))
    except (DamagedError, csv.Error) as error:
        notes.add(str(error))
        return {}
    if len(rows) < 2 or "epoch" not in (header := [name.strip() for name in rows[0]]):
        notes.add(f"{path.name} has no epochs")
        return {}
    return {
        name: [_number(row[index]) if index < len(row) else None for row in rows[1:]]
        for index, name in enumerate(header)
    }


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _points(columns: dict[str, list[float | None]], name: str) -> list[Point | None]:
    pairs = zip(columns.get("epoch", ()), columns.get(name, ()), strict=False)
    return [(x, y) if x is not None and y is not None else None for x, y in pairs]


def _score_chart(columns: dict[str, list[float | None]], training: Document) -> Chart | None:
    lines = [Line(name, _points(columns, column)) for column, name in SCORES]
    best = training.whole("best_epoch")
    points = [point for point in lines[1].points if point]
    mark = next((Mark(point, f"best: epoch {best}") for point in points if best is not None and point[0] == best), None)
    return line_chart(
        "Score on the validation images",
        lines,
        x_label="epoch",
        y_label="mAP",
        y_range=(0, 1),
        mark=mark,
        whole_x=True,
    )


def _loss_chart(columns: dict[str, list[float | None]], column: str, title: str) -> Chart | None:
    lines = [
        Line("training", _points(columns, f"train/{column}")),
        Line("validation", _points(columns, f"val/{column}")),
    ]
    return line_chart(
        title,
        [line for line in lines if any(line.points)],
        x_label="epoch",
        y_label="loss",
        whole_x=True,
    )


def _facts(training: Document) -> tuple[tuple[str, str], ...]:
    if not training:
        return ()
    done, planned = training.whole("epochs_done"), training.whole("epochs_planned")
    epochs = "" if done is None else f"{done} of {planned}" if planned and planned != done else f"{done}"
    parameters, side, attempts = training.number("parameters"), training.whole("image_size"), training.whole("attempts")
    facts = (
        ("Base model", training.text("base_model")),
        ("Weights", f"{parameters / 1e6:.2f} million" if parameters is not None else ""),
        ("Device", training.text("device").upper()),
        ("Epochs", epochs),
        ("Batch", training.text("batch")),
        ("Input", f"{side} × {side} pixels" if side is not None else ""),
        ("Best mAP50-95", score(training.share("map50_95")) if training.share("map50_95") is not None else ""),
        ("Time", seconds(training.number("seconds")) if training.number("seconds") is not None else ""),
        ("Interrupted", counted(attempts - 1, "time") if attempts is not None and attempts > 1 else ""),
    )
    return tuple((name, value) for name, value in facts if value)
