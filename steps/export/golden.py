"""The golden image: one of the test split in which the checkpoint finds something."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.dataset import Dataset, ImageRecord, Splits
from steps.detection import Detections
from steps.errors import DatasetError
from steps.runtime.golden import IMAGE

CANDIDATES = 8
"""Images tried until one has a box that the checkpoint finds."""

Image = NDArray[np.uint8]


def choose_image(dataset: Dataset, splits: Splits, model: Path, detect: Callable[[Image], Detections]) -> Image:
    """Write a test image into the folder `model` and return it as it is read back, uint8 BGR [h, w, 3].

    It is the first in which `detect` finds something, among a few with labels; else the first of them.

    Raises:
        DatasetError: If the test split has no readable image.
    """
    path, first = model / IMAGE, None
    path.parent.mkdir(parents=True)
    for record in _candidates(dataset, splits):
        _write_jpeg(dataset.image(record), path)
        image = _read(path)
        if len(detect(image)):
            return image
        first = first or record
    if not first:
        raise DatasetError("the test split has no image", hint="split with a larger --test-fraction")
    _write_jpeg(dataset.image(first), path)
    return _read(path)


def _candidates(dataset: Dataset, splits: Splits) -> Iterator[ImageRecord]:
    """Yield a few test images, those with boxes first."""
    names = set(splits.test)
    labelled: list[ImageRecord] = []
    empty: list[ImageRecord] = []
    for record in dataset.records():
        if record.file in names:
            (labelled if record.boxes else empty).append(record)
            if len(labelled) == CANDIDATES:
                break
    yield from (labelled or empty)[:CANDIDATES]


def _write_jpeg(source: Path, path: Path) -> None:
    path.unlink(missing_ok=True)
    if source.suffix.lower() in (".jpg", ".jpeg"):
        shutil.copyfile(source, path)
    else:
        cv2.imwrite(str(path), _read(source), [cv2.IMWRITE_JPEG_QUALITY, 95])


def _read(path: Path) -> Image:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"{path} cannot be read as an image", hint="ingest the source again")
    return np.asarray(image, np.uint8)
