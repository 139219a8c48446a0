"""Names of splits, as folders, lists and columns have them."""

import re
from typing import Literal

SplitName = Literal["", "train", "valid", "test"]
"""Where the source puts an image; empty where it does not say."""

SPLITS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "train2017": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "val2017": "valid",
    "test": "test",
    "testing": "test",
    "test2017": "test",
}
"""What folders and lists of a split are called."""


def has_split_name(name: str) -> bool:
    """Return whether a word of `name` is that of a split, as in `train` and `VisDrone2019-DET-train`."""
    return any(word in SPLITS for word in re.split(r"[^a-z0-9]+", name.casefold()))


def of_both(one: SplitName, other: SplitName) -> SplitName:
    """Return the split of images that the source puts into two: to judge by where it is not also to train on, else none."""
    if one == other:
        return one
    return "valid" if {one, other} == {"valid", "test"} else ""
