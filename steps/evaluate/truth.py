"""The labelled side: which images are scored, and what is on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.dataset import Dataset, ImageRecord
from steps.detection import Detections
from steps.errors import DatasetError, ModelError


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Some images of a data set.

    Attributes:
        names: File names in the data set.
        paths: Where the pictures are.
        boxes: What is labelled on each.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    boxes: tuple[Detections, ...]

    @classmethod
    def pick(cls, dataset: Dataset, names: Sequence[str]) -> "LabelledImages":
        """Return the images of `dataset` called `names`, in that order.

        Raises:
            DatasetError: If the data set has not all of them.
        """
        wanted = set(names)
        found = {
            record.file: (dataset.image(record), boxes_of(record))
            for record in dataset.records()
            if record.file in wanted
        }
        missing = sorted(wanted - set(found))
        if missing:
            raise DatasetError(
                f"the splits name {len(missing)} images that the data set does not have: {missing[:5]}",
                hint="--splits and --dataset must be from the same run",
            )
        return cls(tuple(names), tuple(found[name][0] for name in names), tuple(found[name][1] for name in names))


def boxes_of(record: ImageRecord) -> Detections:
    """Return what is labelled on an image, with score 1."""
    count = len(record.boxes)
    xyxy = np.array([box.xyxy for box in record.boxes], np.float32).reshape(count, 4)
    labels = np.array([box.label for box in record.boxes], np.int64)
    return Detections(xyxy, np.ones(count, np.float32), labels)


def label_map(model: Sequence[str], dataset: Sequence[str]) -> NDArray[np.int64]:
    """Return for each class of the model its index in the data set: the order may differ, the names may not.

    Raises:
        ModelError: If one has a class that the other has not.
    """
    if set(model) != set(dataset):
        only_model, only_dataset = (sorted(set(a) - set(b)) for a, b in ((model, dataset), (dataset, model)))
        differences = [
            text
            for text, names in (
                (f"only the model knows {only_model}", only_model),
                (f"only the data set has {only_dataset}", only_dataset),
            )
            if names
        ]
        raise ModelError(
            f"the model's classes are not the data set's: {'; '.join(differences)}",
            hint="score a model that was trained on these classes, or rename the classes in the data set",
        )
    return np.array([list(dataset).index(name) for name in model], np.int64)
