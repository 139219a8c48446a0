"""Which files of a tree are tables of boxes, and which say what their classes are called."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from steps.dataset.file_kinds import PICTURES
from steps.dataset.formats.csv_columns import Columns, columns_of, explained, plain
from steps.dataset.formats.csv_table import SEPARATORS, Table, cells_of
from steps.dataset.issues import Rejection
from steps.dataset.tree import Tree

SUFFIXES = (".csv", ".tsv")

MACHINE_NAME = re.compile(r"/[a-z]/[0-9a-z_]+")
"""What Open Images calls a class."""

RETINANET = Columns(6, picture=0, label=5, kind="corners", box=(1, 2, 3, 4))
"""Columns of a table without a header: path, left, top, right, bottom, class; a background image has empty cells."""

ORDERED = 0.9
"""Share of boxes whose corners must be in order for their numbers to be corners."""

HEADLESS = (
    "has no header, and whether its rows are `path,x1,y1,x2,y2,class` cannot be told; "
    "write `filename,xmin,ymin,xmax,ymax,class` as its first line if they are"
)


@dataclass(frozen=True, slots=True)
class BoxTable:
    """A file with a row a box.

    Attributes:
        path: Inside the tree.
        table: How it is read.
        columns: What its columns mean.
        header: Line of the header, 0 where it has none.
    """

    path: str
    table: Table
    columns: Columns
    header: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the cells of each row, empty cells beyond the last column removed."""
        for number, cells in self.table.rows():
            while len(cells) > self.columns.width and not cells[-1]:
                cells.pop()
            if number != self.header:
                yield number, cells

    def is_background(self, cells: list[str]) -> bool:
        """Return whether a row names an image and nothing on it."""
        empty = not any(cells[place] for place in (*self.columns.box, self.columns.label))
        return bool(cells[self.columns.picture]) and empty


def tables_in(tree: Tree) -> Iterator[BoxTable]:
    """Yield the tables of boxes of `tree`."""
    for path in tree.files(*SUFFIXES):
        found = table_at(tree, path)
        if found:
            yield found


def table_at(tree: Tree, path: str) -> BoxTable | None:
    """Return the table at `path`, None where it has no boxes or does not say what its columns are."""
    opened = _opened(tree, path)
    if opened is None:
        return None
    table, first, line = opened
    for separator in SEPARATORS:
        columns = columns_of(_header(line, separator))
        if columns:
            return BoxTable(path, replace(table, separator=separator), columns, first)
    found = BoxTable(path, replace(table, separator=","), RETINANET, 0)
    return found if _is_retinanet(tree, found) else None


def unread(tree: Tree) -> Iterator[str]:
    """Yield which tables are about images and cannot be read, and why."""
    for path in tree.files(*SUFFIXES):
        why = why_unread(tree, path)
        if why:
            yield f"{path} {why}"


def why_unread(tree: Tree, path: str) -> str:
    """Return why the table at `path` cannot be read, empty where it can, or is not about images."""
    opened = _opened(tree, path)
    if opened is None or table_at(tree, path):
        return ""
    line = opened[2]
    if _names_picture(cells_of(line, ",")[:1]):
        return HEADLESS
    return next(filter(None, (explained(_header(line, separator)) for separator in SEPARATORS)), "")


def descriptions_in(tree: Tree) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the files that say what the machine names of Open Images mean, and what they say."""
    for path in tree.files(*SUFFIXES):
        opened = _opened(tree, path)
        if opened is None:
            continue
        table, first, line = opened
        header = [plain(cell) for cell in cells_of(line, ",")]
        headed = header[:2] == ["labelname", "displayname"]
        if headed or (len(header) == 2 and MACHINE_NAME.fullmatch(cells_of(line, ",")[0])):
            rows = replace(table, separator=",").rows()
            yield path, {cells[0]: cells[1] for number, cells in rows if len(cells) >= 2 and headed * first != number}


def class_lists(tree: Tree) -> Iterator[tuple[str, dict[int, str]]]:
    """Yield the files without a header that have a class and its index in each row, RetinaNet's, and what they say."""
    for path in tree.files(*SUFFIXES):
        opened = _opened(tree, path)
        if opened is None or len(cells_of(opened[2], ",")) != 2:
            continue
        rows = [cells for _, cells in replace(opened[0], separator=",").rows()]
        if all(len(cells) == 2 and cells[0] and re.fullmatch(r"\d{1,5}", cells[1]) for cells in rows):
            names = {int(cells[1]): cells[0] for cells in rows}
            if sorted(names) == list(range(len(rows))):
                yield path, names


def _opened(tree: Tree, path: str) -> tuple[Table, int, str] | None:
    """Return the text at `path` with number and content of its first line; None where it is no text, or has no line."""
    try:
        table = Table.open(tree.root / path)
    except Rejection:
        return None
    first = next(table.lines(), None)
    return (table, *first) if first else None


def _header(line: str, separator: str) -> list[str]:
    return cells_of(line.lstrip("#"), separator)


def _is_retinanet(tree: Tree, found: BoxTable) -> bool:
    """Return whether a table without a header is RetinaNet's for certain.

    Each row has six cells, an image first. Numbers are corners where hardly a second one is left of or above the first.
    That could be chance, so something must be there that only RetinaNet's files have: an image with empty cells, or a
    list of classes that has those of the table.
    """
    rows = boxes = ordered = 0
    empty = False
    labels: set[str] = set()
    for _, cells in found.rows():
        rows += 1
        if len(cells) != 6 or not _names_picture(cells[:1]):
            return False
        if found.is_background(cells):
            empty = True
            continue
        labels.add(cells[5])
        try:
            left, top, right, bottom = map(float, cells[1:5])
        except ValueError:
            continue
        boxes += 1
        ordered += left < right and top < bottom
    if not boxes or ordered < ORDERED * boxes:
        return False
    lists = (set(names.values()) for _, names in class_lists(tree))
    return empty or any(2 * len(labels & names) >= len(labels) for names in lists)


def _names_picture(cells: list[str]) -> bool:
    return bool(cells) and cells[0].lower().endswith(tuple(PICTURES))
