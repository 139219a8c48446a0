"""Lists of images, a path a line, as darknet and YOLO have them: they say which images are meant, and for which split.

The paths are those of the machine that wrote them; images are found by the end of their path.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from steps.dataset.file_kinds import PICTURES
from steps.dataset.issues import Issue
from steps.dataset.listing import Listing
from steps.dataset.split_names import SPLITS, SplitName
from steps.dataset.tree import Tree, called, key, parent, stem


@dataclass(frozen=True, slots=True)
class PictureLists:
    """What lists of images say."""

    files: tuple[str, ...]
    listing: Listing

    def has(self, path: str) -> bool:
        """Return whether a list has the image at `path`."""
        return self.listing.has(path)

    def split_of(self, path: str) -> SplitName:
        """Return the split of the first list that has the image at `path`."""
        split: SplitName = self.listing.first(path) or ""  # type: ignore[assignment]  # Only `read_lists` writes there.
        return split

    def missed(self) -> Iterator[Issue]:
        """Yield images that a list has and the source does not."""
        return self.listing.missed()


def names_pictures(tree: Tree, path: str) -> bool:
    """Return whether the file at `path` is called as the list of a split is, and its first line is an image: path or stem."""
    if key(stem(path)) not in SPLITS:
        return False
    with (tree.root / path).open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    reference = first.decode("utf-8-sig", "replace").strip().replace("\\", "/")
    return PurePosixPath(reference).suffix.lower() in PICTURES or bool(_of_stem(tree, reference))


def _of_stem(tree: Tree, reference: str) -> list[str]:
    """Return the images that a name without folder and extension means, as VOC's lists have it."""
    return [] if "/" in reference or "\\" in reference else tree.pictures_of_stem(reference)


def read_lists(tree: Tree, lists: Mapping[str, SplitName]) -> PictureLists:
    """Read the lists at the given paths, each with the split that it is of."""
    listing = tree.listing()
    for file, split in lists.items():
        with (tree.root / file).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                reference = line.decode("utf-8-sig", "replace").strip()
                if not reference:
                    continue
                places = tree.locate(reference, parent(file)) or _of_stem(tree, reference)
                if len(places) == 1:
                    listing.add(places[0], split)
                else:
                    code = "image_ambiguous" if places else "image_missing"
                    listing.miss(Issue(code, file, number, called(reference, places)))
    return PictureLists(tuple(lists), listing)
