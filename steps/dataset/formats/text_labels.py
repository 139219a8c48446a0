"""Text files with a line for each object, one file an image: what KITTI and VisDrone share, and how to tell them from YOLO."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from steps.dataset.formats.paired import PairedSource, beside, pair
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.label_text import read_text
from steps.dataset.rows import Reading, Row
from steps.dataset.split_names import SplitName
from steps.dataset.tree import Tree, key, parent

SAMPLE = 20
"""Files of a folder that are looked into: a folder has labels of one format."""


class Find(Protocol):
    """Returns the images of a label file, which lies below one of `folders` or beside them."""

    def __call__(self, tree: Tree, labels: str, /, folders: tuple[str, ...]) -> list[str]:
        """Return them."""


BLANK = "\0 \t\r\n\ufeff"


@dataclass(frozen=True, slots=True)
class TextLabels:
    """The label file of one image, boxes in pixels.

    Attributes:
        file: The label file. None: there is none.
        source: Its path inside the source, or the image's where there is none.
        parse: Returns the row that a line states, of a number from 1; raises Rejection where it states none.
        head: Lines that are no rows, but say something of the image.
    """

    file: Path | None
    source: str
    parse: Callable[[str, int], Row]
    head: re.Pattern[str] | None = None

    def read(self) -> Reading:
        """Return every line; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True, present=self.file is not None)
        if self.file is None:
            return reading
        text, repaired = read_text(self.file)
        if repaired:
            reading.note("encoding", None, repaired)
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip(BLANK) or (self.head and self.head.match(line.strip(BLANK))):
                continue
            reading.total += 1
            try:
                reading.rows.append(self.parse(line.strip(BLANK), number))
            except Rejection as fault:
                reading.note(fault.code, number, line.strip()[:FOUND_LIMIT])
        return reading


def candidates(tree: Tree, folders: tuple[str, ...]) -> Iterator[str]:
    """Yield the text files that lie below a folder called one of `folders`, or beside images."""
    suits: dict[str, bool] = {}
    for path in tree.files(".txt"):
        folder = parent(path)
        if folder not in suits:
            named = any(part in folders for part in key(folder).split("/"))
            suits[folder] = named or tree.has_pictures(folder)
        if suits[folder]:
            yield path


def open_text_labels(
    tree: Tree,
    layout: str,
    parse: Callable[[str, int], Row],
    rows_in: Callable[[Tree, str], int | None],
    folders: tuple[str, ...],
    *,
    find: Find = beside,
    head: re.Pattern[str] | None = None,
    names: tuple[str, ...] | None = None,
    split: Callable[[str], SplitName] = lambda _: "",
) -> PairedSource:
    """Match text files with images; `parse` and `head` are `TextLabels`'s, `find` is `recognised_folder`'s."""
    listing, beside_labels = pair(tree, candidates(tree, folders), partial(find, tree, folders=folders), rows_in)

    def labels(file: str | None, picture: str) -> TextLabels:
        return TextLabels(tree.root / file if file else None, file or picture, parse, head)

    return PairedSource(tree, layout, names, listing, beside_labels, labels, split=split)


def recognised_folder(
    tree: Tree,
    folders: tuple[str, ...],
    is_row: Callable[[str], bool],
    head: re.Pattern[str] | None = None,
    find: Find = beside,
) -> str | None:
    """Return the first folder of label files, if most files with rows that belong to an image have such rows; else None.

    `head` are lines that are no rows, `find` returns the images of a label file.
    """
    looked: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for path in candidates(tree, folders):
        folder = parent(path)
        if looked[folder] >= SAMPLE or not find(tree, path, folders):
            continue
        lines = _rows(tree.root / path, head)
        looked[folder] += bool(lines)
        hits[folder] += any(map(is_row, lines))
    first = next((folder for folder in hits if hits[folder]), None)
    return first if hits.total() * 2 > looked.total() else None


def of_sequences(tree: Tree, is_row: Callable[[str], bool], title: str) -> Iterator[str]:
    """Say of the first text file with such rows that it is about a sequence of images, which is not read."""
    for path in islice(tree.files(".txt"), SAMPLE):
        if count_rows(tree.root / path, is_row):
            yield f"{path} looks like {title}, a file for a sequence of images: write a file for each image instead"
            return


def count_rows(path: Path, is_row: Callable[[str], bool], head: re.Pattern[str] | None = None) -> int | None:
    """Return how many lines a file has, those of its head apart, or None where no line of it is such a row."""
    lines = _rows(path, head) if path.suffix.lower() == ".txt" else []
    return len(lines) if any(map(is_row, lines)) else None


def _rows(path: Path, head: re.Pattern[str] | None) -> list[str]:
    try:
        text, _ = read_text(path)
    except (Rejection, OSError):
        return []
    lines = (line.strip(BLANK) for line in text.splitlines())
    return [line for line in lines if line and not (head and head.match(line))]
