"""`summary.json`: what happened, for programs."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from steps.report.evidence import Evidence
from steps.report.outcome import Outcome


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Failure(_Part):
    """Why the run failed."""

    step: str
    """Step or node that failed; empty where that is not known."""

    message: str
    hint: str
    exit_code: int | None


class Scores(_Part):
    """Of the exported model, on images it had not seen; None where not measured."""

    map50: float | None
    map50_95: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    threshold: float | None
    threshold_per_class: dict[str, float | None]

    ap50_per_class: dict[str, float | None]
    latency_ms: float | None
    """Median of one request over HTTP, milliseconds."""


class Counts(_Part):
    """Of images and boxes; None where not known."""

    images: int | None
    boxes: int | None
    background: int | None
    train: int | None
    valid: int | None
    test: int | None
    issues: dict[str, int]
    """What was wrong with the data: number by code."""


class StepTiming(_Part):
    """One step that ran."""

    name: str
    started: str | None
    """ISO 8601."""

    seconds: float | None
    cpu_seconds: float | None
    peak_bytes: float | None
    exit_code: int | None


class Summary(_Part):
    """Content of `summary.json`. Within one schema version, fields are only added."""

    schema_version: Literal[1] = 1
    run: str
    status: str
    """Phase the run ended with: `Succeeded`, `Failed` or `Error`."""

    headline: str
    """The same sentence as on the page."""

    reason: Failure | None
    """None where the run succeeded."""

    model: str
    version: int | None
    """The version published, or None."""

    url: str
    """Where it lies, or an empty text."""

    previous: int | None
    """The version that `latest` named before, or None."""

    scores: Scores
    counts: Counts
    duration_s: float | None
    timings: tuple[StepTiming, ...]
    notes: tuple[str, ...]
    """What of the run's artifacts could not be read."""


def summarise(evidence: Evidence, outcome: Outcome) -> Summary:
    """Return the run in short."""
    reason = outcome.reason
    return Summary(
        run=evidence.run,
        status=evidence.status,
        headline=outcome.headline,
        reason=reason
        and Failure(step=reason.step, message=reason.message, hint=reason.hint, exit_code=reason.exit_code),
        model=outcome.model,
        version=outcome.version,
        url=evidence.published.text("url"),
        previous=evidence.published.whole("previous"),
        scores=_scores(evidence),
        counts=_counts(evidence),
        duration_s=evidence.duration_s,
        timings=tuple(
            StepTiming(
                name=record.name,
                started=record.started.isoformat() if record.started else None,
                seconds=record.seconds,
                cpu_seconds=record.cpu_seconds,
                peak_bytes=record.peak_bytes,
                exit_code=record.exit_code,
            )
            for record in evidence.records
        ),
        notes=tuple(evidence.notes.texts),
    )


def _scores(evidence: Evidence) -> Scores:
    metrics = evidence.metrics
    return Scores(
        map50=metrics.share("map50"),
        map50_95=metrics.share("map50_95"),
        precision=metrics.share("precision"),
        recall=metrics.share("recall"),
        f1=metrics.share("f1"),
        threshold=metrics.document("defaults").share("confidence"),
        threshold_per_class={item.text("name"): item.share("threshold") for item in metrics.documents("per_class")},
        ap50_per_class={item.text("name"): item.share("ap50") for item in metrics.documents("per_class")},
        latency_ms=evidence.answer.number("latency_ms"),
    )


def _counts(evidence: Evidence) -> Counts:
    intake, counts = evidence.intake, evidence.intake.document("counts")
    train, valid, test = (
        len(evidence.splits.items(name)) if evidence.splits else None for name in ("train", "valid", "test")
    )
    return Counts(
        images=intake.whole("images"),
        boxes=intake.whole("boxes"),
        background=intake.whole("background"),
        train=train,
        valid=valid,
        test=test,
        issues={code: counts.whole(code) or 0 for code in counts.values},
    )
