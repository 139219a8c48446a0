"""What the model takes for what: the confusion matrix as a heat map."""

from dataclasses import dataclass

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.figures import counted, listed, percent

MOST_LABELS = 16
"""Classes in the matrix; the rest become one row and column."""
MOST_NAMED = 6
"""Labels whose names fit over the columns."""
OTHERS = "others"
MOST_MISTAKES = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its count, its share of the row from 0 to 1, whether it is on the diagonal, and in words."""

    value: int
    heat: float
    right: bool
    text: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A kind of mistake: in words, how often, and its length as a bar from 0 to 1."""

    text: str
    detail: str
    value: int
    length: float


@dataclass(frozen=True, slots=True)
class ConfusionView:
    """What the template `confusion.html` shows. Rows are the truth, columns what the model said."""

    labels: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    summary: str
    mistakes: tuple[Mistake, ...]
    """The most frequent ones, over all classes."""

    merged: int
    """Rarer classes that share one row and column."""

    @property
    def dense(self) -> bool:
        """Whether columns are told by number, as their names would not fit."""
        return len(self.labels) > MOST_NAMED


def build_confusion(evidence: Evidence) -> ConfusionView | None:
    """Draw the confusion matrix."""
    confusion = evidence.metrics.document("confusion")
    if not confusion:
        return None
    labels, matrix = _read(confusion)
    if not labels:
        evidence.notes.add("metrics.json: the confusion matrix does not fit its labels; it is left out")
        return None
    summary, mistakes = _summary(matrix), _mistakes(labels, matrix)
    merged = max(0, len(labels) - 1 - MOST_LABELS)
    if merged:
        labels, matrix = _merge(labels, matrix)
    rows = tuple(
        (label, _cells(labels, row, index)) for index, (label, row) in enumerate(zip(labels, matrix, strict=True))
    )
    return ConfusionView(tuple(labels), rows, summary, mistakes, merged)


def _read(confusion: Document) -> tuple[list[str], list[list[int]]]:
    """Return labels, the background last, and a square matrix; nothing where they do not fit each other."""
    labels = [str(label) for label in confusion.items("labels")]
    rows = confusion.items("matrix")
    matrix = [Document({"row": row}, confusion.name, confusion.notes).numbers("row") for row in rows]
    if len(matrix) != len(labels) or any(len(row) != len(labels) for row in matrix):
        return [], []
    return labels, [[round(value or 0) for value in row] for row in matrix]


def _merge(labels: list[str], matrix: list[list[int]]) -> tuple[list[str], list[list[int]]]:
    """Keep the most frequent classes and the background; add up the others."""
    classes = sorted(range(len(labels) - 1), key=lambda index: -sum(matrix[index]))
    kept = sorted(classes[:MOST_LABELS])
    groups = [[index] for index in kept] + [sorted(classes[MOST_LABELS:]), [len(labels) - 1]]
    merged = [[sum(matrix[i][j] for i in rows for j in columns) for columns in groups] for rows in groups]
    return [*(labels[index] for index in kept), OTHERS, labels[-1]], merged


def _cells(labels: list[str], row: list[int], index: int) -> tuple[Cell, ...]:
    total = sum(row) or 1
    last = len(labels) - 1
    cells = []
    for column, value in enumerate(row):
        if index == last:
            text = f"{value} boxes drawn as {labels[column]} where there is nothing"
        elif column == last:
            text = f"{value} of {total} {labels[index]} missed"
        else:
            text = f"{value} of {total} {labels[index]} taken for {labels[column]}"
        cells.append(Cell(value, value / total, index == column and index != last, text))
    return tuple(cells)


def _mistakes(labels: list[str], matrix: list[list[int]]) -> tuple[Mistake, ...]:
    """Return the most frequent kinds of mistake."""
    last = len(labels) - 1
    found = []
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            if row == column or not value:
                continue
            if row == last:
                found.append((value, f"{labels[column]} drawn where there is nothing", ""))
            else:
                what = "missed" if column == last else f"taken for {labels[column]}"
                found.append((value, f"{labels[row]} {what}", f"{percent(value / sum(values))} of {sum(values):,}"))
    found = sorted(found, key=lambda item: -item[0])[:MOST_MISTAKES]
    return tuple(Mistake(text, detail, value, value / found[0][0]) for value, text, detail in found)


def _summary(matrix: list[list[int]]) -> str:
    objects = matrix[:-1]
    total = sum(map(sum, objects))
    right = sum(row[index] for index, row in enumerate(objects))
    missed = sum(row[-1] for row in objects)
    confused, invented = total - right - missed, sum(matrix[-1])
    parts = [f"{right:,} found as what they are", f"{missed:,} missed", f"{confused:,} taken for another class"]
    return f"Of {counted(total, 'object')}, {listed(parts)}. {counted(invented, 'box', 'boxes')} drawn where there is nothing."
