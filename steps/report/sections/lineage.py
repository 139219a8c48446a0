"""Where the model comes from: source, digest, parameters and versions, enough to make it again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from steps.report.evidence import Evidence


@dataclass(frozen=True, slots=True)
class LineageView:
    """What the template `lineage.html` shows: facts and tables of (name, value)."""

    facts: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]


def build_lineage(evidence: Evidence) -> LineageView | None:
    """Collect what the model was made of."""
    lineage, training = evidence.published.document("lineage"), evidence.training
    previous = evidence.published.whole("previous")
    codes = sorted({record.version for record in evidence.records if record.version})
    facts = (
        ("Run", evidence.run),
        ("Source", lineage.text("source") or evidence.intake.text("source") or evidence.parameters.get("source", "")),
        ("Code version", lineage.text("code_version") or ", ".join(codes)),
        ("Base model", training.text("base_model")),
        ("Seed", training.text("seed") or evidence.splits.text("seed")),
        ("Published at", evidence.published.text("url")),
        ("Published on", _moment(lineage.text("created"))),
        ("Version before", "none" if evidence.published and previous is None else str(previous or "")),
        ("Layout", evidence.intake.text("layout") or evidence.intake.text("format")),
        ("Data digest", lineage.text("data_digest") or _digest(evidence)),
    )
    versions = training.document("versions")
    view = LineageView(
        facts=tuple((name, value) for name, value in facts if value),
        parameters=tuple(evidence.parameters.items()),
        versions=tuple((name, versions.text(name)) for name in sorted(versions.values)),
    )
    return view if view.facts or view.parameters else None


def _digest(evidence: Evidence) -> str:
    """Return the digest that `ingest` told, for runs that published nothing."""
    return next((text for record in evidence.records if (text := record.outputs.text("digest"))), "")


def _moment(text: str) -> str:
    """Spell an ISO time for people, in minutes and UTC; anything else stays as it is."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return text
