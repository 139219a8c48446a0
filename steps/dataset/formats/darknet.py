"""Darknet's way to lay out YOLO labels: `obj.data` names the lists of images, `obj.names` the classes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from steps.dataset.formats.class_names import read_list
from steps.dataset.formats.data_yaml import Names
from steps.dataset.formats.picture_lists import PictureLists, read_lists
from steps.dataset.formats.source import Format, Picture
from steps.dataset.formats.yolo import about_names, declared, labelled, left_out
from steps.dataset.formats.yolo_rows import Declared
from steps.dataset.issues import Issue, Rejection
from steps.dataset.label_text import read_text
from steps.dataset.split_names import SPLITS, SplitName, of_both
from steps.dataset.tree import Tree
from steps.errors import DatasetError


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if there is no `.data` file that names a list of images."""
    found = _data_files(tree)
    return f"darknet: {', '.join(found)}" if found else ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "DarknetSource":
    """Open a darknet tree; see `source.Format`.

    Raises:
        DatasetError: If the names that the `.data` file mentions cannot be read, or a list of images is not there.
    """
    lists: dict[str, SplitName] = {}
    names: Names = {}
    for path, settings in _data_files(tree).items():
        for setting, split in SPLITS.items():
            if settings.get(setting):
                file = _mentioned(tree, path, setting, settings)
                lists[file] = of_both(lists.get(file, split), split)
        file = _mentioned(tree, path, "names", settings) if settings.get("names") else ""
        try:
            names = names or (read_list(tree.root / file) if file else {})
        except Rejection as fault:
            raise DatasetError(
                f"the class names in {file} cannot be read: {fault.found}", hint="repair the file"
            ) from None
    names = names or dict(enumerate(given))
    order = tuple(dict.fromkeys(names[index] for index in sorted(names))) if names else None
    listed = read_lists(tree, lists) if lists else None
    return DarknetSource(tree, recognise(tree), order, names or None, declared(tree), listed)


@dataclass(frozen=True, slots=True)
class DarknetSource:
    """Images that darknet's lists name, or all where there are no lists; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    by_index: Names | None
    declared: Declared
    lists: PictureLists | None

    def pictures(self) -> Iterator[Picture]:
        """Yield every listed image; one without a label file is background."""
        for path in self.tree.pictures():
            if self.lists is None:
                yield labelled(self.tree, path, self.by_index, self.declared)
            elif self.lists.has(path):
                found = labelled(self.tree, path, self.by_index, self.declared, listed=True)
                yield replace(found, split=self.lists.split_of(path))

    def left_out(self) -> Iterator[Issue]:
        """Yield images that no list mentions, and those that one mentions in vain."""
        yield from about_names(self.by_index)
        if self.lists:
            yield from self.lists.missed()
            yield from left_out(self.tree, self.lists.has)

    def files(self) -> Iterator[str]:
        """Yield the `.data` files, and the lists and names that they mention."""
        for path, settings in _data_files(self.tree).items():
            yield path
            yield from (
                _mentioned(self.tree, path, name, settings) for name in (*SPLITS, "names") if settings.get(name)
            )


def _data_files(tree: Tree) -> dict[str, dict[str, str]]:
    found = {}
    for path in tree.files(".data"):
        try:
            text, _ = read_text(tree.root / path)
        except Rejection:
            continue
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        settings = {left.strip().lower(): right.strip() for left, right in pairs}
        if "train" in settings or "names" in settings:
            found[path] = settings
    return found


def _mentioned(tree: Tree, path: str, setting: str, settings: dict[str, str]) -> str:
    found = tree.nearest(settings[setting], path)
    if found is None:
        raise DatasetError(
            f"{path} names {setting} = {settings[setting]}, but the source has no file of that name",
            hint="pack the file too, or take the line out",
        )
    return found


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
