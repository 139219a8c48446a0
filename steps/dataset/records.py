"""What the canonical data set is made of."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Mask(_Record):
    """Pixels of one object, as COCO's compressed run lengths: column by column, of the whole picture."""

    size: tuple[PositiveInt, PositiveInt]
    """Height and width of the picture that was labelled, pixels. The mask is stretched where the picture has another size."""

    counts: str


class Box(_Record):
    """One labelled object."""

    xyxy: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the upright image, inside it; right > left and bottom > top."""

    label: NonNegativeInt
    """Index into `DatasetInfo.classes`."""

    rings: tuple[tuple[tuple[float, float], ...], ...] | None = None
    """Outline as rings of (x, y) pixels, one for each part of the object, as the source had it: it may reach over the edge."""

    mask: Mask | None = None
    """Mask, where the source had one."""

    attributes: dict[str, str] = {}
    """What else the source says of the object, such as `occluded` or a track."""


class ImageRecord(_Record):
    """One image and what is on it. No boxes means background, which is a label too."""

    file: str
    """Name under `images/`; no folders."""

    width: PositiveInt
    """Pixels."""

    height: PositiveInt
    """Pixels."""

    sha256: str
    """Of the file's bytes."""

    source: str
    """Path inside the source, for people."""

    group: str = ""
    """Images of one group stay in one split. Empty: a group of its own."""

    split: Literal["", "train", "valid", "test"] = ""
    """Where the source itself puts the image. Empty: it does not say."""

    phash: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Perceptual hash, 256 bits in hex, those of the lowest frequencies first: near-identical pictures differ in few bits.
    Empty: not computed, or the picture is too plain for one."""

    boxes: tuple[Box, ...] = ()


class DatasetInfo(_Record):
    """Content of `dataset.json`."""

    classes: tuple[str, ...] = Field(min_length=1)
    """Class names; a box's `label` is the index."""

    images: NonNegativeInt
    boxes: NonNegativeInt

    boxes_per_class: dict[str, int]
    """Boxes of each class, every class listed."""

    background: NonNegativeInt
    """Images without a box."""

    source: str
    """Where it came from, credentials removed."""

    format: str
    """Layout it was read from."""

    digest: str
    """SHA-256 over classes and records (without `source` and `phash`), independent of the archive's order and kind."""
