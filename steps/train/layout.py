"""The canonical data set in ultralytics' own layout."""

import os
import shutil
from pathlib import Path

import yaml

from steps.dataset import Dataset, ImageRecord, Splits
from steps.errors import DatasetError

DATA = "data.yaml"


def write_layout(dataset: Dataset, splits: Splits, folder: Path) -> Path:
    """Write train and valid under `folder` as ultralytics reads them, and return the path of `data.yaml`.

    Images are hard links named by their place in the split, so that no two share a label file. Ultralytics replaces a
    JPEG that lacks its end mark: as a new file under the link's name, which leaves the data set's own bytes alone.

    Raises:
        DatasetError: If a split names an image that the data set lacks, or has no box to learn or to score by.
    """
    wanted = {name: split for split in ("train", "valid") for name in splits.names(split)}
    for split in ("train", "valid"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
    images, boxes = {"train": 0, "valid": 0}, {"train": 0, "valid": 0}
    for record in dataset.records():
        split = wanted.pop(record.file, "")
        if not split:
            continue
        name = f"{images[split]:08}"
        _link(dataset.image(record), folder / "images" / split / f"{name}{Path(record.file).suffix.lower()}")
        (folder / "labels" / split / f"{name}.txt").write_text(label_rows(record), encoding="ascii")
        images[split] += 1
        boxes[split] += len(record.boxes)
    if wanted:
        raise DatasetError(
            f"the splits name {len(wanted)} images that the data set lacks, the first is {min(wanted)!r}",
            hint="give the data set that the splits were made from",
        )
    for split, why in (("train", "to learn from"), ("valid", "to choose the best epoch by")):
        if not boxes[split]:
            raise DatasetError(
                f"the {split} split has {images[split]} images and no box {why}",
                hint="label more images, or split with other fractions or another seed",
            )
    content = {
        "path": str(folder),
        "train": "images/train",
        "val": "images/valid",
        "names": dict(enumerate(dataset.info.classes)),
    }
    (folder / DATA).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder / DATA


def label_rows(record: ImageRecord) -> str:
    """Return the boxes of `record` as YOLO rows: class, centre x, centre y, width, height, as fractions of the image."""
    rows = []
    for box in record.boxes:
        left, top, right, bottom = box.xyxy
        center_x, center_y = (left + right) / 2 / record.width, (top + bottom) / 2 / record.height
        width, height = (right - left) / record.width, (bottom - top) / record.height
        rows.append(f"{box.label} {center_x:.8f} {center_y:.8f} {width:.8f} {height:.8f}\n")
    return "".join(rows)


def memory_needed(dataset: Dataset, splits: Splits, image_size: int) -> int:
    """Return the bytes that train and valid take when decoded and shrunk to `image_size` pixels on the longest side."""
    wanted = {*splits.train, *splits.valid}
    total = 0.0
    for record in dataset.records():
        if record.file in wanted:
            scale = image_size / max(record.width, record.height)
            total += record.width * record.height * scale**2 * 3
    return int(total)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
