"""Darknet's way to lay out YOLO labels: `obj.data` names the lists of images, `obj.names` the classes.

The lists hold paths of the machine that wrote them; images are found by the end of their path.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from steps.dataset.formats.class_names import Names, read_list
from steps.dataset.formats.source import Format, Picture
from steps.dataset.formats.yolo import labelled
from steps.dataset.issues import Issue, Rejection
from steps.dataset.label_text import read_text
from steps.dataset.listing import Listing
from steps.dataset.tree import Tree, parent
from steps.errors import DatasetError

LISTS = ("train", "valid", "test")
"""Settings of a `.data` file that name lists of images."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if there is no `.data` file that names a list of images."""
    found = _data_files(tree)
    return f"darknet: {', '.join(found)}" if found else ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "DarknetSource":
    """Open a darknet tree; see `source.Format`.

    Raises:
        DatasetError: If the names that the `.data` file mentions cannot be read.
    """
    lists: list[str] = []
    names: Names = {}
    for path, settings in _data_files(tree).items():
        lists += [found for split in LISTS if (found := _resolve(tree, settings.get(split, ""), path))]
        file = _resolve(tree, settings.get("names", ""), path)
        try:
            names = names or (read_list(tree.root / file) if file else {})
        except Rejection as fault:
            raise DatasetError(
                f"the class names in {file} cannot be read: {fault.found}", hint="mend the file"
            ) from None
    names = names or dict(enumerate(given))
    order = tuple(names[index] for index in sorted(names)) if names else None
    listing = _read_lists(tree, tuple(dict.fromkeys(lists))) if lists else None
    return DarknetSource(tree, recognise(tree), order, names or None, listing)


@dataclass(frozen=True, slots=True)
class DarknetSource:
    """Images that darknet's lists name, or all where there are no lists; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    by_index: Names | None
    listing: Listing | None

    def pictures(self) -> Iterator[Picture]:
        """Yield every listed image; one without a label file is background."""
        for path in self.tree.pictures():
            if self.listing is None or self.listing.has(path):
                yield labelled(self.tree, path, self.by_index, listed=self.listing is not None)

    def left_out(self) -> Iterator[Issue]:
        """Yield images that no list mentions, and those that one mentions in vain."""
        if not self.by_index:
            yield Issue("names_unknown", "")
        if self.listing:
            yield from self.listing.missed()
            yield from (Issue("not_listed", path) for path in self.tree.pictures() if not self.listing.has(path))

    def files(self) -> Iterator[str]:
        """Yield the `.data` files, and the lists and names that they mention."""
        for path, settings in _data_files(self.tree).items():
            yield path
            mentioned = (_resolve(self.tree, settings.get(name, ""), path) for name in (*LISTS, "names"))
            yield from filter(None, mentioned)


def _read_lists(tree: Tree, lists: tuple[str, ...]) -> Listing:
    listing = tree.listing()
    for file in lists:
        with (tree.root / file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                reference = line.decode("utf-8-sig", "replace").strip()
                if not reference:
                    continue
                places = tree.locate(reference, parent(file))
                if len(places) == 1:
                    listing.add(places[0], "")
                else:
                    listing.miss(
                        Issue("image_ambiguous" if places else "image_missing", file, number, reference[-120:])
                    )
    return listing


def _data_files(tree: Tree) -> dict[str, dict[str, str]]:
    found = {}
    for path in tree.files(".data"):
        try:
            text, _ = read_text(tree.root / path)
        except Rejection:
            continue
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        settings = {left.strip(): right.strip() for left, right in pairs}
        if "train" in settings or "names" in settings:
            found[path] = settings
    return found


def _resolve(tree: Tree, reference: str, near: str) -> str | None:
    """Return the file that a `.data` file means: by path where it fits, else by name, the nearest first."""
    base = reference.replace("\\", "/").rpartition("/")[2]
    if not base:
        return None
    found = list(tree.named(base))
    return min(found, key=lambda path: (parent(path) != parent(near), path.count("/"), path), default=None)


def _rows_in(tree: Tree, path: str) -> int | None:  # noqa: ARG001  (its label files are YOLO's)
    return None


FORMAT = Format(
    name="darknet",
    title="darknet",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=("A `.data` file names the lists of images and the file of class names; labels are YOLO's.",),
    sample="obj.data\nobj.names\ntrain.txt\nobj_train_data/a.jpg\nobj_train_data/a.txt",
    instead_of=("yolo",),
)
