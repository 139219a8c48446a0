"""Which picture is which frame of a video, for labels that know frames by their number alone."""

import re
from collections.abc import Iterator

from steps.dataset.listing import Listing
from steps.dataset.tree import Tree, parent, stem

FRAME = re.compile(r"frame_(\d{1,15})")
NUMBERED = re.compile(r"(?:.*\D)?(\d{1,15})")


class Frames:
    """Pictures by the number of their frame.

    Those below the folder of the label file count, all where there are none; those that are called `frame_000012` as
    CVAT calls them, any whose name ends in a number where there are none.
    """

    def __init__(self, tree: Tree, labels: str, listing: Listing) -> None:
        self._listing, self._labels = listing, labels
        self.last = -1
        """The highest number of a frame that is there."""
        for number, path in _numbered(tree, labels):
            other = listing.identified(self._identity(number))
            listing.identify(self._identity(number), "" if other is not None else path)
            self.last = max(self.last, number)

    def picture(self, number: int) -> str | None:
        """Return the picture of a frame: None where there is none, empty where there are several."""
        return self._listing.identified(self._identity(number))

    def between(self, first: int, last: int) -> Iterator[str]:
        """Yield the picture of every frame from `first` to `last`."""
        for number in range(max(first, 0), min(last, self.last) + 1):
            path = self.picture(number)
            if path:
                yield path

    def _identity(self, number: int) -> str:
        return f"frame {number} of {self._labels}"


def _numbered(tree: Tree, labels: str) -> Iterator[tuple[int, str]]:
    folder = f"{parent(labels)}/" if parent(labels) else ""
    below = any(path.startswith(folder) for path in tree.pictures())
    for pattern in (FRAME, NUMBERED):
        found = False
        for path in tree.pictures():
            match = pattern.fullmatch(stem(path)) if not below or path.startswith(folder) else None
            if match:
                found = True
                yield int(match[1]), path
        if found:
            return
