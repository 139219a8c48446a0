"""A small drawn data set, with its splits, to train on in tests."""

import hashlib
from pathlib import Path

import cv2

from steps.dataset import Box, DatasetWriter, ImageRecord, Splits
from steps.draw.scene import CLASSES, draw_scene


def draw_dataset(
    folder: Path, images: int, *, size: tuple[int, int] = (160, 120), seed: int = 0, holdout: int = 4
) -> tuple[Path, Path]:
    """Draw planes and helicopters; return the data set's folder and `splits.json`.

    Every `holdout`-th picture goes to valid, the one after it to test, the others to train.
    """
    dataset = folder / "dataset"
    names = [f"{index:05}.jpg" for index in range(images)]
    with DatasetWriter(dataset, classes=CLASSES, source="drawn", source_format="yolo") as writer:
        for index, name in enumerate(names):
            scene = draw_scene(index, width=size[0], height=size[1], seed=seed)
            path = writer.images / name
            cv2.imwrite(str(path), scene.picture)
            boxes = tuple(Box(xyxy=tuple(map(float, box)), label=label) for label, box in scene.objects)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            writer.add(ImageRecord(file=name, width=size[0], height=size[1], sha256=digest, source=name, boxes=boxes))
    splits = folder / "splits"
    splits.write_text(
        Splits(
            seed=seed,
            fractions={"train": 1 - 2 / holdout, "valid": 1 / holdout, "test": 1 / holdout},
            train=tuple(name for index, name in enumerate(names) if index % holdout > 1),
            valid=tuple(names[0::holdout]),
            test=tuple(names[1::holdout]),
        ).model_dump_json()
    )
    return dataset, splits
