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


class Splits(BaseModel, frozen=True, extra="forbid"):
    """Content of `splits.json`: names under `images/`, each in one list, sorted."""

    seed: int
    fractions: dict[str, float]
    train: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]

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
