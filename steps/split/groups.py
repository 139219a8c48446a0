"""Which images must stay together: those of one group, and those that are the same picture."""

import hashlib
from collections import Counter
from collections.abc import Iterable

from steps.dataset import ImageRecord
from steps.split.stratify import BACKGROUND, Group


def join(records: Iterable[ImageRecord], seed: int) -> list[Group]:
    """Return the smallest groups of images that share neither a group's name nor a SHA-256 with one another.

    Of each record only name, hash, group and classes are kept. A group's key mixes `seed` with the hashes of its
    pictures, so that neither names nor order of the images matter.
    """
    files: list[str] = []
    hashes: list[str] = []
    shown: list[tuple[int, ...]] = []
    parents: list[int] = []
    first_of: dict[tuple[str, str], int] = {}
    for index, record in enumerate(records):
        files.append(record.file)
        hashes.append(record.sha256)
        shown.append(tuple(sorted({box.label for box in record.boxes})) or (BACKGROUND,))
        parents.append(index)
        bonds = [("sha256", record.sha256)] + ([("group", record.group)] if record.group else [])
        for bond in bonds:
            parents[_root(parents, index)] = _root(parents, first_of.setdefault(bond, index))
    members: dict[int, list[int]] = {}
    for index in range(len(files)):
        members.setdefault(_root(parents, index), []).append(index)
    return [
        Group(
            key=hashlib.sha256(f"{seed} {min(hashes[index] for index in together)}".encode()).hexdigest(),
            files=tuple(files[index] for index in together),
            labels=Counter(label for index in together for label in shown[index]),
        )
        for together in members.values()
    ]


def _root(parents: list[int], index: int) -> int:
    """Follow `parents` to the top, halving the way for the next time."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
