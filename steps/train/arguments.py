"""What ultralytics is told: every argument that matters, none left to a default that needs the network."""

from pathlib import Path
from typing import Any

from steps.errors import ParameterError
from steps.runtime.cores import available_cores
from steps.toolchain import shared_memory
from steps.train.base_model import BaseModel
from steps.train.contract import TrainInputs

CPU_BATCH = 4
"""Many small steps learn faster on a CPU than few large ones."""

GPU_BATCH = 16
"""Images a step and GPU, where there are several: only for one can ultralytics try what fits."""

_NO_AUGMENTATION: dict[str, float] = dict.fromkeys(
    (
        *("hsv_h", "hsv_s", "hsv_v", "degrees", "translate", "scale", "shear", "perspective", "flipud", "fliplr"),
        *("bgr", "mosaic", "mixup", "cutmix", "copy_paste"),
    ),
    0.0,
)

_LIGHT = _NO_AUGMENTATION | {
    **{"hsv_h": 0.015, "hsv_s": 0.7, "hsv_v": 0.4},
    **{"translate": 0.1, "scale": 0.5, "fliplr": 0.5},
}

AUGMENTATIONS: dict[str, dict[str, float]] = {
    "none": _NO_AUGMENTATION,
    "light": _LIGHT,
    "default": _LIGHT | {"mosaic": 1.0},
    "strong": _LIGHT | {"mosaic": 1.0, "mixup": 0.15, "degrees": 15.0, "flipud": 0.5, "scale": 0.7},
}
"""Preset to ultralytics' hyperparameters; `light` and `default` share their values with ultralytics' own defaults."""


def find_device(device: str) -> str:
    """Return `device` as ultralytics spells it: `cpu`, or the indices of all GPUs that this process may see.

    Raises:
        ParameterError: If a GPU is asked for and torch can use none.
    """
    if device == "cpu":
        return "cpu"
    import torch  # noqa: PLC0415  (slow; the CPU does not need it here)

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        raise ParameterError(
            f"--device='gpu': torch {torch.__version__} sees no CUDA GPU here",
            hint="train with --device=cpu, or run where a GPU, its driver and a CUDA build of torch are",
        )
    return ",".join(map(str, range(count)))


def epochs_for(inputs: TrainInputs) -> int:
    """Return how many epochs to train: on a CPU, at most `cpu_epochs`."""
    return min(inputs.epochs, inputs.cpu_epochs) if inputs.device == "cpu" else inputs.epochs


def arguments_for(
    inputs: TrainInputs, model: BaseModel, *, device: str, data: Path, save_dir: Path, cache: bool
) -> dict[str, Any]:
    """Return the arguments of ultralytics' trainer.

    The schedule is one that learns in few epochs: a warm-up of one, and a step of the optimizer for every batch (the
    trainer sees to that), where ultralytics' defaults gather 64 images a step and warm up longer than we train.
    """
    epochs, gpus = epochs_for(inputs), 0 if device == "cpu" else device.count(",") + 1
    return {
        "model": str(model.file),
        "pretrained": model.has_weights,
        "data": str(data),
        "save_dir": str(save_dir),
        "exist_ok": True,
        "task": "detect",
        "mode": "train",
        "device": device,
        "epochs": epochs,
        "batch": _batch(inputs.batch, gpus),
        "imgsz": inputs.image_size,
        "patience": inputs.patience,
        "seed": inputs.seed,
        "deterministic": True,
        "workers": _workers(inputs, gpus),
        "freeze": inputs.freeze or None,
        "optimizer": inputs.optimizer,
        "lr0": inputs.learning_rate,
        "lrf": 0.05,
        "warmup_epochs": 1.0,
        "close_mosaic": max(1, min(10, epochs // 5)),
        "cache": "ram" if cache else False,
        "amp": _precision(gpus),
        "plots": False,
        "verbose": False,
        **AUGMENTATIONS[inputs.augmentation],
    }


def _batch(asked: int, gpus: int) -> int:
    if asked == 0:
        raise ParameterError("--batch=0: no images a step", hint="give 1 or more, or -1 to have it chosen")
    if asked > 0:
        return asked
    return CPU_BATCH if not gpus else -1 if gpus == 1 else GPU_BATCH * gpus


def _workers(inputs: TrainInputs, gpus: int) -> int:
    """Return how many processes load images: for a CPU none, where handing batches over costs what it saves.

    Fewer where shared memory would not hold the batches that they prepare ahead: a full one ends in a bus error.
    """
    if not gpus:
        return 0
    batch = (inputs.batch if inputs.batch > 0 else 4 * GPU_BATCH) * inputs.image_size**2 * 3
    return min(inputs.workers or min(8, available_cores()), shared_memory() // (8 * batch))


def _precision(gpus: int) -> bool | str:
    """Return what ultralytics calls `amp`: bfloat16 where the GPU has it, else float32.

    float16 is left out: ultralytics would first fetch a model from the network to try the GPU with.
    """
    if not gpus:
        return False
    import torch  # noqa: PLC0415  (slow; the CPU does not need it here)

    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else False
