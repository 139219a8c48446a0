"""Put the page together: each section by itself, so that one that fails costs itself and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from steps import __version__
from steps.report import figures
from steps.report.evidence import Evidence
from steps.report.outcome import Outcome
from steps.report.sections.commands import build_commands
from steps.report.sections.confusion import build_confusion
from steps.report.sections.curves import build_curves
from steps.report.sections.data import build_data
from steps.report.sections.examples import build_examples
from steps.report.sections.learning import build_learning
from steps.report.sections.lineage import build_lineage
from steps.report.sections.quarantine import build_quarantine
from steps.report.sections.scores import build_scores
from steps.report.sections.serving import build_serving
from steps.report.sections.splits import build_splits
from steps.report.sections.timings import build_timings
from steps.report.tiles import top_tiles

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its template is `sections/NAME.html`, and shows what `build` returns.

    Attributes:
        name: Also its anchor.
        title: Heading.
        short: The same in one or two words, for the row of links.
        missing: What to say where there is nothing to show.
        build: Returns the view, or None.
    """

    name: str
    title: str
    short: str
    missing: str
    build: Callable[[Evidence], Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A section as HTML; `html` is None where there was nothing to show."""

    name: str
    title: str
    short: str
    missing: str
    html: Markup | None


SECTIONS = (
    Section("answer", "The server's answer", "Answer", "nothing was deployed", build_serving),
    Section("scores", "Scores", "Scores", "the model was not scored", build_scores),
    Section("confusion", "What is taken for what", "Confusion", "there is no confusion matrix", build_confusion),
    Section("curves", "The choice of a threshold", "Threshold", "there are no curves", build_curves),
    Section("examples", "Best and worst", "Examples", "there are no pictures of predictions", build_examples),
    Section("learning", "Training", "Training", "nothing was trained", build_learning),
    Section("data", "Data", "Data", "no data were taken in", build_data),
    Section("quarantine", "What became of the source", "Source", "no data were checked", build_quarantine),
    Section("splits", "Splits", "Splits", "the images were not divided", build_splits),
    Section("timings", "Time and memory", "Time", "no step left a record", build_timings),
    Section("lineage", "Where it comes from", "Lineage", "nothing is known", build_lineage),
)
"""In the order of the page: the result first, then how it came about."""


def render_page(evidence: Evidence, outcome: Outcome) -> str:
    """Return the page. Sections that cannot be shown are named in it, with the reason."""
    environment = _environment()
    next_steps = Section("next", "What to do next", "Next", "", partial(build_commands, outcome=outcome))
    order = (*SECTIONS, next_steps) if outcome.good else (next_steps, *SECTIONS)
    rendered = [_render(environment, section, evidence) for section in order]
    if evidence.album.omitted:
        evidence.notes.add(f"{evidence.album.omitted} pictures are left out to keep this page small.")
    return environment.get_template("page.html").render(
        outcome=outcome,
        evidence=evidence,
        tiles=top_tiles(evidence, outcome),
        sections=[section for section in rendered if section.html is not None],
        missing=[section for section in rendered if section.html is None],
        code_version=__version__,
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _render(environment: Environment, section: Section, evidence: Evidence) -> Rendered:
    try:
        view = section.build(evidence)
        html = None
        if view is not None:
            html = Markup(environment.get_template(f"sections/{section.name}.html").render(view=view))  # noqa: S704
    except Exception as error:  # noqa: BLE001  (an exit handler that fails makes a failure of a run that succeeded)
        evidence.notes.add(f"The section “{section.title}” cannot be shown ({type(error).__name__}: {error}).")
        html = None
    return Rendered(section.name, section.title, section.short, section.missing, html)


@cache  # compiling the templates takes longer than filling them
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": figures.score,
        "percent": figures.percent,
        "whole": figures.count,
        "counted": figures.counted,
        "milliseconds": figures.milliseconds,
        "seconds": figures.seconds,
        "bytes": figures.size,
    }
    return environment
