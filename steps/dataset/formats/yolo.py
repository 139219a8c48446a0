"""YOLO label files in all common layouts, among them Roboflow's and Label Studio's exports.

What a row means is read from `data.yaml`, or from what all rows show; see `yolo_rows`. Which label file is an image's
stands in `yolo_files`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from steps.dataset.formats.class_names import find_names, name_files, repeated
from steps.dataset.formats.data_yaml import DataYaml, Names, read_data_yaml
from steps.dataset.formats.picture_lists import PictureLists, names_pictures, read_lists
from steps.dataset.formats.source import Format, Picture
from steps.dataset.formats.yolo_columns import find_columns
from steps.dataset.formats.yolo_files import LOOKED_UP, find_label
from steps.dataset.formats.yolo_rows import Declared, YoloLabels, count_rows
from steps.dataset.issues import Issue
from steps.dataset.split_names import SPLITS, SplitName, of_both
from steps.dataset.tree import Tree, key, parent, stem
from steps.errors import DatasetError


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no image has a YOLO label file."""
    for path in tree.pictures():
        label = find_label(tree, path)
        if label:
            return _layout(tree, path, label)
    return ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "YoloSource":
    """Open a tree of YOLO labels; see `source.Format`.

    Raises:
        DatasetError: If class names cannot be understood, two files give different ones, or only some of the lists of
            images are there.
    """
    names = find_names(tree) or dict(enumerate(given)) or None
    said = [(path, read_data_yaml(tree.root / path)) for path in tree.files(".yaml", ".yml")]
    keypoints = max((yaml.keypoints for _, yaml in said), default=0)
    lists: dict[str, SplitName] = {}
    folders: dict[str, SplitName] = {}
    missing = [text for path, yaml in said for text in _splits(tree, path, yaml, lists, folders)]
    if lists and missing:  # Without any list nothing is lost: all images are read.
        raise DatasetError(
            f"{missing[0]}, but the source has no file of that name, and has {', '.join(lists)}",
            hint="pack the file too, or take the line out",
        )
    lists = lists or {path: SPLITS[key(stem(path))] for path in tree.files(".txt") if names_pictures(tree, path)}
    listed = read_lists(tree, lists) if lists else None
    return YoloSource(
        tree,
        recognise(tree),
        tuple(dict.fromkeys(names[index] for index in sorted(names))) if names else None,
        names,
        declared(tree, keypoints, turned=any(yaml.turned for _, yaml in said)),
        listed,
        folders,
    )


def declared(tree: Tree, keypoints: int = 0, *, turned: bool = False) -> Declared:
    """Return what the label files of `tree` show of their columns, and what data.yaml says."""
    files = (tree.root / label for path in tree.pictures() if (label := find_label(tree, path)))
    columns = find_columns(files)
    return Declared(keypoints, columns, turned or columns.corners)


