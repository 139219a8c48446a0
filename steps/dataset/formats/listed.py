"""Images that tables and lists mention, row by row: what is the same for all such formats.

Rows are gathered by image on disk, those of images that are not there too, so that each is counted with the reason.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from steps.dataset.file_kinds import PICTURES
from steps.dataset.formats.source import Labels, Picture
from steps.dataset.issues import FOUND_LIMIT, Issue
from steps.dataset.listing import Listing
from steps.dataset.tree import Tree, called, parent, path_of_address

if TYPE_CHECKING:
    from steps.dataset.split_names import SplitName

MISSING = "\0"
"""What stands in the listing before the name of an image that is not there; no path has it."""

Entry = dict[str, Any]
"""One row about an image. `file` and `row` say where it stands, `split` where it puts the image; the rest is the format's."""


def find_picture(tree: Tree, reference: str, near: str) -> list[str]:
    """Return the images that `reference` in the file `near` can mean; see `Tree.locate`.

    A reference may be an address, and may lack the extension or have another one, where one image only has that name.
    """
    reference = path_of_address(reference)
    found = tree.locate(reference, parent(near))
    if found or not reference:
        return found
    base = reference.replace("\\", "/").rpartition("/")[2].strip()
    bare, _, extension = base.rpartition(".")
    stem = bare if f".{extension.lower()}" in PICTURES else base
    return tree.pictures_of_stem(stem) if stem else []


class Gathering:
    """Rows of one source, put with the image that each is about."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.listing = tree.listing()
        self._find = lru_cache(maxsize=4096)(self._find_one)

    def add(self, reference: str, entry: Entry, *, rows: int = 1) -> None:
        """Put `entry`, which has `rows` label rows, with the image that `reference` means."""
        reference = reference.encode("utf-8", "replace").decode()  # Half a character cannot be looked up.
        place = self._find(reference, entry["file"])
        if place.startswith(MISSING):
            entry = {"file": entry["file"], "row": entry["row"], "rows": rows, "reference": place.split(MISSING, 2)[2]}
        self.listing.add(place, json.dumps(entry, separators=(",", ":")))

    def reject(self, code: str, file: str, row: int | None, found: str, *, rows: int = 0) -> None:
        """Remember a row that belongs to no image."""
        self.listing.miss(Issue(code, file, row, found[:FOUND_LIMIT], rows))

    def _find_one(self, reference: str, near: str) -> str:
        found = find_picture(self._tree, reference, near)
        if len(found) == 1:
            return found[0]
        return MISSING + ("image_ambiguous" if found else "image_missing") + MISSING + called(reference, found)


@dataclass(frozen=True, slots=True)
class ListedSource:
    """Images that label files mention; see `source.Source`.

    Attributes:
        tree: Where they are.
        layout: See `source.Source`.
        listing: Entries by image, as a `Gathering` made them.
        labels: Returns what reads the entries of one image.
        read: The files that were read.
        names: See `source.Source`.
        about: What is odd about the source as a whole.
    """

    tree: Tree
    layout: str
    listing: Listing
    labels: Callable[[tuple[Entry, ...]], Labels]
    read: tuple[str, ...]
    names: tuple[str, ...] | None = None
    about: tuple[Issue, ...] = field(default=())

    def pictures(self) -> Iterator[Picture]:
        """Yield every image that a row is about."""
        for path, texts in self.listing.images():
            if not path.startswith(MISSING):
                entries = tuple(map(json.loads, texts))
                split: SplitName = next((entry["split"] for entry in entries if entry.get("split")), "")
                yield Picture(path, self.labels(entries), split=split)

    def left_out(self) -> Iterator[Issue]:
        """Yield images that rows mention and that are not there, rows of no image, and images that no row mentions."""
        yield from self.about
        yield from self.listing.missed()
        for path, texts in self.listing.images():
            if path.startswith(MISSING):
                code = path.split(MISSING)[1]
                entries = [json.loads(text) for text in texts]
                first = entries[0]
                rows = sum(entry["rows"] for entry in entries)
                yield Issue(code, first["file"], first["row"], first["reference"], rows)
        for path in self.tree.pictures():
            if not self.listing.has(path):
                yield Issue("not_listed", path)

    def files(self) -> Iterator[str]:
        """Yield the files that were read."""
        yield from self.read
