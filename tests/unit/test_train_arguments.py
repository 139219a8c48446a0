from pathlib import Path
from typing import Any

import pytest

from steps.errors import ParameterError
from steps.train.arguments import AUGMENTATIONS, arguments_for, epochs_for, find_device
from steps.train.base_model import TINY, BaseModel
from steps.train.contract import TrainInputs
from steps.train.failures import explained

FOLDER = Path("/nowhere")


def _inputs(**changes: Any) -> TrainInputs:
    return TrainInputs.model_validate({"dataset": FOLDER, "splits": FOLDER, **changes})


def _arguments(device: str = "cpu", **changes: Any) -> dict[str, Any]:
    model = BaseModel(TINY, "tiny")
    return arguments_for(_inputs(**changes), model, device=device, data=FOLDER, save_dir=FOLDER, cache=True)


def test_epochs_are_capped_on_a_cpu() -> None:
    assert epochs_for(_inputs(epochs=100)) == 10
    assert epochs_for(_inputs(epochs=3)) == 3
    assert epochs_for(_inputs(epochs=100, device="gpu")) == 100


@pytest.mark.parametrize(
    ("device", "asked", "given"), [("cpu", -1, 4), ("0", -1, -1), ("0,1,2", -1, 48), ("cpu", 7, 7), ("0,1", 32, 32)]
)
def test_batch_is_chosen_by_device_when_it_is_minus_one(
    device: str, asked: int, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: True)
    arguments = _arguments(device, batch=asked)
    assert arguments["batch"] == given
    assert arguments["amp"] == (False if device == "cpu" else "bf16")


def test_a_batch_of_no_images_is_refused() -> None:
    with pytest.raises(ParameterError, match="--batch=0"):
        _arguments(batch=0)


def test_weights_are_kept_when_the_base_model_has_some() -> None:
    arguments = arguments_for(
        _inputs(), BaseModel(Path("best.pt"), ""), device="cpu", data=FOLDER, save_dir=FOLDER, cache=False
    )
    assert arguments["pretrained"] is True
    assert _arguments()["pretrained"] is False


def test_every_argument_is_one_that_ultralytics_knows() -> None:
    from ultralytics.cfg import DEFAULT_CFG_DICT  # noqa: PLC0415

    assert not set(_arguments()) - set(DEFAULT_CFG_DICT) - {"save_dir"}


def test_default_augmentation_is_that_of_ultralytics() -> None:
    from ultralytics.cfg import DEFAULT_CFG_DICT  # noqa: PLC0415

    assert AUGMENTATIONS["default"] == {name: DEFAULT_CFG_DICT[name] for name in AUGMENTATIONS["default"]}


def test_augmentation_none_changes_nothing() -> None:
    assert not any(AUGMENTATIONS["none"].values())
    assert {len(preset) for preset in AUGMENTATIONS.values()} == {15}


def test_a_gpu_is_refused_when_torch_sees_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ParameterError, match="sees no CUDA GPU"):
        find_device("gpu")


def test_all_visible_gpus_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert find_device("gpu") == "0,1,2"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "memory ran out at --batch=-1 and --image-size=640"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "memory ran out"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "memory ran out"),
        (RuntimeError("Training failed: NaN persisted for 4 epochs"), "training diverged"),
        (RuntimeError("the loss of epoch 1 is nan"), "training diverged"),
        (RuntimeError("'freeze=99' froze the entire model with no"), "--freeze=0 leaves no layer of tiny"),
        (ValueError("final batch=1 training at imgsz=32 gives BatchNorm a single value"), "last batch of one image"),
    ],
)
def test_failures_are_explained_when_a_person_can_mend_them(error: Exception, message: str) -> None:
    with pytest.raises(ParameterError, match=message), explained(_inputs()):
        raise error


def test_other_failures_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="else"), explained(_inputs()):
        raise RuntimeError("something else")
