"""Names of splits, as folders, lists and columns have them."""

import re
from typing import Literal

SplitName = Literal["", "train", "valid", "test"]
"""Where the source puts an image; empty where it does not say."""

SPLITS: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "train2014": "train",
    "train2017": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "val2014": "valid",
    "val2017": "valid",
    "test": "test",
    "testing": "test",
    "test2014": "test",
    "test2015": "test",
    "test2017": "test",
}
"""What folders and lists of a split are called."""

FILLERS = frozenset({"", "image", "images", "img", "imgs", "set", "data", "split"})
"""Words that folders of a split have beside its name."""


def has_split_name(name: str) -> bool:
    """Return whether a word of `name` is that of a split, as in `train` and `VisDrone2019-DET-train`."""
    return any(word in SPLITS for word in _words(name))


def of_file(name: str) -> SplitName:
    """Return the split that a word in a file's name says, as in `train_labels.csv`; empty where none or several do."""
    found = {SPLITS[word] for word in _words(name) if word in SPLITS}
    return found.pop() if len(found) == 1 else ""


def of_folder(name: str) -> SplitName:
    """Return the split that a folder's name says, as `train`, `train_images` and `Test set` do; empty where it says none.

    A name with any other word is that of something else, such as `crash-test-photos`.
    """
    return of_file(name) if all(word in SPLITS or word in FILLERS for word in _words(name)) else ""


def of_folders(path: str) -> SplitName:
    """Return the split that a folder in `path` says, the last one that does; empty where none does."""
    found = (of_folder(part) for part in reversed(path.split("/")[:-1]))
    return next(filter(None, found), "")


def of_both(one: SplitName, other: SplitName) -> SplitName:
    """Return the split of images that the source puts into two: to judge by where it is not also to train on, else none."""
    if one == other:
        return one
    return "valid" if {one, other} == {"valid", "test"} else ""


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.casefold())
