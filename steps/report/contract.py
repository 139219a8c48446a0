"""Contract of the `report` step."""

from pathlib import Path
from typing import Annotated

from steps.contract import Artifact, Internal, Model, Step


class ReportInputs(Model):
    """Tell what a run did, on one HTML page that needs nothing beside it, after success and failure alike.

    Every artifact is optional: a run that failed early still gets a page with the reason on top.
    """

    run: Annotated[str, Internal()] = "run"
    """Name of the run."""

    status: Annotated[str, Internal()] = "Succeeded"
    """Phase the run ended with: `Succeeded`, `Failed` or `Error`."""

    failures: Annotated[str, Internal()] = "null"
    """Failed nodes as JSON, as Argo gives them in `workflow.failures`."""

    parameters: Annotated[str, Internal()] = "[]"
    """Parameters of the run as JSON, as Argo gives them in `workflow.parameters`."""

    duration: Annotated[str, Internal()] = "0"
    """Seconds the run took so far."""

    records: Annotated[Path | None, Artifact(optional=True)] = None
    """Folder with the `record.json` of every step that ran."""

    intake: Annotated[Path | None, Artifact(optional=True)] = None
    """Intake report, as `ingest` wrote it."""

    splits: Annotated[Path | None, Artifact(optional=True)] = None
    """`splits.json`."""

    duplicates: Annotated[Path | None, Artifact(optional=True)] = None
    """Folder with `duplicates.json`, as `split` wrote it."""

    checkpoint: Annotated[Path | None, Artifact(optional=True)] = None
    """Checkpoint folder; `results.csv` is read."""

    metrics: Annotated[Path | None, Artifact(optional=True)] = None
    """Metrics folder, as `evaluate` wrote it."""

    published: Annotated[Path | None, Artifact(optional=True)] = None
    """`published.json`, as `publish` wrote it."""

    answer: Annotated[Path | None, Artifact(optional=True)] = None
    """The server's answer, as `deploy` kept it."""


class ReportOutputs(Model):
    """What `report` leaves behind."""

    report: Annotated[Path, Artifact(file="html")]
    """`report.html`, self-contained."""

    summary: Annotated[Path, Artifact(file="json")]
    """`summary.json`: status, reason, scores, version, timings, for programs."""


REPORT = Step(
    name="report",
    image="core",
    inputs=ReportInputs,
    outputs=ReportOutputs,
    entry="steps.report.run:report",
    example="--run=planes-1 --status=Succeeded --metrics=work/out/metrics",
)
