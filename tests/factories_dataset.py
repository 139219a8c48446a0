"""Small canonical data sets for tests, drawn from nothing."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from steps.dataset import Box, Dataset, DatasetWriter, ImageRecord


def record(
    file: str, labels: Iterable[int] = (), *, group: str = "", sha256: str = "", size: tuple[int, int] = (64, 48)
) -> ImageRecord:
    """An image record without an image: a box of each of `labels`, content as unique as the name unless told."""
    return ImageRecord(
        file=file,
        width=size[0],
        height=size[1],
        sha256=sha256 or hashlib.sha256(file.encode()).hexdigest(),
        source=f"images/{file}",
        group=group,
        boxes=tuple(Box(xyxy=(4, 4, 20, 16), label=label) for label in labels),
    )


def write_dataset(folder: Path, records: Iterable[ImageRecord], *, classes: tuple[str, ...] = ("a", "b", "c")) -> Path:
    """A data set of records alone, for steps that read no pixels."""
    with DatasetWriter(folder, classes=classes, source="test", source_format="yolo") as writer:
        for item in sorted(records, key=lambda item: item.file):
            writer.add(item)
    return folder


def write_pictures(folder: Path, sizes: dict[str, tuple[int, int]], boxes: tuple[Box, ...] = ()) -> Dataset:
    """A data set with real noise pictures of the given (width, height), each with the same `boxes`."""
    with DatasetWriter(folder, classes=("a", "b"), source="test", source_format="yolo") as writer:
        for index, (file, (width, height)) in enumerate(sorted(sizes.items())):
            noise = np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)
            path = writer.images / file
            cv2.imwrite(str(path), noise)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            writer.add(record(file, sha256=digest, size=(width, height)).model_copy(update={"boxes": boxes}))
    return Dataset.open(folder)
