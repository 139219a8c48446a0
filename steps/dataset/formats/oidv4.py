"""Label files that the OIDv4 and OIDv6 toolkits write for Open Images: a text file an image, class and corners in pixels.

`Traffic light 10.5 20 40 60.25`: a class name may have blanks, and the last four columns are left, top, right and bottom. The
files lie in `Label/` (or `labels/`) inside the folder of the class, beside its pictures. Cartucho's `mAP` has the same rows.

No library reads them and names broken rows.
"""

import math

from steps.dataset.formats.paired import PairedSource, beside
from steps.dataset.formats.shapes import number, ordered
from steps.dataset.formats.source import Format
from steps.dataset.formats.text_labels import count_rows, open_text_labels, recognised_folder
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import Row
from steps.dataset.tree import Tree, key, parent, stem

LABEL_FOLDERS = ("label", "labels")

SHARES = 1.5
"""A box whose sides are all below this is one in shares of the image: a row of YOLO, with a class name."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if the text files of the images are not the toolkit's."""
    folder = recognised_folder(tree, LABEL_FOLDERS, is_row, find=_find)
    return "" if folder is None else f"Open Images by the OIDv4 toolkit, label files in {folder or 'the root'}/"


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (these files have their own names)
    """Match label files with images; see `source.Format`."""
    return open_text_labels(tree, recognise(tree), parse_line, _rows_in, LABEL_FOLDERS, find=_find)


def parse_line(line: str, place: int) -> Row:
    """Return the row that a line states.

    Raises:
        Rejection: If it states none.
    """
    *words, left, top, right, bottom = line.split() if len(line.split()) >= 5 else [""] * 4
    if not words:
        raise Rejection("wrong_columns")
    corners, remarks = ordered(*map(number, (left, top, right, bottom)))
    if all(map(_is_number, words)):
        raise Rejection("unknown_class")
    return Row(place, " ".join(words), corners, line[:FOUND_LIMIT], remarks=remarks)


def is_row(line: str) -> bool:
    """Return whether a line is one of the toolkit's: a name, and four numbers of which not all can be shares of an image.

    A name may end in a whole number, as `Boeing 747` does. Two numbers before the corners are columns of another format.
    """
    *words, left, top, right, bottom = line.split() if len(line.split()) >= 5 else [""] * 4
    corners = (left, top, right, bottom)
    if not words or not all(map(_is_number, corners)) or max(map(float, corners)) <= SHARES:
        return False
    named = words[:-1] if words[-1].isdecimal() else words
    return bool(named) and not _is_number(named[-1])


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _find(tree: Tree, path: str, folders: tuple[str, ...]) -> list[str]:
    """Return the image in the folder around that of a label file, or one of the places that others use."""
    folder = parent(path)
    if key(folder.rpartition("/")[2]) in folders:
        around = tree.folders.get(key(parent(folder)))
        found = [] if around is None else tree.pictures_in(around, stem(path))
        if found:
            return found
    return beside(tree, path, folders)


def _rows_in(tree: Tree, path: str) -> int | None:
    return count_rows(tree.root / path, is_row)


FORMAT = Format(
    name="oidv4",
    title="Open Images by the OIDv4 toolkit",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A text file an image, in `Label/` or `labels/` inside the folder of the images, in `labels/` for `images/` or beside the "
        "image: `class left top right bottom` in pixels. A class name may have blanks.",
        "Tables of all of Open Images that the toolkit leaves beside its folders are not read.",
    ),
    sample="Dataset/train/Traffic light/0001.jpg\nDataset/train/Traffic light/Label/0001.txt",
    instead_of=("csv", "yolo"),
)
