"""Contract of the `evaluate` step."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from steps.contract import Artifact, Internal, Model, Reuse, Step
from steps.runtime.defaults import Defaults


class EvaluateInputs(Model):
    """Score the exported model, not the checkpoint, on the test split with the COCO evaluator.

    It also chooses what the model is served with. Its confidence threshold is the one with the best F1 on the
    validation split, unless it is given; a class gets another where cross-validation on that split shows that it pays.
    Precision, recall and confusion are those of the answers that a server then gives on the test split.
    """

    model: Annotated[Path, Artifact()]
    """Model folder, as `export` wrote it."""

    dataset: Annotated[Path, Artifact()]
    """Canonical data set."""

    splits: Annotated[Path, Artifact()]
    """`splits.json`; test is scored, valid chooses the threshold."""

    split: Annotated[Literal["test", "valid", "train"], Internal()] = "test"
    """Which images to score."""

    confidence: float = Field(default=0, ge=0, lt=1)
    """Confidence above which a box counts, for every class, in the scores and when the model is served. 0: chosen on the validation split."""

    nms_iou: Annotated[float, Internal()] = Field(default=Defaults().iou, gt=0, le=1)
    """IoU above which the weaker of two boxes of one class is dropped, in the scores and when the model is served."""

    workers: int = Field(default=0, ge=0)
    """Cores to use. 0: all that the process may use."""


class EvaluateOutputs(Model):
    """What `evaluate` leaves behind."""

    metrics: Annotated[Path, Artifact()]
    """`metrics.json` (defaults to serve with, mAP50, mAP50-95, per class, curves, confusion, sizes, speed), `predictions.jsonl`, `expected.json`: the answer to the golden image, and `examples/`: best and worst images beside the truth."""

    map50: float = Field(ge=0, le=1)
    """mAP at IoU 0.5."""

    map50_95: float = Field(ge=0, le=1)
    """mAP averaged over IoU 0.5 to 0.95."""

    threshold: float = Field(ge=0, le=1)
    """Confidence threshold of the model, at which precision and recall are told."""


EVALUATE = Step(
    name="evaluate",
    image="core",
    inputs=EvaluateInputs,
    outputs=EvaluateOutputs,
    entry="steps.evaluate.run:evaluate",
    example="--model=work/out/model --dataset=data --splits=splits",
    size="medium",
    reuse=Reuse(beside=("workers",)),
)
