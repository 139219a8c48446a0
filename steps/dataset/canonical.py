"""Read and write the canonical data set, one record at a time: memory does not grow with the number of images."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TextIO

from pydantic import BaseModel, ValidationError

from steps.dataset.records import DatasetInfo, ImageRecord
from steps.errors import DatasetError

INFO, ANNOTATIONS, IMAGES = "dataset.json", "annotations.jsonl", "images"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A canonical data set on disk."""

    folder: Path
    info: DatasetInfo

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the data set in `folder`.

        Raises:
            DatasetError: If there is none, or its `dataset.json` is damaged.
        """
        path = folder / INFO
        try:
            return cls(folder, DatasetInfo.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            found = sorted(item.name for item in folder.iterdir()) if folder.is_dir() else []
            raise DatasetError(
                f"no readable {INFO} in {folder}; found {found[:10]} ({type(error).__name__})",
                hint="point --dataset at the folder that the `ingest` step wrote",
            ) from None

    def records(self) -> Iterator[ImageRecord]:
        """Yield the records in order of file name, one at a time."""
        with (self.folder / ANNOTATIONS).open(encoding="utf-8") as lines:
            for line in lines:
                yield ImageRecord.model_validate_json(line)

    def image(self, record: ImageRecord) -> Path:
        """Return the path of the picture that `record` describes."""
        return self.folder / IMAGES / record.file


class DatasetWriter:
    """Writes a canonical data set; use it as a context manager.

    Pictures go to `images/` by the caller; `add` writes the record. `dataset.json` is written last, when the block
    ends without an error, so that a folder with it is whole. Records must come sorted by `file`.
    """

    def __init__(self, folder: Path, *, classes: tuple[str, ...], source: str, source_format: str) -> None:
        self.folder, self.images = folder, folder / IMAGES
        self._classes, self._source, self._format = classes, source, source_format
        self._counts = dict.fromkeys(classes, 0)
        self._images = self._background = 0
        self._hash = hashlib.sha256(json.dumps(classes).encode())
        self._last = ""
        self._lines: TextIO
        self.info: DatasetInfo
        """Set when the block has ended."""

    def __enter__(self) -> Self:
        self.images.mkdir(parents=True, exist_ok=True)
        self._lines = (self.folder / ANNOTATIONS).open("w", encoding="utf-8")
        return self

    def add(self, record: ImageRecord) -> None:
        """Append `record`."""
        if record.file <= self._last:
            raise AssertionError(f"records must come sorted by file: {record.file!r} after {self._last!r}")
        self._last = record.file
        self._lines.write(record.model_dump_json() + "\n")
        self._hash.update(record.model_dump_json(exclude={"source", "phash"}).encode())
        self._images += 1
        self._background += not record.boxes
        for box in record.boxes:
            self._counts[self._classes[box.label]] += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()
        if kind:
            return
        self.info = DatasetInfo(
            classes=self._classes,
            images=self._images,
            boxes=sum(self._counts.values()),
            boxes_per_class=self._counts,
            background=self._background,
            source=self._source,
            format=self._format,
            digest=self._hash.hexdigest(),
        )
        (self.folder / INFO).write_text(self.info.model_dump_json(indent=1) + "\n", encoding="utf-8")


Origin = Literal["source", "cut from train", "drawn"]
"""Where the images of a split are from."""


class Copies(BaseModel, frozen=True, extra="forbid"):
    """Groups of copies of one picture, each of which is in one split."""

    groups: int = 0
    images: int = 0
    """Images in these groups."""

    largest: int = 0
    """Images in the largest one."""

    same_bytes: int = 0
    """Groups with images whose files are equal."""

    same_original: int = 0
    """Groups with images that are copies of one picture by their names, as Roboflow writes them."""

    near_identical: int = 0
    """Groups that the perceptual hash alone holds together."""

    without_hash: int = 0
    """Images that have no perceptual hash."""

    apart: tuple[int, ...] = ()
    """Sizes of groups that were too large a part of all images, and were taken apart."""


class Leaks(BaseModel, frozen=True, extra="forbid"):
    """What the split that the source has, kept or not, has of one picture, or one group, in several splits."""

    groups: int = 0
    train: int = 0
    """Images of train in these groups that have a copy in valid or test."""

    valid: int = 0
    """Images of valid in these groups that have a copy in test."""


class Splits(BaseModel, frozen=True, extra="forbid"):
    """Content of `splits.json`: names under `images/`, each in one list, sorted."""

    seed: int
    fractions: dict[str, float]
    mode: Literal["source", "fresh"] = "fresh"
    """Whether the source's own split was kept, or a new one was drawn."""

    reason: str = ""
    """Why, in words."""

    origins: dict[str, Origin] = {}
    """Of each split."""

    nowhere: int = 0
    """Images in train of which the source does not say where they belong, though it has a split that was kept."""

    leaks: Leaks = Leaks()
    copies: Copies = Copies()
    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    taken_out: tuple[str, ...] = ()
    """Images in no split: a copy of each is in one that is nearer to the final score."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `splits.json`.

        Raises:
            DatasetError: If the file is missing or damaged.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise DatasetError(
                f"no readable splits in {path} ({type(error).__name__})",
                hint="point --splits at the `splits.json` that the `split` step wrote",
            ) from None

    def names(self, split: Literal["train", "valid", "test"]) -> tuple[str, ...]:
        """Return the file names of one split."""
        return {"train": self.train, "valid": self.valid, "test": self.test}[split]
