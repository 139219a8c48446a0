"""What the canonical data set is made of."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Box(_Record):
    """One labelled object."""

    xyxy: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the upright image, inside it; right > left and bottom > top."""

    label: NonNegativeInt
    """Index into `DatasetInfo.classes`."""

    polygon: tuple[tuple[float, float], ...] | None = None
    """Outline as (x, y) pixels, where the source had one; `xyxy` is its bounding box."""


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
    """SHA-256 over classes and records (without `source`), independent of the archive's order and kind."""
