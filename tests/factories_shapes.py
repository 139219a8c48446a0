"""A data set of squares and discs on noise, easy enough to be learnt in seconds, and the splits of it."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from steps.dataset import Box, Dataset, DatasetWriter, ImageRecord, Splits

SHAPES = ("square", "disc")


def write_shapes(folder: Path, *, train: int, valid: int, test: int, side: int = 96, seed: int = 0) -> Splits:
    """Draw a data set into `folder / "dataset"`, with some empty images, and write `folder / "splits.json"`."""
    generator = np.random.default_rng(seed)
    with DatasetWriter(folder / "dataset", classes=SHAPES, source="test", source_format="yolo") as writer:
        names = [f"{index:04}.png" for index in range(train + valid + test)]
        for index, name in enumerate(names):
            picture, boxes = _scene(generator, side, count=0 if index % 9 == 8 else 1 + index % 3)
            cv2.imwrite(str(writer.images / name), picture)
            digest = hashlib.sha256((writer.images / name).read_bytes()).hexdigest()
            record = ImageRecord(file=name, width=side + 32, height=side, sha256=digest, source=name, boxes=boxes)
            writer.add(record)
    splits = Splits(
        seed=seed,
        fractions={},
        train=tuple(names[:train]),
        valid=tuple(names[train : train + valid]),
        test=tuple(names[train + valid :]),
    )
    (folder / "splits.json").write_text(splits.model_dump_json())
    return splits


def write_yolo(folder: Path, dataset: Dataset, splits: Splits) -> Path:
    """Lay `dataset` out as ultralytics reads it, and return the path of its YAML."""
    for split in ("train", "valid", "test"):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
    at = {name: split for split in ("train", "valid", "test") for name in splits.names(split)}
    for record in dataset.records():
        split, image = at[record.file], dataset.image(record)
        (folder / "images" / split / record.file).hardlink_to(image)
        lines = []
        for box in record.boxes:
            left, top, right, bottom = box.xyxy
            center = f"{(left + right) / 2 / record.width} {(top + bottom) / 2 / record.height}"
            sides = f"{(right - left) / record.width} {(bottom - top) / record.height}"
            lines.append(f"{box.label} {center} {sides}\n")
        (folder / "labels" / split / image.with_suffix(".txt").name).write_text("".join(lines))
    names = "".join(f"  {index}: {name}\n" for index, name in enumerate(dataset.info.classes))
    yaml = folder / "data.yaml"
    yaml.write_text(f"path: {folder}\ntrain: images/train\nval: images/valid\ntest: images/test\nnames:\n{names}")
    return yaml


def _scene(generator: np.random.Generator, side: int, *, count: int) -> tuple["np.ndarray", tuple[Box, ...]]:
    width = side + 32
    picture = generator.integers(40, 120, (side, width, 3), np.uint8)
    boxes: list[Box] = []
    for _ in range(count):
        size = int(generator.integers(14, 40))
        left, top = int(generator.integers(0, width - size)), int(generator.integers(0, side - size))
        label = int(generator.integers(2))
        color = tuple(int(value) for value in generator.integers(170, 256, 3))
        if label:
            cv2.circle(picture, (left + size // 2, top + size // 2), size // 2, color, cv2.FILLED)
        else:
            cv2.rectangle(picture, (left, top), (left + size - 1, top + size - 1), color, cv2.FILLED)
        boxes.append(Box(xyxy=(left, top, left + size, top + size), label=label))
    return picture, tuple(boxes)
