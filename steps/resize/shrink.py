"""Shrink one image and its labels: pure geometry, then pixels."""

import hashlib
from pathlib import Path

import cv2

from steps.dataset import Box, ImageRecord
from steps.errors import DatasetError

JPEG_QUALITY = 95
"""High enough that shrinking, not compression, decides what is lost."""


def target_size(width: int, height: int, longest: int) -> tuple[int, int] | None:
    """Return width and height with the longest side `longest`, proportions kept; None where the image is that small."""
    if max(width, height) <= longest:
        return None
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scaled_boxes(record: ImageRecord, size: tuple[int, int]) -> tuple[Box, ...]:
    """Return the boxes and outlines of `record` in pixels of an image of `size` (width, height), inside it."""
    right, bottom = size
    x_scale, y_scale = right / record.width, bottom / record.height

    def point(x: float, y: float) -> tuple[float, float]:
        return min(x * x_scale, float(right)), min(y * y_scale, float(bottom))

    return tuple(
        Box(
            xyxy=(*point(*box.xyxy[:2]), *point(*box.xyxy[2:])),
            label=box.label,
            rings=box.rings and tuple(tuple((x * x_scale, y * y_scale) for x, y in ring) for ring in box.rings),
            mask=box.mask,
            attributes=box.attributes,
        )
        for box in record.boxes
    )


def shrink(record: ImageRecord, size: tuple[int, int], source: Path, target: Path) -> ImageRecord:
    """Write the image at `source` to `target`, `size` (width, height) pixels large, and return its new record.

    Each new pixel is the mean of the area that it covers. The kind of file stays; metadata does not.

    Raises:
        DatasetError: If the image does not decode, or is not as large as its record says.
    """
    picture = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.shape[1::-1] != (record.width, record.height):
        found = "it does not decode" if picture is None else f"it has {picture.shape[1]}×{picture.shape[0]} pixels"
        raise DatasetError(
            f"{record.file} should be an image of {record.width}×{record.height} pixels, but {found}",
            hint="the data set was changed after its intake: run `ingest` again",
        )
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if source.suffix.lower() in (".jpg", ".jpeg") else []
    encoded = cv2.imencode(source.suffix.lower(), small, quality)[1].tobytes()
    target.write_bytes(encoded)
    changes = {
        "width": size[0],
        "height": size[1],
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "boxes": scaled_boxes(record, size),
    }
    return record.model_copy(update=changes)
