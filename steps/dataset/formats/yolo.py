"""YOLO label files in all common layouts, among them Roboflow's and Label Studio's exports.

An image's label file has its name with `.txt`, and lies, in this order: in the folder that mirrors the image's with
`labels` for `images`; in a folder `labels` beside the image's folder; beside the image. Folder names in any case.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from steps.dataset.formats.class_names import Names, find_names, name_files
from steps.dataset.formats.source import Format, Picture
from steps.dataset.formats.yolo_rows import YoloLabels, count_rows
from steps.dataset.issues import Issue
from steps.dataset.tree import Tree, key, mirrored, parent, stem

IMAGE_FOLDERS = ("images", "jpegimages", "imgs", "img")


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no image has a YOLO label file."""
    for path in tree.pictures():
        label = find_label(tree, path)
        if label:
            return _layout(tree, path, label)
    return ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "YoloSource":
    """Open a tree of YOLO labels; see `source.Format`."""
    names = find_names(tree) or dict(enumerate(given)) or None
    order = tuple(names[index] for index in sorted(names)) if names else None
    return YoloSource(tree, recognise(tree), order, names)


@dataclass(frozen=True, slots=True)
class YoloSource:
    """Images with YOLO label files; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    by_index: Names | None

    def pictures(self) -> Iterator[Picture]:
        """Yield every image; one without a label file is background."""
        for path in self.tree.pictures():
            yield labelled(self.tree, path, self.by_index)

    def left_out(self) -> Iterator[Issue]:
        """Say that no class names are known; label files without an image are found by `ingest`."""
        if not self.by_index:
            yield Issue("names_unknown", "")

    def files(self) -> Iterator[str]:
        """Yield the files of class names."""
        yield from name_files(self.tree)


def labelled(tree: Tree, path: str, names: Names | None, *, listed: bool = False) -> Picture:
    """Return the image at `path` with its label file, if it has one; `listed` is True where a list has the image."""
    label = find_label(tree, path)
    return Picture(path, YoloLabels(tree.root / label if label else None, label or path, names, listed))


def find_label(tree: Tree, picture: str) -> str | None:
    """Return the label file of `picture`, or None where there is none."""
    folder = parent(picture)
    beside = parent(folder)
    for candidate in (mirrored(folder, IMAGE_FOLDERS, "labels"), f"{beside}/labels" if beside else "labels", folder):
        place = None if candidate is None else tree.folders.get(key(candidate))
        found = None if place is None else tree.file_in(place, stem(picture), ".txt")
        if found:
            return found
    return None


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
        "A label file has the name of its image and lies in the folder that mirrors the image's with `labels` for `images`, "
        "in a folder `labels` beside the image's folder, or beside the image.",
        "Class names come from `data.yaml`, `classes.txt`, `obj.names` or Label Studio's `notes.json`.",
    ),
    sample="data.yaml\nimages/train/a.jpg\nlabels/train/a.txt",
)
