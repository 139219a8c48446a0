"""TFRecord files as TensorFlow's Object Detection API writes them."""

import struct
from collections.abc import Sequence
from typing import Any

from steps.dataset.formats.tfrecord_file import masked, message


def example(**features: Sequence[Any]) -> bytes:
    """A `tf.train.Example`; `__` in names is `/`, and values are texts, bytes, whole numbers or others."""
    made = message("Example")()
    for name, values in features.items():
        feature = made.features.feature[name.replace("__", "/")]
        if all(isinstance(value, str | bytes) for value in values):
            feature.bytes_list.value.extend(value.encode() if isinstance(value, str) else value for value in values)
        elif all(isinstance(value, int) for value in values):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return bytes(made.SerializeToString())


def labelled(
    encoded: bytes | None,
    *objects: tuple[str | int, float, float, float, float],
    filename: str = "a.jpg",
    **more: Sequence[Any],
) -> bytes:
    """A picture with objects `(class, left, top, right, bottom)` in shares of it; an id stands for a class by number.

    The record has no picture where `encoded` is None.
    """
    sides = {
        f"image__object__bbox__{side}": [float(each[place]) for each in objects]
        for place, side in enumerate(("xmin", "ymin", "xmax", "ymax"), 1)
    }
    labels = [each[0] for each in objects]
    kind = "label" if labels and isinstance(labels[0], int) else "text"
    image: dict[str, Sequence[Any]] = {} if encoded is None else {"image__encoded": [encoded]}
    return example(
        **image,
        image__filename=[filename],
        **sides,
        **{f"image__object__class__{kind}": labels},
        **more,
    )


def framed(data: bytes) -> bytes:
    """A record with its checksums."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def tfrecord(*examples: bytes) -> bytes:
    """A file of records."""
    return b"".join(map(framed, examples))
