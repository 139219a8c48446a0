"""Contract of the `split` step."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from steps.contract import Artifact, Model, Step


class SplitInputs(Model):
    """Divide the images into train, valid and test: seeded, stratified by class, whole groups, no image twice."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set."""

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
    """`splits.json`: seed, fractions, and the file names of train, valid and test."""

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
