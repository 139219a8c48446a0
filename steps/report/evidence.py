"""Everything a run left behind, read once and as far as it can be read."""

from dataclasses import dataclass
from pathlib import Path

from steps.report.contract import ReportInputs
from steps.report.documents import DamagedError, Document, Notes
from steps.report.pictures import Album
from steps.report.records import Record, read_records
from steps.report.redaction import redact
from steps.report.submission import FailedNode, failures_of, parameters_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the page is made of. Documents that are missing or damaged are empty; damage is noted.

    Attributes:
        run: Name of the run.
        status: Phase it ended with.
        duration_s: Seconds it took, where the engine told.
        parameters: Its parameters, secrets removed.
        failures: Its failed nodes.
        records: One for each step that ran, by start.
        intake: `intake.json`.
        splits: `splits.json`.
        duplicates: `duplicates.json`.
        training: `train.json`.
        metrics: `metrics.json`.
        published: `published.json`.
        answer: `answer.json`.
        folders: Artifacts that are there, by name.
        notes: What could not be read.
        album: Hands out pictures.
    """

    run: str
    status: str
    duration_s: float | None
    parameters: dict[str, str]
    failures: list[FailedNode]
    records: list[Record]
    intake: Document
    splits: Document
    duplicates: Document
    training: Document
    metrics: Document
    published: Document
    answer: Document
    folders: dict[str, Path]
    notes: Notes
    album: Album

    @property
    def succeeded(self) -> bool:
        """Whether the run ended well."""
        return self.status == "Succeeded"


def gather(inputs: ReportInputs) -> Evidence:
    """Read all that `inputs` names. Never raises for what is in the files."""
    notes = Notes()
    given = {
        name: getattr(inputs, name)
        for name in ("records", "intake", "splits", "duplicates", "checkpoint", "metrics", "published", "answer")
    }
    folders: dict[str, Path] = {name: path for name, path in given.items() if path is not None}

    def document(name: str, file: str = "", *, shown: bool = True) -> Document:
        path = folders.get(name)
        try:
            return (
                Document.read(path / file if file else path, notes, shown=shown) if path else Document({}, file, notes)
            )
        except DamagedError as error:
            notes.add(str(error))
            return Document({}, file, notes)

    return Evidence(
        run=redact(inputs.run),
        status=redact(inputs.status),
        duration_s=_duration(inputs.duration),
        parameters=parameters_of(inputs.parameters, notes),
        failures=failures_of(inputs.failures, notes),
        records=read_records(folders["records"], notes) if "records" in folders else [],
        intake=document("intake", "intake.json"),
        splits=document("splits", shown=False),  # as many names as images, which are only counted
        duplicates=document("duplicates", "duplicates.json"),
        training=document("checkpoint", "train.json"),
        metrics=document("metrics", "metrics.json"),
        published=document("published"),
        answer=document("answer", "answer.json"),
        folders=folders,
        notes=notes,
        album=Album(notes),
    )


def _duration(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e9 else None
