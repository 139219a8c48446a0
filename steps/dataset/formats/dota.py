"""DOTA: a text file an image, the four corners of a turned box, a class and a difficulty in each line.

The upright box around the corners is used; the corners are kept as an outline. Tools for turned boxes (mmrotate, YOLO-OBB's
converters) read these files, none keeps what is wrong with a line.
"""

import re

from steps.dataset.formats.paired import PairedSource, beside
from steps.dataset.formats.shapes import number
from steps.dataset.formats.source import Format
from steps.dataset.formats.text_labels import count_rows, open_text_labels, recognised_folder
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import Row, around
from steps.dataset.tree import Tree, stem

LABEL_FOLDERS = (
    "labeltxt",
    *(f"labeltxt-v{version}" for version in ("1.0", "1.5", "2.0")),
    "labels",
    "label",
    "annotations",
    "annotation",
    "annfiles",
)

HEAD = re.compile(r"(?:imagesource|gsd|acquisition dates)\s*:", re.IGNORECASE)
"""Lines at the head of a file, about the picture."""

ROW = re.compile(r"(?:[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?\s+){8}(?![-+.\d]+(?:\s|$))\S+(?:\s+[-+]?\d+)?", re.IGNORECASE)


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if the text files of the images are not DOTA's."""
    folder = recognised_folder(tree, LABEL_FOLDERS, is_row, HEAD, _find)
    return "" if folder is None else f"DOTA, turned boxes, label files in {folder or 'the root'}/"


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (DOTA's files have their own names)
    """Match label files with images; see `source.Format`."""
    return open_text_labels(tree, recognise(tree), parse_line, _rows_in, LABEL_FOLDERS, find=_find, head=HEAD)


def parse_line(line: str, place: int) -> Row:
    """Return the row that a line states.

    Raises:
        Rejection: If it states none.
    """
    values = line.split()
    if len(values) not in (9, 10):
        raise Rejection("wrong_columns")
    xs, ys = [number(value) for value in values[0:8:2]], [number(value) for value in values[1:8:2]]
    if re.fullmatch(r"[-+.\d]+", values[8]):
        raise Rejection("unknown_class")
    ring = tuple(zip(xs, ys, strict=True))
    difficult = values[9] if len(values) == 10 else "0"
    return Row(
        place,
        values[8],
        around((ring,)),
        line[:FOUND_LIMIT],
        loose=True,
        rings=(ring,),
        attributes=() if difficult == "0" else (("difficult", difficult),),
        remarks=("turned_box",),
    )


def is_row(line: str) -> bool:
    """Return whether a line is one of DOTA's: eight numbers, and a class that is none. YOLO's class comes first."""
    return ROW.fullmatch(line) is not None


def _find(tree: Tree, path: str, folders: tuple[str, ...]) -> list[str]:
    """Return the image beside a label file, or the one that is called so: DOTA's own folders do not mirror each other."""
    return beside(tree, path, folders) or tree.pictures_of_stem(stem(path))


def _rows_in(tree: Tree, path: str) -> int | None:
    return count_rows(tree.root / path, is_row, HEAD)


FORMAT = Format(
    name="dota",
    title="DOTA",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A text file an image, in `labelTxt/` for `images/`: `x1 y1 x2 y2 x3 y3 x4 y4 class difficult` in pixels; the lines "
        "`imagesource:` and `gsd:` are no rows. The upright box around the corners is used, which is said once, and the corners "
        "are kept as an outline; `difficult` is an attribute.",
    ),
    sample="train/labelTxt/P0001.txt\ntrain/images/P0001.png",
    instead_of=("yolo",),
)
