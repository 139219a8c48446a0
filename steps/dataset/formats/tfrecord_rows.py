"""Objects of a `tf.train.Example`: parallel lists, an element an object."""

import base64
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steps.dataset.formats.label_maps import LabelMaps
from steps.dataset.formats.listed import Entry
from steps.dataset.formats.tfrecord_file import message
from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import MAX_PIXELS, Mask, from_pixels
from steps.dataset.rows import LOOKS_LIKE_PIXELS, UNIT_FRAME, Reading, Row

IMAGE = "image/"
OBJECT = "image/object/"
BOX = "image/object/bbox/"

SIDES = ("xmin", "ymin", "xmax", "ymax")

FLAGS = {
    "difficult": "difficult",
    "is_crowd": "crowd",
    "truncated": "truncated",
    "occluded": "occluded",
    "group_of": "group_of",
    "depiction": "depiction",
}
"""Lists that are kept as attributes, and what these are called."""

Features = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TfRecordLabels:
    """The objects of one picture; see `tfrecord` for what an entry has."""

    maps: LabelMaps
    entries: tuple[Entry, ...]

    @property
    def source(self) -> str:
        """Return the file of records; see `source.Labels`."""
        return str(self.entries[0]["file"])

    def read(self) -> Reading:
        """Return every object; see `source.Labels`."""
        example = message("Example").FromString(base64.b64decode(self.entries[0]["example"]))
        features = example.features.feature
        reading = Reading(self.source, UNIT_FRAME)
        objects = _Objects(features)
        for place in range(count_rows(features)):
            reading.total += 1
            found = objects.described(place)
            try:
                reading.rows.append(objects.row(place, self.maps, found))
            except Rejection as fault:
                reading.note(fault.code, place + 1, fault.found or found)
        return reading


def count_rows(features: Features) -> int:
    """Return how many objects an example has: as many as its longest list has."""
    keys = (*(f"{BOX}{side}" for side in SIDES), f"{OBJECT}class/text", f"{OBJECT}class/label")
    return max(len(values_of(features, key)) for key in keys)


def values_of(features: Features, key: str) -> list[Any]:
    """Return the values of a feature, of whatever kind; empty where there is none."""
    if key not in features:
        return []
    feature = features[key]
    lists = (feature.bytes_list, feature.float_list, feature.int64_list)
    return next((list(each.value) for each in lists if each.value), [])


def texts_of(features: Features, key: str) -> list[str]:
    """Return the texts of a feature of bytes."""
    return [value.decode("utf-8", "replace") for value in values_of(features, key) if isinstance(value, bytes)]


class _Objects:
    """The lists of one example."""

    def __init__(self, features: Features) -> None:
        self._sides = [values_of(features, f"{BOX}{side}") for side in SIDES]
        self._texts = texts_of(features, f"{OBJECT}class/text")
        self._labels = values_of(features, f"{OBJECT}class/label")
        self._flags = {name: values_of(features, f"{OBJECT}{key}") for key, name in FLAGS.items()}
        self._masks = values_of(features, f"{OBJECT}mask")
        sides = (next(iter(values_of(features, f"{IMAGE}{side}")), 0) for side in ("height", "width"))
        self._size = [side if isinstance(side, int) else 0 for side in sides]

    def described(self, place: int) -> str:
        sides = " ".join(f"{side[place]:.6g}" if _is_number(side, place) else "?" for side in self._sides)
        text = self._texts[place] if place < len(self._texts) else ""
        label = str(self._labels[place]) if place < len(self._labels) else ""
        return f"{text or label} {sides}"[:FOUND_LIMIT]

    def row(self, place: int, maps: LabelMaps, found: str) -> Row:
        if not all(_is_number(side, place) for side in self._sides):
            raise Rejection("uneven_lists")
        text = self._texts[place].strip() if place < len(self._texts) else ""
        label = self._labels[place] if place < len(self._labels) else None
        name = maps.name(int(label) if isinstance(label, int | float) and label % 1 == 0 else None, text)
        if not name:
            raise Rejection("unknown_class")
        left, top, right, bottom = (float(side[place]) for side in self._sides)
        if LOOKS_LIKE_PIXELS <= max(left, top, right, bottom) < math.inf:
            raise Rejection("pixel_units")
        swapped = left > right or top > bottom
        ordered = min(left, right), min(top, bottom), max(left, right), max(top, bottom)
        attributes = tuple(
            sorted(
                (name, str(flags[place]))
                for name, flags in self._flags.items()
                if flags[place : place + 1] not in ([], [0])
            )
        )
        return Row(
            place + 1,
            name,
            ordered,
            found,
            mask=self._mask(place),
            attributes=attributes,
            remarks=("corners_swapped",) if swapped else (),
        )

    def _mask(self, place: int) -> Mask | None:
        if not self._masks:
            return None
        if isinstance(self._masks[0], bytes):
            return _png(self._masks[place]) if place < len(self._masks) and self._masks[place] else None
        height, width = self._size
        pixels = self._masks[place * height * width : (place + 1) * height * width]
        if not pixels or len(pixels) != height * width:
            raise Rejection("mask_broken", f"{len(self._masks)} numbers for masks of {width}x{height}")
        return from_pixels(np.asarray(pixels).reshape(height, width) > 0.5)


def _is_number(side: list[Any], place: int) -> bool:
    return place < len(side) and isinstance(side[place], int | float)


def _png(data: bytes) -> Mask:
    from PIL import Image  # noqa: PLC0415  (only data with masks pays for it)

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            small = image.width * image.height <= MAX_PIXELS
            pixels = np.asarray(image.convert("L")) if small else None
            found = f"a mask of {image.width}x{image.height}"
    except Exception as error:  # noqa: BLE001  (decoders raise anything on broken bytes)
        raise Rejection("mask_broken", " ".join(str(error).split())) from None
    if pixels is None:
        raise Rejection("mask_broken", found)
    return from_pixels(pixels)
