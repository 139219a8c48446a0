"""KITTI's object labels: a text file an image, 15 columns a line, boxes in pixels. NVIDIA's tools write them too.

The columns are type, truncated, occluded, alpha, left, top, right, bottom and seven numbers in space; results have a
score after them. `DontCare` marks regions without labels, which are no objects.

`datumaro` reads these files too; it fails on the first line that is broken.
"""

import math
from collections.abc import Iterator

from steps.dataset.formats.paired import PairedSource
from steps.dataset.formats.shapes import number, ordered
from steps.dataset.formats.source import Format
from steps.dataset.formats.text_labels import count_rows, of_sequences, open_text_labels, recognised_folder
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.rows import Row
from steps.dataset.tree import Tree

LABEL_FOLDERS = ("label_2", "labels", "label", "annotations")

COLUMNS = (15, 16)

OCCLUDED = ("-1", "0", "1", "2", "3")

SHARES = 1.5
"""A box whose sides are all below this is one in shares of the image: a row of YOLO, with a class name."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if the text files of the images are not KITTI's."""
    folder = recognised_folder(tree, LABEL_FOLDERS, is_row)
    return "" if folder is None else f"KITTI label files in {folder or 'the root'}/"


def open_source(tree: Tree, given: tuple[str, ...]) -> PairedSource:  # noqa: ARG001  (KITTI files have their own names)
    """Match label files with images; see `source.Format`."""
    return open_text_labels(tree, recognise(tree), parse_line, _rows_in, LABEL_FOLDERS)


def parse_line(line: str, place: int) -> Row:
    """Return the row that a line states.

    Raises:
        Rejection: If it states none.
    """
    label, *values = line.split() or [""]  # Python splits at more characters than `BLANK` has.
    if len(values) + 1 not in COLUMNS:
        raise Rejection("wrong_columns")
    if label == "DontCare":
        raise Rejection("ignored_region")
    for value in values:
        number(value)
    if _is_number(label):
        raise Rejection("unknown_class")
    corners, remarks = ordered(*map(float, values[3:7]))
    said = {"truncated": values[0], "occluded": values[1]} | ({"score": values[14]} if len(values) > 14 else {})
    return Row(place, label, corners, line[:FOUND_LIMIT], attributes=tuple(sorted(said.items())), remarks=remarks)


def is_row(line: str) -> bool:
    """Return whether a line is one of KITTI's, and no polygon of YOLO with a class name."""
    label, *values = line.split() or [""]  # Python splits at more characters than `BLANK` has.
    if len(values) + 1 not in COLUMNS or _is_number(label) or not all(map(_is_number, values)):
        return False
    return values[1] in OCCLUDED and max(map(float, values[3:7])) > SHARES


def is_tracking_row(line: str) -> bool:
    """Return whether a line is one of KITTI's tracking labels, which begins with frame and track."""
    frame, _, row = line.partition(" ")
    track, _, row = row.partition(" ")
    return frame.isdecimal() and track.lstrip("-").isdecimal() and bool(row.strip()) and is_row(row)


def _unread(tree: Tree) -> Iterator[str]:
    return of_sequences(tree, is_tracking_row, "KITTI's tracking labels")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _rows_in(tree: Tree, path: str) -> int | None:
    return count_rows(tree.root / path, is_row)


FORMAT = Format(
    name="kitti",
    title="KITTI",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A text file of 15 columns a line, or 16 with a score, in `label_2/` for `image_2/`, in `labels/` for `images/` or beside "
        "the image. `DontCare` is left out; truncated and occluded become attributes.",
    ),
    sample="training/image_2/000000.png\ntraining/label_2/000000.txt",
    instead_of=("yolo",),
    unread=_unread,
)
