"""Contract of the `ingest` step."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from steps.contract import Artifact, Model, Step
from steps.ingest.class_rules import ClassRules


class IngestInputs(Model):
    """Fetch labelled images, check them row by row, and write one canonical data set.

    Whatever is broken is put aside and named in the intake report: a bad row never costs the image, a bad image never
    costs the data set. Nothing from the source is executed or unpickled.
    """

    source: str = Field(min_length=1)
    """Labelled images: a zip, tar, tar.gz or folder, as a local path, `s3://bucket/key` or prefix, or an http(s) URL."""

    source_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """SHA-256 that a single-file source must have, in hex. Empty: not checked."""

    format: Literal[
        "auto",
        "coco",
        "createml",
        "csv",
        "cvat",
        "darknet",
        "datumaro",
        "dota",
        "hugging-face",
        "kitti",
        "label-studio",
        "labelme",
        "oidv4",
        "supervisely",
        "tfrecord",
        "visdrone",
        "voc",
        "yolo",
    ] = "auto"
    """Layout of the labels; `auto` recognises it, and says what it found when two fit."""

    classes: str = ""
    """Class names to keep, comma separated, in the order of their indices. Empty: all that occur, in the source's order or sorted."""

    rename_classes: str = ""
    """Names to merge or mend, as `old=new` comma separated; `old=` drops the class. Example: `Person=person,dog=`."""

    unlabelled: Literal["auto", "background", "leave-out"] = "auto"
    """An image without a label file: `background`, nothing is on it; `leave-out`; or `auto`, background unless half of the images would be."""

    max_bad_share: float = Field(default=0.2, ge=0, le=1)
    """Share of rejected label rows or images from which on the whole source is refused."""

    group_pattern: str = ""
    """Regular expression whose first group, found in the image's path, names the group that `split` keeps together."""

    near_duplicates: Literal["auto", "off"] = "auto"
    """Copies of one picture stay in one split: Roboflow's `.rf.` versions by name, near-identical pictures by a perceptual hash. `off` looks for neither."""

    max_entries: int = Field(default=1_000_000, ge=1)
    """Files and folders that an archive may hold."""

    max_bytes: int = Field(default=200_000_000_000, ge=1)
    """Bytes that an archive may unpack to."""

    max_ratio: int = Field(default=100, ge=1)
    """Bytes that an archive may unpack to, by bytes of the archive; the first 64 MiB are free."""

    max_pixels: int = Field(default=100_000_000, ge=1)
    """Pixels an image may have, read from its header before it is decoded."""

    workers: int = Field(default=0, ge=0)
    """Processes that read images. 0: one a core."""

    @field_validator("classes")
    @classmethod
    def _are_listed_once(cls, classes: str) -> str:
        ClassRules.parse(classes, "")
        return classes

    @field_validator("rename_classes")
    @classmethod
    def _are_pairs(cls, renamed: str) -> str:
        ClassRules.parse("", renamed)
        return renamed

    @field_validator("group_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"should be a regular expression: {error}") from None
        if pattern and not groups:
            raise ValueError("should have a group in parentheses, such as (site-[0-9]+)")
        return pattern


class IngestOutputs(Model):
    """What `ingest` leaves behind."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set: `dataset.json`, `annotations.jsonl`, `images/`."""

    intake: Annotated[Path, Artifact(evidence=True)]
    """Intake report: `intake.json`, which accounts for every picture, label file and row and names all that was repaired, rejected or left out, and `thumbnails/`."""

    images: int = Field(ge=1)
    """Images in the data set."""

    boxes: int = Field(ge=0)
    """Boxes in the data set."""

    quarantined: int = Field(ge=0)
    """Rows and images put aside."""

    digest: str
    """SHA-256 of the data set's content, the same for the same images and boxes in whatever archive."""

    listing: str
    """SHA-256 of the listing of the bucket that it was fetched from, taken before. Empty: it came from no bucket."""


INGEST = Step(
    name="ingest",
    image="core",
    inputs=IngestInputs,
    outputs=IngestOutputs,
    entry="steps.ingest.run:ingest",
    example="--source=planes.zip --classes=plane,helicopter",
    size="medium",
)
