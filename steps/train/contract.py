"""Contract of the `train` step."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from steps.contract import Artifact, Internal, Model, Reuse, Step


class TrainInputs(Model):
    """Train a detector with ultralytics, and keep the epoch with the best validation mAP50-95.

    Interrupted and run again with the same inputs, it goes on after the last finished epoch.
    """

    dataset: Annotated[Path, Artifact()]
    """Canonical data set."""

    splits: Annotated[Path, Artifact()]
    """`splits.json`, as `split` wrote it; train and valid are read."""

    device: Literal["cpu", "gpu"] = "cpu"
    """Where to train. On the CPU, epochs are capped at `cpu-epochs`."""

    base_model: str = "tiny"
    """What to start from: `tiny` (267k parameters, trains on a CPU), an ultralytics architecture such as `yolo11n.yaml`, or a path or `s3://` URL of a .yaml architecture or of .pt weights."""

    base_model_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """SHA-256 that the base model's file must have. A .pt file is code: name it where the store is shared."""

    epochs: int = Field(default=100, ge=1)
    """Passes over the training images."""

    cpu_epochs: int = Field(default=10, ge=1)
    """Most epochs when training on a CPU."""

    batch: int = Field(default=-1, ge=-1)
    """Images a step; -1 chooses: what fits on a GPU, 4 on a CPU, where many small steps learn faster."""

    image_size: int = Field(default=640, ge=32, multiple_of=32)
    """Side of the square network input, pixels."""

    patience: int = Field(default=50, ge=0)
    """Epochs without a better validation score after which training stops early. 0: never."""

    seed: int = Field(default=0, ge=0)
    """Seed of weights, order and augmentation."""

    checkpoint_every: int = Field(default=1, ge=1)
    """Epochs from one save of the training to the store to the next: a lost pod costs at most so many."""

    state: Annotated[str, Internal()] = ""
    """Folder or `s3://` URL where epochs are saved for a try in another pod. Empty: only on this one's disk."""

    workers: int = Field(default=0, ge=0)
    """Processes that load images. 0: chosen by device and cores."""

    freeze: int = Field(default=0, ge=0)
    """First layers that keep their weights."""

    augmentation: Literal["none", "light", "default", "strong"] = "light"
    """How much images are varied: `light` flips and shifts colours, `default` adds mosaic, `strong` adds mixup and rotation."""

    optimizer: Literal["AdamW", "SGD", "auto"] = "AdamW"
    """Optimizer; `auto` is ultralytics' own choice, made for long trainings."""

    learning_rate: float = Field(default=0.002, gt=0, lt=1)
    """Initial learning rate; `optimizer=auto` ignores it."""


class TrainOutputs(Model):
    """What `train` leaves behind."""

    checkpoint: Annotated[Path, Artifact()]
    """`best.pt`, `last.pt`, `results.csv`, `train.json` (parameters, device, epochs, seconds) and TensorBoard events."""

    map50: float = Field(ge=0, le=1)
    """Validation mAP at IoU 0.5 of the best epoch, as the trainer scores it."""

    map50_95: float = Field(ge=0, le=1)
    """Validation mAP averaged over IoU 0.5 to 0.95, of that same epoch."""

    epochs_done: int = Field(ge=1)
    """Epochs trained, over all attempts."""


BESIDE = ("workers", "state", "checkpoint_every")
"""Parameters that the trained weights do not depend on."""


def _fetches(inputs: TrainInputs) -> bool:
    return "/" in inputs.base_model and not inputs.base_model_sha256


TRAIN = Step(
    name="train",
    image="train",
    inputs=TrainInputs,
    outputs=TrainOutputs,
    entry="steps.train.run:train",
    example="--dataset=work/out/dataset --splits=work/out/splits --epochs=8 --image-size=160",
    size="large",
    reuse=Reuse(beside=BESIDE, depends_on_more=_fetches),
)
