"""Which images must stay together: those of one group, and copies of one picture.

Images with the same bytes and those that `--group-pattern` of `ingest` joins stay together whatever their number. Copies
that are recognised by Roboflow's names or by a perceptual hash do so unless that leaves too little to divide: a camera
that never moves makes one group of all of its frames.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from steps.dataset import ImageRecord
from steps.dataset.split_names import SPLITS
from steps.split.near import MOST_A_HASH, NEAR, Search, as_words
from steps.split.stratify import BACKGROUND, Group

LEAST_GROUPS = 3
"""Train, valid and test each need one."""

STRICTER_BUDGET = 64
"""Comparisons for each hash in a long row where a group is taken apart: it is a crowd, and need not be sorted out fully."""

LARGEST_SHARE = 1 / 3
"""Of all images: a larger group of copies is taken apart."""

SMALL = 20
"""Copies that are no large group, however few images there are."""

STRICTER = (NEAR, 16, 0)
"""Bits that may differ between near-identical pictures; the next number where a group became too large."""

ROBOFLOW = re.compile(r"(.+)\.rf\.[0-9A-Za-z_-]{8,}", re.DOTALL)
"""What Roboflow calls the versions of one picture: `street_jpg.rf.` and a digest."""

ROBOFLOW_FOLDERS = frozenset({*SPLITS, "images"})
"""Folders of an export, in which versions of one picture may lie apart."""


@dataclass(slots=True)
class Images:
    """Of each record what dividing needs, one list for each field of `ImageRecord`."""

    files: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)
    """Name of the picture of which it is a copy, by Roboflow's names; empty where it is none."""
    phashes: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    classes: list[tuple[int, ...]] = field(default_factory=list)
    """Labels that occur, each once, or `BACKGROUND`."""

    @classmethod
    def of(cls, records: Iterable[ImageRecord]) -> "Images":
        """Read `records`, one at a time."""
        images, known = cls(), dict[tuple[int, ...], tuple[int, ...]]()
        for record in records:
            images.files.append(record.file)
            images.digests.append(record.sha256)
            images.groups.append(record.group)
            images.originals.append(_original(record.source))
            images.phashes.append(record.phash)
            images.splits.append(record.split)
            shown = tuple(sorted({box.label for box in record.boxes})) or (BACKGROUND,)
            images.classes.append(known.setdefault(shown, shown))
        return images


@dataclass(slots=True)
class Together:
    """Images by group.

    Attributes:
        groups: Indices of the images of each group, in order; every image is in one.
        apart: Sizes of groups of copies that were too large and were taken apart, wholly or into smaller groups.
    """

    groups: list[list[int]]
    apart: list[int] = field(default_factory=list)


def find_groups(images: Images, *, near_duplicates: bool = True) -> Together:
    """Return the smallest groups that may be divided: no two share a group's name, or a picture."""
    bound = Bonds(len(images.files))
    bound.join_equal(images.digests)
    bound.join_equal(images.groups)
    needed = Together(bound.groups())
    if not near_duplicates:
        return needed
    largest = max(SMALL, int(len(images.files) * LARGEST_SHARE))
    apart = bound.join_equal(images.originals, largest)
    groups: list[list[int]] = []
    for group, whole in _joined_by_hash(images.phashes, bound.groups(), largest, STRICTER):
        groups += group
        apart += [] if whole else [sum(map(len, group))]
    if len(groups) >= LEAST_GROUPS or len(groups) == len(needed.groups):
        return Together(sorted(groups), apart)
    needed.apart = [len(group) for group in groups if len(group) > 1]
    return needed


def make_groups(images: Images, groups: Iterable[Sequence[int]], seed: int) -> list[Group]:
    """Return groups to be dealt out; their keys mix `seed` with the hashes, so that names and order do not matter."""
    return [
        Group(
            key=hashlib.sha256(f"{seed} {min(images.digests[index] for index in members)}".encode()).hexdigest(),
            members=tuple(members),
            labels=Counter(label for index in members for label in images.classes[index]),
        )
        for members in groups
    ]


def _joined_by_hash(
    phashes: Sequence[str], groups: list[list[int]], largest: int, levels: Sequence[int]
) -> Iterator[tuple[list[list[int]], bool]]:
    """Join `groups` whose pictures are near-identical. Yield what stays together, and whether nothing was taken apart."""
    hashed = [(place, phashes[index]) for place, group in enumerate(groups) for index in group if phashes[index]]
    if not hashed:
        yield groups, True
        return
    words, places = np.unique(as_words([phash for _, phash in hashed]), axis=0, return_inverse=True)
    budget = MOST_A_HASH if levels == STRICTER else STRICTER_BUDGET
    near = Search(words, levels[0], budget).groups()[places.ravel()]
    bound = Bonds(len(groups))
    first: dict[int, int] = {}
    for (place, _), root in zip(hashed, near.tolist(), strict=True):
        bound.join(place, first.setdefault(root, place))
    for joined in bound.groups():
        parts = [groups[place] for place in joined]
        if len(parts) == 1 or sum(map(len, parts)) <= largest:
            yield [sorted(index for part in parts for index in part)], True
        elif len(levels) > 1:
            stricter = _joined_by_hash(phashes, parts, largest, levels[1:])
            yield [group for inner, _ in stricter for group in inner], False
        else:
            yield parts, False


def _original(source: str) -> str:
    path = PurePosixPath(source)
    match = ROBOFLOW.fullmatch(path.stem)
    folders = [folder for folder in path.parts[:-1] if folder.lower() not in ROBOFLOW_FOLDERS]
    return "/".join([*folders, match[1]]) if match else ""


class Bonds:
    """Numbers from 0 that are joined to groups."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def join(self, one: int, other: int) -> None:
        """Make the groups of two numbers one."""
        self._parents[self._root(one)] = self._root(other)

    def join_equal(self, names: Sequence[str], largest: int | None = None) -> list[int]:
        """Join the numbers that share a name, and return how many share one, each time that they are more than `largest`."""
        alike: defaultdict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(names):
            if name:
                alike[name].append(index)
        too_many = []
        for indices in alike.values():
            if largest is not None and len(indices) > largest:
                too_many.append(len(indices))
                continue
            for index in indices[1:]:
                self.join(index, indices[0])
        return too_many

    def groups(self) -> list[list[int]]:
        """Return the groups, each in order."""
        members: dict[int, list[int]] = {}
        for index in range(len(self._parents)):
            members.setdefault(self._root(index), []).append(index)
        return list(members.values())

    def _root(self, index: int) -> int:
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index
