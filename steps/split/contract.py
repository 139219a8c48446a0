"""Contract of the `split` step."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from steps.contract import Artifact, Model, Step


class SplitInputs(Model):
    """Divide the images into train, valid and test; copies of one picture stay together.

    The source's own split is kept where it has one, and searched for copies on both sides: those in train are taken out,
    and those in valid that test has. Otherwise a split is drawn: seeded, stratified by class, whole groups.
    """

    dataset: Annotated[Path, Artifact()]
    """Canonical data set."""

    split: Literal["auto", "source", "fresh"] = "auto"
    """`source`: keep the split that the source has; `fresh`: draw one; `auto`: keep it where it has train, valid and test, or two of them and a train from which the third can be cut."""

    near_duplicates: Literal["auto", "off"] = "auto"
    """Copies of one picture stay in one split: Roboflow's `.rf.` versions by name, near-identical pictures by a perceptual hash. `off` looks for neither."""

    train_fraction: float = Field(default=0.7, gt=0, lt=1)
    """Share of images to train on."""

    valid_fraction: float = Field(default=0.15, gt=0, lt=1)
    """Share of images to choose the best epoch by."""

    test_fraction: float = Field(default=0.15, gt=0, lt=1)
    """Share of images that only the final score sees."""

    seed: int = Field(default=0, ge=0)
    """The same seed and data give the same split, on every machine."""

    @model_validator(mode="after")
    def _sum(self) -> "SplitInputs":
        total = self.train_fraction + self.valid_fraction + self.test_fraction
        if abs(total - 1) > 1e-6:
            raise ValueError(f"--train-fraction, --valid-fraction and --test-fraction add up to {total:g}, not to 1")
        return self


class SplitOutputs(Model):
    """What `split` leaves behind."""

    splits: Annotated[Path, Artifact(file="json")]
    """`splits.json`: the file names of train, valid and test, where each split is from, and how many copies of one picture were found."""

    duplicates: Annotated[Path, Artifact()]
    """`duplicates.json`, the groups of images that are copies of one picture, and `thumbnails/` of some pairs."""

    train: int = Field(ge=1)
    """Images to train on."""

    valid: int = Field(ge=1)
    """Images to validate on."""

    test: int = Field(ge=1)
    """Images to test on."""


SPLIT = Step(
    name="split",
    image="core",
    inputs=SplitInputs,
    outputs=SplitOutputs,
    entry="steps.split.run:split",
    example="--dataset=work/out/dataset --seed=7",
)