@dataclass(frozen=True, slots=True)
class YoloSource:
    """Images with YOLO label files; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    by_index: Names | None
    declared: Declared
    lists: PictureLists | None
    folders: dict[str, SplitName]

    def pictures(self) -> Iterator[Picture]:
        """Yield every image, or those that the lists of data.yaml name; one without a label file is background."""
        for path in self.tree.pictures():
            if self.lists and self.lists.has(path):
                found = labelled(self.tree, path, self.by_index, self.declared, listed=True)
                yield replace(found, split=self.lists.split_of(path))
            elif self._is_meant(path):
                split = self.folders.get(key(parent(path)), "")
                yield replace(labelled(self.tree, path, self.by_index, self.declared), split=split)

    def left_out(self) -> Iterator[Issue]:
        """Say what is odd about the names, and which images no list has; ingest finds label files without an image."""
        yield from about_names(self.by_index)
        if self.lists:
            yield from self.lists.missed()
            yield from left_out(self.tree, self._is_meant)

    def _is_meant(self, path: str) -> bool:
        """Return whether a list has the image, or data.yaml names its folder; where there are no lists, all are meant."""
        return self.lists is None or self.lists.has(path) or key(parent(path)) in self.folders

    def files(self) -> Iterator[str]:
        """Yield the files of class names, and the lists of images."""
        yield from name_files(self.tree)
        if self.lists:
            yield from self.lists.files


def about_names(names: Names | None) -> Iterator[Issue]:
    """Yield that there are no class names, or that several indices share one."""
    if not names:
        yield Issue("names_unknown", "")
        return
    yield from (Issue("names_repeated", "", None, found) for found in repeated(names))


def left_out(tree: Tree, is_meant: Callable[[str], bool]) -> Iterator[Issue]:
    """Yield images that are not meant, for no list has them, each with the rows of its label file, which are left out with it."""
    for path in tree.pictures():
        if not is_meant(path):
            label = find_label(tree, path)
            yield Issue("not_listed", path)
            if label:
                yield Issue("not_listed_labels", label, None, "", count_rows(tree.root / label) or 0)


def labelled(tree: Tree, path: str, names: Names | None, rows: Declared, *, listed: bool = False) -> Picture:
    """Return the image at `path` with its label file, if it has one; `listed` is True where a list has the image."""
    label = find_label(tree, path)
    return Picture(path, YoloLabels(tree.root / label if label else None, label or path, names, rows, listed))


def _splits(
    tree: Tree, path: str, yaml: DataYaml, lists: dict[str, SplitName], folders: dict[str, SplitName]
) -> list[str]:
    """Add the lists and the folders that the data.yaml at `path` names; return in words which lists are not there."""
    missing = []
    for split, references in yaml.splits.items():
        for reference in references:
            if reference.lower().endswith(".txt"):
                found = tree.nearest(reference, path)
                if found:
                    lists[found] = of_both(lists.get(found, split), split)
                else:
                    missing.append(f"{path} names {reference} for {split}")
                continue
            end = [part for part in key(reference.replace("\\", "/")).split("/") if part not in ("", ".", "..")]
            for folder in tree.folders:
                if end and folder.split("/")[-len(end) :] == end:
                    folders[folder] = of_both(folders.get(folder, split), split)
    return missing


def _layout(tree: Tree, picture: str, label: str) -> str:
    if next(tree.named("notes.json"), None):
        return "Label Studio's YOLO export: images/, labels/, notes.json"
    folder = parent(label)
    if folder == parent(picture):
        return "YOLO label files beside the images"
    splits = sorted(
        {
            part
            for path in tree.folders.values()
            for part in path.split("/")
            if part in ("train", "valid", "val", "test")
        }
    )
    if splits and folder.rpartition("/")[2] == "labels":
        return f"YOLO, a folder a split, each with images/ and labels/ (Roboflow's): {', '.join(splits)}"
    return "YOLO, images/ and labels/" + (f" with {', '.join(splits)}" if splits else "")


def _rows_in(tree: Tree, path: str) -> int | None:
    return count_rows(tree.root / path) if path.lower().endswith(".txt") else None


FORMAT = Format(
    name="yolo",
    title="YOLO",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        f"A label file has the name of its image (`a.txt` or `a.jpg.txt` for `a.jpg`) and lies {LOOKED_UP}.",
        "Class names come from `data.yaml`, `classes.txt`, `obj.names` or Label Studio's `notes.json`.",
        "Rows are `class x y width height`, or `class x y x y …`, an outline; with `kpt_shape` in `data.yaml`, poses.",
        "With `task: obb` in `data.yaml`, or where every row has eight numbers, rows are the corners of turned boxes; the upright box around them is used, which is said once.",
        "Where `data.yaml` names lists of images, or `train.txt`, `val.txt` or `test.txt` is one, other images are left out.",
    ),
    sample="data.yaml\nimages/train/a.jpg\nlabels/train/a.txt",
    instead_of=("createml",),
)
