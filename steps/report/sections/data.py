"""What is in the data set: numbers, classes, sizes, and pictures with their boxes."""

from dataclasses import dataclass
from typing import Any

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.figures import counted
from steps.report.pictures import Picture

MOST_CLASSES = 12
MOST_FOLDED_CLASSES = 200
MOST_THUMBNAILS = 24
FIRST_THUMBNAILS = 12
MOST_DUPLICATES = 50
THUMBNAIL_SIDE, THUMBNAIL_WEIGHT = 320, 28_000

BOX_SIZES = (
    ("small", "under 32 × 32 pixels"),
    ("medium", "up to 96 × 96 pixels"),
    ("large", "over 96 × 96 pixels"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a bar chart: its name, a smaller second line, its value, and its length from 0 to 1."""

    name: str
    detail: str
    value: int
    length: float


@dataclass(frozen=True, slots=True)
class DataView:
    """What the template `data.html` shows."""

    images: int | None
    boxes: int | None
    background: int | None
    classes: tuple[Bar, ...]
    more_classes: tuple[Bar, ...]
    all_classes: int
    box_sizes: tuple[Bar, ...]
    picture_sizes: tuple[tuple[str, str], ...]
    duplicates: tuple[tuple[str, ...], ...]
    duplicates_omitted: int
    thumbnails: tuple[Picture, ...]
    more_thumbnails: tuple[Picture, ...]


def build_data(evidence: Evidence) -> DataView | None:
    """Describe the data set that `ingest` took in."""
    intake = evidence.intake
    if not intake or intake.text("refused"):
        return None
    classes = _class_bars(intake.document("classes"))
    duplicates = [_names(group) for group in intake.items("duplicates")]
    thumbnails = _thumbnails(evidence)
    return DataView(
        images=intake.whole("images"),
        boxes=intake.whole("boxes"),
        background=intake.whole("background"),
        classes=classes[:MOST_CLASSES],
        more_classes=classes[MOST_CLASSES:MOST_FOLDED_CLASSES],
        all_classes=len(classes),
        box_sizes=_size_bars(intake.document("box_sizes")),
        picture_sizes=_picture_sizes(intake.document("sizes")),
        duplicates=tuple(duplicates[:MOST_DUPLICATES]),
        duplicates_omitted=max(0, len(duplicates) - MOST_DUPLICATES),
        thumbnails=thumbnails[:FIRST_THUMBNAILS],
        more_thumbnails=thumbnails[FIRST_THUMBNAILS:],
    )


def _class_bars(classes: Document) -> tuple[Bar, ...]:
    counts = {name: classes.whole(name) or 0 for name in classes.values}
    most, total = max(counts.values(), default=0) or 1, sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Bar(name, f"{value / total:.0%} of all boxes", value, value / most) for name, value in ordered)


def _size_bars(sizes: Document) -> tuple[Bar, ...]:
    counts = [(name, detail, sizes.whole(name) or 0) for name, detail in BOX_SIZES if name in sizes.values]
    most = max((value for _, _, value in counts), default=0) or 1
    return tuple(Bar(name, detail, value, value / most) for name, detail, value in counts)


def _picture_sizes(sizes: Document) -> tuple[tuple[str, str], ...]:
    found = []
    for key, name in (("min", "Smallest"), ("median", "Median"), ("max", "Largest")):
        sides = sizes.numbers(key)
        if len(sides) == 2 and None not in sides:
            found.append((name, " × ".join(f"{side:.0f}" for side in sides if side is not None)))
    return tuple(found)


def _names(group: Any) -> tuple[str, ...]:
    return tuple(str(name)[:200] for name in group[:20]) if isinstance(group, list) else (str(group)[:200],)


def _thumbnails(evidence: Evidence) -> tuple[Picture, ...]:
    pictures = []
    for item in list(evidence.intake.documents("thumbnails"))[:MOST_THUMBNAILS]:
        source, boxes = item.text("source"), item.whole("boxes")
        detail = "background" if boxes == 0 else counted(boxes, "box", "boxes") if boxes is not None else ""
        pictures.append(
            evidence.album.add(
                evidence.folders["intake"],
                item.text("file"),
                side=THUMBNAIL_SIDE,
                weight=THUMBNAIL_WEIGHT,
                text=f"{source} with {detail or 'its boxes'}",
                caption=source,
                detail=detail,
            )
        )
    return tuple(picture for picture in pictures if picture)
