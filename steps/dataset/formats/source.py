"""What every format gives: images in order, and for each something that can read its labels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from steps.dataset.issues import Issue
from steps.dataset.rows import Reading
from steps.dataset.tree import Tree


class Labels(Protocol):
    """Labels of one image. Small and picklable: a worker process reads them."""

    def read(self) -> Reading:
        """Return every row.

        Raises:
            Rejection: If nothing can be told about the image, so that it must be put aside.
        """


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of a source and its labels.

    Attributes:
        path: Inside the tree; or an `s3://` address, where the source only points at the image.
        labels: To be read where the image is.
        name: What to call the image, where the source has something more lasting than the path.
    """

    path: str
    labels: Labels
    name: str = ""


class Source(Protocol):
    """Labelled images in one format."""

    @property
    def layout(self) -> str:
        """What was recognised, in words."""

    @property
    def names(self) -> tuple[str, ...] | None:
        """Class names in the source's own order, or None where it has none."""

    def pictures(self) -> Iterator[Picture]:
        """Yield the images in order of their path; may be called again."""

    def left_out(self) -> Iterator[Issue]:
        """Yield what the source has, or promises, and `pictures` does not give; to be asked after it."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to store labelled images: one module of this package.

    Attributes:
        name: As `--format` spells it.
        recognise: Returns in words what was found, empty if the tree is not of this format.
        open: Opens a tree that was recognised. The names given are for sources that have only numbers. Raises
            DatasetError if the source contradicts itself.
    """

    name: str
    recognise: Callable[[Tree], str]
    open: Callable[[Tree, tuple[str, ...]], Source]
