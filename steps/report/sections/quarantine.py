"""What became of the source: every picture, label file and row by its fate, and each that is not used as it is, named."""

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

KINDS = (
    ("pictures", "Pictures"),
    ("label_files", "Label files"),
    ("rows", "Label rows"),
    ("other_files", "Other files"),
)
FATES = (
    ("used", "Used as they are"),
    ("repaired", "Used after a repair"),
    ("merged", "Merged"),
    ("rejected", "Rejected"),
    ("left_out", "Left out"),
)
"""Each thing has one, so that a line of the table adds up to what the source holds."""

ACTIONS = (
    ("rejected", "rejected", "Not used, because they are broken; whatever depends on them is not used either."),
    ("left_out", "left out", "Not used, by a rule that was given or that the layout states."),
    ("merged", "merged", "The same thing twice; used once."),
    ("repaired", "repaired", "Used, after a repair that is safe."),
    ("noted", "noted", "Used as they are; worth knowing."),
)


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one kind of thing.

    Attributes:
        title: The kind.
        total: How many the source holds.
        fates: How many had each of `FATES`.
    """

    title: str
    total: int
    fates: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Issue:
    """One row, image or file that is not as it should be.

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
    """All that was treated the same way.

    Attributes:
        action: What was done.
        title: The same, to be read after a number.
        explanation: What that means.
        total: How many there are, named or not.
        counts: How many of each kind of fault, the most frequent first.
        issues: Those that are named.
        unfolded: Whether their list is open.
    """

    action: str
    title: str
    explanation: str
    total: int
    counts: tuple[tuple[str, int], ...]
    issues: tuple[Issue, ...]
    unfolded: bool


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """What the template `quarantine.html` shows.

    Attributes:
        refused: Why the whole source was refused; empty where it was not.
        hint: What to do about that.
        fates: Headings of the columns of `accounts`.
        accounts: What became of everything; empty where the intake report does not tell.
        treatments: What was found, by what was done about it.
        omitted: How many are counted and not named.
        pictures: Images with rejected rows.
    """

    refused: str
    hint: str
    fates: tuple[str, ...]
    accounts: tuple[Account, ...]
    treatments: tuple[Treatment, ...]
    omitted: int
    pictures: tuple[Picture, ...]


def build_quarantine(evidence: Evidence) -> QuarantineView | None:
    """Tell what became of everything in the source, and list what is not used as it is."""
    intake = evidence.intake
    if not intake:
        return None
    documents = list(intake.documents("issues"))
    counts = intake.document("counts")
    known = {code: counts.whole(code) or 0 for code in counts.values}
    return QuarantineView(
        refused=intake.text("refused"),
        hint=intake.text("hint"),
        fates=tuple(title for _, title in FATES),
        accounts=_accounts(intake.document("accounts"), refused=bool(intake.text("refused"))),
        treatments=_treatments(documents, known),
        omitted=(intake.whole("issues_omitted") or 0) + max(0, len(documents) - MOST_ROWS),
        pictures=_pictures(evidence),
    )


def _accounts(document: Document, *, refused: bool) -> tuple[Account, ...]:
    """Return what became of each kind of thing; of a refused source only what was found, for the rest was not looked for."""
    found = [(title, document.document(kind)) for kind, title in KINDS]
    return tuple(
        Account(title, account.whole("total") or 0, tuple(account.whole(fate) or 0 for fate, _ in FATES))
        for title, account in found
        if account and (account.whole("total") or not refused)
    )


def _treatments(documents: list[Document], known: dict[str, int]) -> tuple[Treatment, ...]:
    """Group what was found by what was done; the numbers are those of all, of which only the first are named."""
    said = {action: (title, explanation) for action, title, explanation in ACTIONS}
    codes: dict[str, Counter[str]] = {action: Counter() for action in said}
    issues: dict[str, list[Issue]] = {}
    for number, document in enumerate(documents):
        action, code = document.text("action"), document.text("code")
        codes.setdefault(action, Counter())[code] += 1
        if number < MOST_ROWS:
            issues.setdefault(action, []).append(_issue(document))
    found = []
    for action, counter in codes.items():
        counts = Counter({code: max(known.get(code, 0), named) for code, named in counter.items()})
        if counts:
            named = tuple(issues.get(action, ()))
            shown = tuple((_words(code[:LONGEST]), count) for code, count in counts.most_common(MOST_CODES))
            title, explanation = said.get(action, (action, ""))
            found.append(Treatment(action, title, explanation, counts.total(), shown, named, len(named) <= OPEN_ROWS))
    return tuple(found)


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
