"""Say which images are copies of one another, and show some of them."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path, PurePosixPath

from PIL import Image

from steps.dataset import Dataset
from steps.dataset.canonical import Copies
from steps.split.groups import Bonds, Images, Together
from steps.split.kept import Leak

BITS = 256
"""Of a perceptual hash."""

PAIRS = 12
"""That are shown."""

LISTED_GROUPS, LISTED_IMAGES = 1000, 100
"""Groups that are listed, and images of each."""

SIDE = 240
"""Longest side of a thumbnail, pixels."""

COMPARED = 30
"""Images of a group, on each side, among which the nearest pair is looked for."""


def count_copies(images: Images, together: Together) -> Copies:
    """Count the groups that copies make up; images that only `--group-pattern` joins are no copies."""
    groups = [(group, kinds) for group in together.groups if (kinds := _kinds(images, group))]
    return Copies(
        groups=len(groups),
        images=sum(len(group) for group, _ in groups),
        largest=max((len(group) for group, _ in groups), default=0),
        same_bytes=sum("bytes" in kinds for _, kinds in groups),
        same_original=sum("original" in kinds for _, kinds in groups),
        near_identical=sum("hash" in kinds for _, kinds in groups),
        without_hash=sum(not phash for phash in images.phashes),
        apart=tuple(sorted(together.apart, reverse=True)),
    )


def write_duplicates(folder: Path, dataset: Dataset, images: Images, together: Together, leaks: Sequence[Leak]) -> None:
    """Write `duplicates.json` and thumbnails to `folder`: first what the source has on both sides, then the least alike."""
    (folder / "thumbnails").mkdir(parents=True)
    groups = [group for group in together.groups if _kinds(images, group)]
    pairs = []
    for number, (one, other) in enumerate(_pairs(images, groups, leaks), 1):
        thumbnails = [f"thumbnails/{number:02}-{side}.jpg" for side in ("a", "b")]
        for index, name in zip((one, other), thumbnails, strict=True):
            _draw(dataset.folder / "images" / images.files[index], folder / name)
        pairs.append(
            {
                "files": [images.files[one], images.files[other]],
                "splits": [images.splits[one], images.splits[other]],
                "because": _because(images, one, other),
                "thumbnails": thumbnails,
            }
        )
    groups.sort(key=lambda group: (-len(group), group))
    report = {
        "pairs": pairs,
        "groups": [
            {"images": len(group), "files": [images.files[index] for index in group[:LISTED_IMAGES]]}
            for group in groups[:LISTED_GROUPS]
        ],
        "groups_omitted": max(0, len(groups) - LISTED_GROUPS),
    }
    (folder / "duplicates.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _kinds(images: Images, group: Sequence[int]) -> set[str]:
    """Return what makes images of `group` copies: equal bytes, the same original, or the hash where nothing else does."""
    digests = [images.digests[index] for index in group]
    originals = [images.originals[index] for index in group]
    bonds = Bonds(len(group))
    for names in (digests, originals, [images.groups[index] for index in group]):
        bonds.join_equal(names)
    return {
        kind
        for kind, found in (
            ("bytes", len(set(digests)) < len(group)),
            ("original", len({*filter(None, originals)}) < len([*filter(None, originals)])),
            ("hash", len(bonds.groups()) > 1),
        )
        if found
    }


def _pairs(images: Images, groups: Sequence[list[int]], leaks: Sequence[Leak]) -> list[tuple[int, int]]:
    """Return pairs to show: one of each leak, then of other groups, those first that are the least alike."""
    leaking = {index for leak in leaks for index in (*leak.kept, *leak.taken)}
    shown = [_nearest(images, leak.kept, leak.taken) for leak in leaks[:PAIRS]]
    others = [_nearest(images, group[:1], group[1:]) for group in groups if leaking.isdisjoint(group)]
    others.sort(key=lambda pair: (-_distance(images, *pair), pair))
    return [*shown, *others][:PAIRS]


def _nearest(images: Images, some: Sequence[int], others: Sequence[int]) -> tuple[int, int]:
    pairs = product(some[:COMPARED], others[:COMPARED])
    return min(pairs, key=lambda pair: (_distance(images, *pair), pair))


def _distance(images: Images, one: int, other: int) -> int:
    """Return how many bits of two hashes differ; -1 for equal files, and more than any where one has no hash."""
    if images.digests[one] == images.digests[other]:
        return -1
    hashes = images.phashes[one], images.phashes[other]
    return (int(hashes[0], 16) ^ int(hashes[1], 16)).bit_count() if all(hashes) else BITS + 1


def _because(images: Images, one: int, other: int) -> str:
    distance = _distance(images, one, other)
    if distance < 0:
        return "equal files"
    if images.originals[one] and images.originals[one] == images.originals[other]:
        return f"versions of {PurePosixPath(images.originals[one]).name} by name"
    if images.groups[one] and images.groups[one] == images.groups[other]:
        return f"group {images.groups[one]}"
    return f"{distance} of {BITS} bits of the perceptual hash differ" if distance <= BITS else "by way of other images"


def _draw(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    small.save(target, "JPEG", quality=80)
