"""What was wrong with the data: each row that was repaired or put aside, counted and named."""

from collections import Counter
from dataclasses import dataclass

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.pictures import Picture
from steps.report.sections.data import THUMBNAIL_SIDE, THUMBNAIL_WEIGHT

MOST_ROWS = 1000
OPEN_ROWS = 8
"""Rows up to which a list is shown unfolded."""
MOST_PICTURES = 8
MOST_CODES = 40
LONGEST = 300
"""Characters of a path, a value or a reason that are shown."""

ACTIONS = (
    (
        "rejected",
        "rejected",
        "Not used, because it is broken: a row without its image, or an image or a file as a whole.",
    ),
    ("left_out", "left out", "Not used, by a rule that was given or that the layout states."),
    ("merged", "merged", "The same thing twice; used once."),
    ("repaired", "repaired", "Used, after a repair that is safe."),
    ("noted", "noted", "Used as it is; worth knowing."),
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One row or image that is not as it should be.

    Attributes:
        title: What is wrong, in words.
        place: File, and row where there is one.
        found: The value found.
        reason: Why that is wrong.
    """

    title: str
    place: str
    found: str
    reason: str


@dataclass(frozen=True, slots=True)
class Treatment:
    """All issues that were treated the same way."""

    action: str
    title: str
    explanation: str
    issues: tuple[Issue, ...]
    unfolded: bool


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """What the template `quarantine.html` shows."""

    counts: tuple[tuple[str, int], ...]
    treatments: tuple[Treatment, ...]
    named: int
    omitted: int
    pictures: tuple[Picture, ...]


def build_quarantine(evidence: Evidence) -> QuarantineView | None:
    """List what `ingest` repaired, put aside or counted."""
    intake = evidence.intake
    if not intake:
        return None
    documents = list(intake.documents("issues"))
    shown = documents[:MOST_ROWS]
    counts = intake.document("counts")
    counted = {code: counts.whole(code) or 0 for code in counts.values} or Counter(
        document.text("code") for document in documents
    )
    return QuarantineView(
        counts=tuple((_words(code[:LONGEST]), n) for code, n in Counter(counted).most_common(MOST_CODES) if n),
        treatments=_treatments(shown),
        named=len(shown),
        omitted=(intake.whole("issues_omitted") or 0) + len(documents) - len(shown),
        pictures=_pictures(evidence),
    )


def _treatments(documents: list[Document]) -> tuple[Treatment, ...]:
    known = {action: (title, explanation) for action, title, explanation in ACTIONS}
    found: dict[str, list[Issue]] = {action: [] for action in known}
    for document in documents:
        found.setdefault(document.text("action") or "noted", []).append(_issue(document))
    return tuple(
        Treatment(action, *known.get(action, (action, "")), tuple(issues), len(issues) <= OPEN_ROWS)
        for action, issues in found.items()
        if issues
    )


def _issue(document: Document) -> Issue:
    row = document.whole("row")
    file = document.text("file") or "(no file)"
    return Issue(
        title=_words(document.text("code")),
        place=file[:LONGEST] if row is None else f"{file[:LONGEST]}, row {row}",
        found=document.text("found")[:LONGEST],
        reason=document.text("reason")[:LONGEST],
    )


def _words(code: str) -> str:
    """Spell a code as words: `zero-size` is `Zero size`."""
    text = code.replace("-", " ").replace("_", " ").strip() or "unnamed"
    return text[0].upper() + text[1:]


def _pictures(evidence: Evidence) -> tuple[Picture, ...]:
    pictures = [
        evidence.album.add(
            evidence.folders["intake"],
            item.text("file"),
            side=THUMBNAIL_SIDE,
            weight=THUMBNAIL_WEIGHT,
            text=f"{item.text('source')}: {item.text('reason')}",
            caption=item.text("source"),
            detail=item.text("reason"),
        )
        for item in list(evidence.intake.documents("quarantine_thumbnails"))[:MOST_PICTURES]
    ]
    return tuple(picture for picture in pictures if picture)
