"""VisDrone's labels of single images: a text file an image, eight whole numbers a line, boxes in pixels.

They are left, top, width, height, score, category, truncation and occlusion. The data set fixes what the categories are.
Regions to be ignored (category 0, or the score 0) and `others` (11) are no objects of a class.

Neither `datumaro` nor `supervision` reads these files.
"""

import re
from collections.abc import Iterator

from steps.dataset.formats.paired import PairedSource
from steps.dataset.formats.shapes import number
from steps.dataset.formats.source import Format
from steps.dataset.formats.text_labels import count_rows, of_sequences, open_text_labels, recognised_folder
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import Row
from steps.dataset.split_names import SPLITS, SplitName
from steps.dataset.tree import Tree, key

LABEL_FOLDERS = ("annotations", "annotation", "labels", "label")

NAMES = ("pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor")
"""Categories 1 to 10."""

IGNORED, OTHERS = 0, 11

ROW = re.compile(r"-?\d+,-?\d+,\d+,\d+,[01],(?:\d|10|11),-?\d,-?\d,?")

VIDEO = re.compile(r"\d+,\d+,(?:-?\d+,){4}[01],(?:\d|10|11),-?\d,-?\d,?")
"""A row of the data set's videos, which begins with frame and target."""

SPLIT = re.compile(r"visdrone.*-(train|val|test)(?:-.*)?")
"""How the data set calls the folders of its splits."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if the text files of the images are not VisDrone's."""
    folder = recognised_folder(tree, LABEL_FOLDERS, is_row)
    return "" if folder is None else f"VisDrone label files in {folder or 'the root'}/"


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (its classes are fixed)
    """Match label files with images; see `source.Format`."""
    return open_text_labels(tree, recognise(tree), parse_line, _rows_in, LABEL_FOLDERS, names=NAMES, split=split_of)


def parse_line(line: str, place: int) -> Row:
    """Return the row that a line states.

    Raises:
        Rejection: If it states none.
    """
    values = [value.strip() for value in line.rstrip(", ").split(",")]
    if len(values) != 8:
        raise Rejection("wrong_columns")
    left, top, width, height, score, category, *_ = map(number, values)
    if score == 0 or category in (IGNORED, OTHERS):
        raise Rejection("ignored_region")
    if category not in range(1, len(NAMES) + 1):
        raise Rejection("unknown_class")
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    said = {"truncation": values[6], "occlusion": values[7]}
    return Row(
        place,
        NAMES[int(category) - 1],
        (left, top, left + width, top + height),
        line[:FOUND_LIMIT],
        attributes=tuple(sorted(said.items())),
    )


def is_row(line: str) -> bool:
    """Return whether a line is one of VisDrone's: YOLO has no row of eight columns."""
    return ROW.fullmatch(line.replace(" ", "")) is not None


def split_of(path: str) -> SplitName:
    """Return the split that a folder such as `VisDrone2019-DET-train` names; empty where none does."""
    for folder in key(path).split("/")[:-1]:
        match = SPLIT.fullmatch(folder)
        if match:
            return SPLITS[match[1]]
    return ""


def _unread(tree: Tree) -> Iterator[str]:
    return of_sequences(tree, lambda line: VIDEO.fullmatch(line) is not None, "VisDrone's video labels")


def _rows_in(tree: Tree, path: str) -> int | None:
    return count_rows(tree.root / path, is_row)


FORMAT = Format(
    name="visdrone",
    title="VisDrone",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A text file of eight comma-separated columns a line in `annotations/` for `images/`, the ten classes of the data set. "
        "Ignored regions (category 0 or score 0) and `others` (11) are left out; truncation and occlusion become attributes. "
        "Folders such as `VisDrone2019-DET-train` say the split.",
    ),
    sample="VisDrone2019-DET-train/annotations/a.txt\nVisDrone2019-DET-train/images/a.jpg",
    instead_of=("yolo",),
    unread=_unread,
)
