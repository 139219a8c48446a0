"""Formats with a label file for each image: which file is whose, and the images that have none."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from steps.dataset.file_kinds import PICTURES
from steps.dataset.formats.source import Labels, Picture
from steps.dataset.issues import Issue
from steps.dataset.listing import Listing
from steps.dataset.split_names import SplitName
from steps.dataset.tree import Tree, key, mirrored, parent, stem

IMAGE_FOLDERS = ("images", "JPEGImages", "imgs", "img", "image", "image_2")


@dataclass(frozen=True, slots=True)
class PairedSource:
    """Images with a label file each, and those without one in the same folders; see `source.Source`.

    Attributes:
        tree: All files.
        layout: See `source.Source`.
        names: See `source.Source`.
        listing: The label file of each image that has one.
        folders: Where the images with a label file lie.
        labels: Makes the labels of an image: of a label file, or of None where it has none.
        settings: Files of the whole source that were read.
        split: Says where the source puts an image, where it does so otherwise than by a folder called as the split is.
    """

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    listing: Listing
    folders: frozenset[str]
    labels: Callable[[str | None, str], Labels]
    settings: tuple[str, ...] = ()
    split: Callable[[str], SplitName] = lambda _: ""

    def pictures(self) -> Iterator[Picture]:
        """Yield images with a label file, and those without that lie in a folder of others with one."""
        for path in self.tree.pictures():
            file = self.listing.first(path)
            if file or parent(path) in self.folders:
                yield Picture(path, self.labels(file, path), split=self.split(path))

    def left_out(self) -> Iterator[Issue]:
        """Yield label files without an image of their own; images in other folders are found by `ingest`."""
        yield from self.listing.missed()

    def files(self) -> Iterator[str]:
        """Yield the files of the whole source."""
        yield from self.settings


def pair(
    tree: Tree,
    files: Iterable[str],
    find: Callable[[str], list[str]],
    rows_in: Callable[[Tree, str], int | None],
    missing: Callable[[str], str] = lambda _: "",
) -> tuple[Listing, frozenset[str]]:
    """List the label file of each image; return the list, and the folders of these images.

    Args:
        tree: All files.
        files: Those that can be label files.
        find: Returns the images that a label file can be about; none where that is not known.
        rows_in: See `source.Format`.
        missing: Says of a label file without an image what it says of it.
    """
    listing = tree.listing()
    folders = set()
    for path in files:
        found = find(path)
        if len(found) == 1 and not listing.has(found[0]):
            listing.add(found[0], path)
            folders.add(parent(found[0]))
        elif (rows := rows_in(tree, path)) is not None:
            if len(found) > 1:
                why = f"can be about {found[0]} and {found[1]}"
            else:
                why = f"{found[0]} has {listing.first(found[0])}" if found else missing(path)
            listing.miss(Issue("label_without_image", path, None, why, rows))
    return listing, frozenset(folders)


def beside(tree: Tree, labels: str, folders: tuple[str, ...]) -> list[str]:
    """Return the images of the same name as a label file in the first folder, of those that belong to its own, that has one.

    These are the one that mirrors its own with a name for images instead of one of `folders`, a folder for images
    beside its own, and its own.
    """
    folder, name = parent(labels), stem(labels)
    above = parent(folder)
    candidates = [mirrored(folder, folders, images) for images in IMAGE_FOLDERS]
    candidates += [f"{above}/{images}" if above else images for images in IMAGE_FOLDERS]
    for candidate in (*candidates, folder):
        place = None if candidate is None else tree.folders.get(key(candidate))
        if place is None:
            continue
        whole = f"{place}/{name}" if place else name
        named = Path(name).suffix.lower() in PICTURES and tree.has(whole)
        found = [whole] if named else tree.pictures_in(place, name)
        if found:
            return found
    return []
