"""Where the time went: every step on one time line, with its memory."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from steps.report.evidence import Evidence
from steps.report.figures import percent, round_duration, seconds
from steps.report.records import Record

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
"""Seconds between ticks of the time line."""
MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class TimeBar:
    """One step on the time line.

    Attributes:
        name: The step.
        start: Where the bar starts, share of the whole from 0 to 1; None where the record does not tell.
        length: Share of the whole.
        seconds: Wall time.
        peak_bytes: Highest memory.
        cores: Cores kept busy, on the mean.
        exit_code: 0 where all went well.
    """

    name: str
    start: float | None
    length: float
    seconds: float | None
    peak_bytes: float | None
    cores: float | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class TimingsView:
    """What the template `timings.html` shows."""

    bars: tuple[TimeBar, ...]
    ticks: tuple[tuple[float, str], ...]
    summary: str


def build_timings(evidence: Evidence) -> TimingsView | None:
    """Draw the steps' records as a waterfall."""
    records = evidence.records
    if not records:
        return None
    spans = [span for record in records if (span := _span(record))]
    first = min((start for start, _ in spans), default=None)
    whole = max(((end - first).total_seconds() for _, end in spans), default=0.0) if first else 0.0
    whole = max(whole, 1e-3)
    bars = tuple(_bar(record, first, whole) for record in records)
    return TimingsView(bars, _ticks(whole) if spans else (), _summary(evidence, spans, whole))


def _ticks(whole: float) -> tuple[tuple[float, str], ...]:
    """Return places from 0 to 1 and their times, at round times."""
    step = next((step for step in STEPS if step * MOST_TICKS >= whole), whole)
    return tuple((tick * step / whole, round_duration(tick * step)) for tick in range(int(whole / step) + 1))


def _span(record: Record) -> tuple[datetime, datetime] | None:
    """Return start and end of a record; the end from its seconds where it tells no end."""
    if not record.started:
        return None
    end = record.finished or record.started + timedelta(seconds=record.seconds or 0)
    return record.started, max(end, record.started)


def _bar(record: Record, first: datetime | None, whole: float) -> TimeBar:
    span = _span(record)
    start, length = None, 0.0
    if span and first:
        start = (span[0] - first).total_seconds() / whole
        length = (span[1] - span[0]).total_seconds() / whole
    took = record.seconds if record.seconds is not None or not span else (span[1] - span[0]).total_seconds()
    cores = record.cpu_seconds / took if record.cpu_seconds is not None and took else None
    return TimeBar(record.name, start, length, took, record.peak_bytes, cores, record.exit_code)


def _summary(evidence: Evidence, spans: list[tuple[datetime, datetime]], whole: float) -> str:
    if not spans:
        return ""
    busy, until = 0.0, spans[0][0]
    for start, end in sorted(spans):
        busy += max(0.0, (end - max(start, until)).total_seconds())
        until = max(until, end)
    total = max(evidence.duration_s or 0, whole)
    return (
        f"{seconds(busy)} of {seconds(total)} in steps; the rest, {percent(1 - busy / total)}, is starting and waiting."
    )
