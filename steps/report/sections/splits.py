"""How the images were divided, and which of them are copies of one picture."""

from collections.abc import Iterator
from dataclasses import dataclass

from steps.report.documents import Document
from steps.report.evidence import Evidence
from steps.report.figures import counted
from steps.report.pictures import Picture
from steps.report.redaction import redact

PURPOSES = (
    ("train", "Training", "what the model learns from"),
    ("valid", "Validation", "what the best epoch is chosen by"),
    ("test", "Test", "what only the final score sees"),
)

MOST_PAIRS = 12
SIDE, WEIGHT = 240, 16_000


@dataclass(frozen=True, slots=True)
class Part:
    """One split: its name, purpose, number of images, share of all from 0 to 1, and where it is from."""

    name: str
    title: str
    purpose: str
    images: int
    share: float
    origin: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that are copies of one another, and why they are taken for it."""

    pictures: tuple[Picture, Picture]
    because: str


@dataclass(frozen=True, slots=True)
class SplitsView:
    """What the template `splits.html` shows.

    Attributes:
        parts: The splits.
        seed: Seed that was drawn with; None where nothing was drawn.
        division: Sentences on where the splits are from.
        copies: Sentences on copies of one picture.
        pairs: Some of them.
    """

    parts: tuple[Part, ...]
    seed: int | None
    division: tuple[str, ...]
    copies: tuple[str, ...]
    pairs: tuple[Pair, ...]


def build_splits(evidence: Evidence) -> SplitsView | None:
    """Describe the splits."""
    splits = evidence.splits
    if not splits:
        return None
    sizes = [len(splits.items(name)) for name, _, _ in PURPOSES]
    total = sum(sizes)
    if not total:
        evidence.notes.add("splits.json names no images")
        return None
    origins = splits.document("origins")
    parts = tuple(
        Part(name, title, purpose, images, images / total, redact(origins.text(name)))
        for (name, title, purpose), images in zip(PURPOSES, sizes, strict=True)
    )
    drawn = not origins or any(part.origin != "source" for part in parts)
    return SplitsView(
        parts,
        splits.whole("seed") if drawn else None,
        tuple(_division(splits)),
        tuple(_copies(splits.document("copies"))),
        tuple(_pairs(evidence)),
    )


def _division(splits: Document) -> Iterator[str]:
    kept, reason = splits.text("mode") == "source", redact(splits.text("reason"))
    if splits.text("mode"):
        yield f"{'The source’s own split is kept' if kept else 'The split was drawn'}: {reason}."
    if nowhere := splits.whole("nowhere"):
        yield f"{counted(nowhere, 'image')} that the source puts nowhere {_are(nowhere)} in training."
    leaks = splits.document("leaks")
    train, valid = leaks.whole("train") or 0, leaks.whole("valid") or 0
    sides = [f"{counted(n, 'image')} of {part}" for n, part in ((train, "training"), (valid, "validation")) if n]
    if sides:
        yield (
            f"In the source’s split {' and '.join(sides)} {_have(train + valid)} a copy in a part that is nearer to the "
            f"final score. {'They were taken out, so that the score is not too good.' if kept else 'It is not used.'}"
        )
    elif kept:
        yield "The source’s split was searched for copies: no image has one in another part."


def _copies(copies: Document) -> Iterator[str]:
    groups, images = copies.whole("groups") or 0, copies.whole("images") or 0
    if groups:
        ways = [
            f"{copies.whole(key)} {how}"
            for key, how in (
                ("same_bytes", "with equal files"),
                ("same_original", "with versions by Roboflow’s names"),
                ("near_identical", "held together by the perceptual hash"),
            )
            if copies.whole(key)
        ]
        yield (
            f"{images:,} images are copies of one another, in {counted(groups, 'group')}: {', '.join(ways)}. Each group "
            f"is in one part; the largest has {counted(copies.whole('largest') or 0, 'image')}."
        )
    elif copies:
        yield "No two images are copies of one picture."
    apart = [str(size) for size in copies.items("apart")[:5]]
    if apart:
        yield (
            f"Images that are so much alike that they would have made up too large a group were taken apart "
            f"({', '.join(apart)} images): frames of one camera, perhaps. Scores on them may be too good; "
            "group-pattern says what belongs together."
        )
    if without := copies.whole("without_hash"):
        yield f"{counted(without, 'image')} {_have(without)} no perceptual hash: too plain, or it was turned off."


def _pairs(evidence: Evidence) -> Iterator[Pair]:
    for item in list(evidence.duplicates.documents("pairs"))[:MOST_PAIRS]:
        files, thumbnails = item.items("files"), item.items("thumbnails")
        splits = [str(name) for name in item.items("splits")]
        pictures = [
            evidence.album.add(
                evidence.folders["duplicates"],
                str(thumbnail),
                side=SIDE,
                weight=WEIGHT,
                text=str(file),
                caption=str(file),
                detail=f"{split} in the source" if split else "",
            )
            for file, thumbnail, split in zip(files, thumbnails, splits, strict=False)
        ]
        match pictures:
            case [Picture() as one, Picture() as other]:
                yield Pair((one, other), item.text("because"))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
