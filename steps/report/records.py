"""The `record.json` that every step leaves: when it ran, what it took, and why it failed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from steps.report.documents import DamagedError, Document, Notes

MOST_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Record:
    """One run of one step. What the record does not tell is None.

    Attributes:
        name: The step, or the record's file where several records tell of one step.
        step: The step.
        version: Version of the code.
        started: With time zone.
        finished: With time zone.
        seconds: Wall time.
        cpu_seconds: Over all cores.
        peak_bytes: Highest resident memory.
        exit_code: 0 where all went well.
        message: Why it failed, or an empty text.
        hint: What to do about it, or an empty text.
        outputs: What it gave to later steps: parameters by name.
    """

    name: str
    step: str
    version: str
    started: datetime | None
    finished: datetime | None
    seconds: float | None
    cpu_seconds: float | None
    peak_bytes: float | None
    exit_code: int | None
    message: str
    hint: str
    outputs: Document

    @property
    def failed(self) -> bool:
        """Whether the step ended with a failure."""
        return bool(self.exit_code)


def read_records(folder: Path, notes: Notes) -> list[Record]:
    """Return the records in `folder`, by start; damaged ones are noted and left out."""
    paths = sorted(folder.rglob("*.json")) if folder.is_dir() else [folder]
    if len(paths) > MOST_RECORDS:
        notes.add(f"{len(paths)} step records were left; the first {MOST_RECORDS} are shown")
    records = []
    for path in paths[:MOST_RECORDS]:
        try:
            records.append(_record(Document.read(path, notes), path))
        except DamagedError as error:
            notes.add(f"step record: {error}")
    records = [record for record in records if record.step != "report"]  # left by the report on an earlier attempt
    return sorted(records, key=lambda record: record.started or datetime.max.replace(tzinfo=UTC))


def _record(document: Document, path: Path) -> Record:
    step, error = document.text("step"), document.document("error")
    seconds = document.number("seconds")
    return Record(
        name=path.stem if path.stem != "record" else step or path.parent.name,
        step=step or path.stem,
        version=document.text("version"),
        started=_time(document, "started"),
        finished=_time(document, "finished"),
        seconds=seconds if seconds is None or seconds >= 0 else None,
        cpu_seconds=document.number("cpu_seconds"),
        peak_bytes=document.number("peak_rss_bytes"),
        exit_code=document.whole("exit_code"),
        message=error.text("message"),
        hint=error.text("hint"),
        outputs=document.document("outputs"),
    )


def _time(document: Document, key: str) -> datetime | None:
    text = document.text(key)
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        document.notes.add(f"{document.name}: {key!r} is {text!r}, which is not a time; it is left out")
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
