"""Contract of the `draw` step."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from steps.contract import Artifact, Internal, Model, Step


class DrawInputs(Model):
    """Draw labelled aerial pictures of planes and helicopters, to try everything else with.

    The same seed, number and size give the same bytes, whatever the number of workers.
    """

    images: int = Field(default=400, ge=1, le=1_000_000)
    """Pictures to draw; about one in twelve shows neither plane nor helicopter."""

    width: int = Field(default=320, ge=64, le=8192)
    """Width of every picture, pixels."""

    height: int = Field(default=240, ge=64, le=8192)
    """Height of every picture, pixels."""

    seed: int = Field(default=0, ge=0)
    """Seed of every picture; another seed gives pictures that no model trained on this one has seen."""

    workers: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Processes that draw. 0: one a core."""


class DrawOutputs(Model):
    """What `draw` leaves behind."""

    archive: Annotated[Path, Artifact(file="zip")]
    """Zip in YOLO's layout: `images/`, `labels/` and `data.yaml`."""

    boxes: int = Field(ge=0)
    """Planes and helicopters in all pictures."""


DRAW = Step(
    name="draw",
    image="core",
    inputs=DrawInputs,
    outputs=DrawOutputs,
    entry="steps.draw.run:draw",
    example="--images=400 --seed=7",
)
