"""The split that the source itself has: can it be kept, and which of its images have a copy on another side?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from steps.split.groups import Images

PARTS: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")

MOST_TAKEN = 0.5
"""Share of a part that may be taken out for copies in another; `auto` divides anew where it would be more."""

Groups = list[list[int]]


@dataclass(frozen=True, slots=True)
class Leak:
    """One group of copies that the source has in several parts.

    Attributes:
        kept: Images that stay where they are: those of the part that is nearest to the final score.
        taken: The others.
    """

    kept: tuple[int, ...]
    taken: tuple[int, ...]


@dataclass(slots=True)
class SourceSplit:
    """What the source says of its images.

    Attributes:
        named: Parts that the source has, in the order of `PARTS`.
        parts: Groups by part, without what was taken out. Images that the source puts nowhere are in train.
        nowhere: How many these are.
        leaks: Groups of copies on both sides.
    """

    named: tuple[str, ...]
    parts: dict[str, Groups]
    nowhere: int
    leaks: list[Leak] = field(default_factory=list)

    @property
    def missing(self) -> str:
        """The part that has to be cut from train; empty where none has to, or more than one."""
        missing = [part for part in PARTS if part not in self.named]
        return missing[0] if len(missing) == 1 and missing[0] != "train" else ""

    @property
    def taken(self) -> list[int]:
        """Images that have a copy in a part nearer to the final score."""
        return sorted(index for leak in self.leaks for index in leak.taken)

    def hindrance(self, images: Images, *, forced: bool) -> str:
        """Return in words why the split cannot be kept, empty if it can; `forced` if few images are no reason."""
        found = ", ".join(self.named) or "none"
        lacking = [part for part in PARTS if part not in self.named]
        if len(lacking) > 1 or lacking == ["train"]:
            return f"the source has no split with train and valid or test; it has {found}"
        taken = Counter(self._part_of(images, index) for index in self.taken)
        for part in self.named:
            left = sum(map(len, self.parts[part]))
            if not left:
                return f"every image of {part} has a copy in a part that is nearer to the final score"
            if not forced and taken[part] > MOST_TAKEN * (left + taken[part]):
                return f"{taken[part]} of {left + taken[part]} images of {part} have a copy in a part that is nearer to the final score"
        if lacking and len(self.parts["train"]) < 2:
            return f"the source has {found}, and train is one group of copies, from which {lacking[0]} cannot be cut"
        return ""

    @staticmethod
    def _part_of(images: Images, index: int) -> str:
        return images.splits[index] or "train"


def source_split(images: Images, groups: Sequence[list[int]]) -> SourceSplit:
    """Return what the source says, with copies on both sides taken out of train, and out of valid where test has one.

    So the images that score stay the source's own, and the score can be compared with those of others.
    """
    counts = Counter(images.splits)
    train = bool(counts["train"]) or (bool(counts[""]) and bool(counts["valid"]) and bool(counts["test"]))
    named = tuple(part for part in PARTS if counts[part] or (part == "train" and train))
    split = SourceSplit(named, {part: [] for part in PARTS}, counts[""] if train else 0)
    for group in groups:
        sides: dict[str, list[int]] = {}
        for index in group:
            part = images.splits[index] or ("train" if train else "")
            sides.setdefault(part, []).append(index)
        last = next((part for part in reversed(PARTS) if part in sides), "")
        if last:
            split.parts[last].append(sides[last])
            others = sorted(index for part in PARTS if part != last for index in sides.get(part, ()))
            split.leaks += [Leak(tuple(sides[last]), tuple(others))] if others else []
    return split
