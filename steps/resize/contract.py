"""Contract of the `resize` step."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from steps.contract import Artifact, Model, Step


class ResizeInputs(Model):
    """Shrink images whose longest side exceeds a limit; boxes follow. Smaller images pass unchanged."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set, as `ingest` wrote it."""

    max_width: int = Field(default=1024, ge=32)
    """Longest side an image may have afterwards, pixels."""

    workers: int = Field(default=0, ge=0)
    """Processes that resize. 0: one a core."""


class ResizeOutputs(Model):
    """What `resize` leaves behind."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set with no image larger than asked."""

    resized: int = Field(ge=0)
    """Images that were shrunk."""


RESIZE = Step(
    name="resize",
    image="core",
    inputs=ResizeInputs,
    outputs=ResizeOutputs,
    entry="steps.resize.run:resize",
    example="--dataset=work/out/dataset --max-width=640",
    size="medium",
)
