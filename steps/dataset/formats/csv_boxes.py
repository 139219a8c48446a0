"""CSV: a row a box. Open Images, TensorFlow's and Roboflow's, RetinaNet's, and tables with other names of the columns.

What a column means is told by the header. Whether boxes are in pixels or in shares of the image is told by all rows of
a file: boxes that lie between 0 and 1 would be smaller than a pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from steps.dataset.formats.class_names import find_names, name_files
from steps.dataset.formats.csv_columns import attributes_in, split_in
from steps.dataset.formats.csv_rows import CsvLabels, Survey, survey
from steps.dataset.formats.csv_tables import (
    MACHINE_NAME,
    SUFFIXES,
    BoxTable,
    class_lists,
    descriptions_in,
    table_at,
    tables_in,
    unread,
    why_unread,
)
from steps.dataset.formats.listed import Entry, Gathering, ListedSource
from steps.dataset.formats.source import Format, layout_of, split_of_name
from steps.dataset.issues import Issue
from steps.dataset.tree import Tree


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no table has boxes."""
    found = [table.path for table in tables_in(tree)]
    return layout_of("CSV, a row a box", found)


def open_source(tree: Tree, given: tuple[str, ...]) -> ListedSource:
    """Gather the rows of all tables, image by image; see `source.Format`.

    Raises:
        DatasetError: If classes are given by index, and the files that name them cannot be understood.
    """
    gathering = Gathering(tree)
    tables = list(tables_in(tree))
    surveys = [survey(table) for table in tables]
    read = {table.path for table in tables}
    classes = _Classes()
    for path, descriptions in descriptions_in(tree):
        read.add(path)
        classes.described |= descriptions
    if any(found.has_indices for found in surveys):
        lists = list(class_lists(tree))
        read |= {path for path, _ in lists} or set(name_files(tree))
        classes.by_index = lists[0][1] if lists else find_names(tree) or dict(enumerate(given))
    else:
        read |= {path for path, _ in class_lists(tree)}
    for table, found in zip(tables, surveys, strict=True):
        _gather(table, found, classes, gathering)
    about = [Issue("label_encoding", table.path, None, table.table.odd) for table in tables if table.table.odd]
    if classes.unnamed:
        about.append(Issue("names_unknown", "", None, classes.unnamed))
    for path in tree.files(*SUFFIXES):
        why = "" if path in read else why_unread(tree, path)
        if why:
            about.append(Issue("other_labels", path, None, why))
    return ListedSource(tree, recognise(tree), gathering.listing, CsvLabels, tuple(sorted(read)), about=tuple(about))


@dataclass(slots=True)
class _Classes:
    """What the classes of a source are called.

    Attributes:
        described: Name by the machine name of Open Images.
        by_index: Name by index; empty where nothing gives them.
        unnamed: The first class that has no name but the one in the table, which was meant for machines.
    """

    described: dict[str, str] = field(default_factory=dict)
    by_index: Mapping[int, str] = field(default_factory=dict)
    unnamed: str = ""

    def name(self, label: str, *, indexed: bool) -> str:
        """Return the class that a cell means; empty where it is an index that no name has."""
        if label in self.described:
            return self.described[label]
        index = indexed and label.isdecimal()
        if index and self.by_index:
            return self.by_index.get(int(label), "")
        if not self.unnamed and (index or MACHINE_NAME.fullmatch(label)):
            self.unnamed = label
        return label


def _gather(table: BoxTable, found: Survey, classes: _Classes, gathering: Gathering) -> None:
    columns, path = table.columns, table.path
    split = split_of_name(path)
    for row, cells in table.rows():
        if len(cells) != columns.width or not cells[columns.picture]:
            gathering.reject("wrong_cells", path, row, table.table.separator.join(cells))
            continue
        entry: Entry = {"file": path, "row": row, "split": split_in(cells, columns) or split, "shares": found.in_shares}
        if columns.size and found.size_is_images:
            entry["size"] = [cells[place] for place in columns.size]
        background = table.is_background(cells)
        if not background:
            label = cells[columns.label]
            entry |= {
                "label": label,
                "class": classes.name(label, indexed=found.has_indices),
                "kind": columns.kind,
                "box": [cells[place] for place in columns.box],
                "attributes": attributes_in(cells, columns),
            }
        gathering.add(cells[columns.picture], entry, rows=int(not background))


def _rows_in(tree: Tree, path: str) -> int | None:
    table = table_at(tree, path) if path.lower().endswith(SUFFIXES) else None
    return sum(not table.is_background(cells) for _, cells in table.rows()) if table else None


FORMAT = Format(
    name="csv",
    title="CSV",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "A row a box, in files that end in `.csv` or `.tsv`; several are one data set. Cells are separated by commas, "
        "semicolons, tabs or bars, quoted or not; the text is UTF-8, UTF-16, GBK or Windows-1252.",
        "Columns are told by the header: an image (`filename`, `image_path`, `ImageID`, …), a class (`class`, `label`, "
        "`LabelName`, …) and a box: corners (`xmin`, `ymin`, `xmax`, `ymax`; `x1` …; `left` …), `left`, `top`, `width`, "
        "`height`, or `x_center`, `y_center`, `width`, `height`. Further: the size of the image, `split`, `confidence`, "
        "`difficult`, `occluded` and the like, which become attributes.",
        "Boxes are in pixels or in shares of the image, whichever most boxes of the file are.",
        "Open Images: `class-descriptions-boxable.csv`, with a header or without, names the classes. A box with `IsGroupOf` is "
        "used, and has the attribute `group_of`. Files of labels for whole images and of masks are left out, by name.",
        "RetinaNet's rows without a header are read where a file of classes (`name,index`) or an image with empty cells "
        "shows that they are; otherwise the way out is named.",
        "A file whose name has `train`, `val`, `valid` or `test` in it is that split. Images that no row mentions are left out.",
    ),
    sample="train_labels.csv\ntest_labels.csv\nimages/a.jpg",
    unread=unread,
)
