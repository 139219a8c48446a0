"""What every format gives: images in order, and for each something that can read its labels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from steps.dataset.issues import Issue
from steps.dataset.rows import Reading
from steps.dataset.split_names import SplitName, of_file, of_folders
from steps.dataset.tree import Tree, key


class Labels(Protocol):
    """Labels of one image. Small and picklable: a worker process reads them."""

    @property
    def source(self) -> str:
        """Where they stand, inside the source: the label file, or the image's own path where there is none."""

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
        split: Where the source puts the image, by a list, a column or the name of a file.
    """

    path: str
    labels: Labels
    name: str = ""
    split: SplitName = ""


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
        """Yield what the source has, or promises, and `pictures` does not give; to be asked after it.

        An issue about a row is that row; one about an image or a file is it with its `Issue.rows`.
        """

    def files(self) -> Iterator[str]:
        """Yield the files that were read beside the labels of single images: names, lists, settings.

        Label files that nobody names here, and whose images are not given, are found and counted by `ingest`.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A way to store labelled images: a module of this package that has it as `FORMAT`.

    Attributes:
        name: As `--format` spells it.
        title: What people call the format.
        recognise: Returns in words what was found, empty if the tree is not of this format.
        open: Opens a tree that was recognised. The names given are for sources that have only numbers. Raises
            DatasetError if the source contradicts itself.
        rows_in: Returns how many label rows the file at a path inside a tree has, or None if it is no label file of this
            format. It never raises; it is asked about files that nobody has read, and of a source without known labels.
        dialects: What is read, a sentence each, for the documentation.
        sample: A small tree of files, for the documentation.
        instead_of: Formats whose labels a tree of this format has too; this one is meant.
        unread: Yields in words, with the way out, what looks like this format and cannot be read. It is asked where no
            format fits.
    """

    name: str
    title: str
    recognise: Callable[[Tree], str]
    open: Callable[[Tree, tuple[str, ...]], Source]
    rows_in: Callable[[Tree, str], int | None]
    dialects: tuple[str, ...]
    sample: str
    instead_of: tuple[str, ...] = ()
    unread: Callable[[Tree], Iterable[str]] = lambda _: ()


def layout_of(title: str, files: Sequence[str], *, shown: int = 5) -> str:
    """Return the layout of a source that has label `files`, the first of them named; empty if it has none."""
    return f"{title}: {', '.join(files[:shown])}{' …' * (len(files) > shown)}" if files else ""


def split_of_name(path: str) -> SplitName:
    """Return the split that the name of the file at `path` names, as `train_labels.csv` does; else that of its folder."""
    return of_file(key(PurePosixPath(path).name)) or of_folders(path)
