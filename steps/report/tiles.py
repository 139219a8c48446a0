"""The few numbers on top of the page."""

from dataclasses import dataclass

from steps.report.evidence import Evidence
from steps.report.figures import count, milliseconds, score, seconds
from steps.report.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with its name."""

    name: str
    value: str


def top_tiles(evidence: Evidence, outcome: Outcome) -> tuple[Tile, ...]:
    """Return the numbers that matter most for this outcome; those that are not known are left out."""
    took = _took(evidence)
    tiles = [("Run time", seconds(took) if took else None)]
    if outcome.reason:
        code, done = outcome.reason.exit_code, sum(record.exit_code == 0 for record in evidence.records)
        images, boxes = evidence.intake.whole("images"), evidence.intake.whole("boxes")
        tiles += [
            ("Steps finished", count(done) if evidence.records else None),
            ("Exit code", str(code) if code is not None else None),
            ("Images", count(images) if images is not None else None),
            ("Boxes", count(boxes) if boxes is not None else None),
        ]
        return _known(tiles)
    metrics = evidence.metrics
    scores = [
        (name, metrics.share(key))
        for name, key in (
            ("mAP50", "map50"),
            ("mAP50-95", "map50_95"),
            ("Precision", "precision"),
            ("Recall", "recall"),
        )
    ]
    speed = metrics.document("speed_ms").number("total")
    return _known(
        [
            *((name, score(value) if value is not None else None) for name, value in scores),
            ("Per image", milliseconds(speed) if speed is not None else None),
            *tiles,
        ]
    )


def _known(tiles: list[tuple[str, str | None]]) -> tuple[Tile, ...]:
    return tuple(Tile(name, value) for name, value in tiles if value is not None)


def _took(evidence: Evidence) -> float | None:
    """Return the seconds the engine told, else those between the first step's start and the last one's end."""
    if evidence.duration_s:
        return evidence.duration_s
    starts = [record.started for record in evidence.records if record.started]
    ends = [record.finished for record in evidence.records if record.finished]
    return (max(ends) - min(starts)).total_seconds() if starts and ends else None
