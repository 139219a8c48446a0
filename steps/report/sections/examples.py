"""The images the model does best and worst on, beside the truth."""

from dataclasses import dataclass

from steps.report.evidence import Evidence
from steps.report.figures import score
from steps.report.pictures import Picture

MOST_PICTURES = 4
"""Of each kind."""
SIDE, WEIGHT = 1000, 110_000


@dataclass(frozen=True, slots=True)
class ExamplesView:
    """What the template `examples.html` shows."""

    best: tuple[Picture, ...]
    worst: tuple[Picture, ...]


def build_examples(evidence: Evidence) -> ExamplesView | None:
    """Collect the pictures that `evaluate` drew."""
    found: dict[str, list[Picture]] = {"best": [], "worst": []}
    for item in evidence.metrics.documents("examples"):
        kind = item.text("kind")
        if kind not in found or len(found[kind]) >= MOST_PICTURES:
            continue
        value, note = item.number("score"), item.text("note")
        told = f"F1 {score(value)}" if value is not None else ""
        picture = evidence.album.add(
            evidence.folders["metrics"],
            item.text("file"),
            side=SIDE,
            weight=WEIGHT,
            text=f"{item.text('image')}: truth on the left, prediction on the right",
            caption=item.text("image"),
            detail=" · ".join(part for part in (told, note) if part),
        )
        if picture:
            found[kind].append(picture)
    if not any(found.values()):
        return None
    return ExamplesView(tuple(found["best"]), tuple(found["worst"]))
