"""How the images were divided."""

from dataclasses import dataclass

from steps.report.evidence import Evidence

PURPOSES = (
    ("train", "Training", "what the model learns from"),
    ("valid", "Validation", "what the best epoch is chosen by"),
    ("test", "Test", "what only the final score sees"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One split: its name, purpose, number of images, and share of all from 0 to 1."""

    name: str
    title: str
    purpose: str
    images: int
    share: float


@dataclass(frozen=True, slots=True)
class SplitsView:
    """What the template `splits.html` shows."""

    parts: tuple[Part, ...]
    seed: int | None


def build_splits(evidence: Evidence) -> SplitsView | None:
    """Tell the sizes of the splits."""
    splits = evidence.splits
    if not splits:
        return None
    sizes = [len(splits.items(name)) for name, _, _ in PURPOSES]
    total = sum(sizes)
    if not total:
        evidence.notes.add("splits.json names no images")
        return None
    parts = tuple(
        Part(name, title, purpose, images, images / total)
        for (name, title, purpose), images in zip(PURPOSES, sizes, strict=True)
    )
    return SplitsView(parts, splits.whole("seed"))
