"""Contract of the `export` step."""

from pathlib import Path
from typing import Annotated

from pydantic import field_validator

from steps.contract import Artifact, Model, Reuse, Step
from steps.export.format_names import choose_formats


class ExportInputs(Model):
    """Convert a checkpoint to the formats that run without the trainer, and check each against the checkpoint.

    An export counts only when it predicts what the checkpoint predicts for a test image and a test pattern: each box and
    score, before thresholds and non-maximum suppression, within what float32 arithmetic explains.
    """

    checkpoint: Annotated[Path, Artifact()]
    """Checkpoint folder, as `train` wrote it."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set; one test image is read."""

    splits: Annotated[Path, Artifact()]
    """`splits.json`."""

    formats: str = "onnx"
    """Formats to write, comma separated: `onnx` (always written), `torchscript`, `openvino`."""

    @field_validator("formats")
    @classmethod
    def _are_known(cls, formats: str) -> str:
        choose_formats(formats)
        return formats


class ExportOutputs(Model):
    """What `export` leaves behind."""

    model: Annotated[Path, Artifact()]
    """`model.json` (task, classes, input, output layout, sha256 of each file), one folder a format, and `golden/`: a test image and the boxes found in it."""

    formats: str
    """Formats written, comma separated."""


EXPORT = Step(
    name="export",
    image="train",
    inputs=ExportInputs,
    outputs=ExportOutputs,
    entry="steps.export.run:export",
    example="--checkpoint=work/out/checkpoint --dataset=data --splits=splits --formats=onnx,openvino",
    size="medium",
    reuse=Reuse(),
)
