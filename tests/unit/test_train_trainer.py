import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from steps.dataset import Dataset, Splits
from steps.toolchain import go_offline
from steps.train.arguments import arguments_for
from steps.train.base_model import TINY, BaseModel
from steps.train.contract import TrainInputs
from steps.train.layout import write_layout
from tests.factories_train import draw_dataset

IMAGE_SIZE = 64


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One epoch, trained in this process, to look into."""
    folder, before = tmp_path_factory.mktemp("training"), dict(os.environ)
    go_offline(folder / "settings")
    from steps.train.trainer import DetectorTraining  # noqa: PLC0415

    dataset, splits = draw_dataset(folder, 16)
    inputs = TrainInputs(dataset=dataset, splits=splits, epochs=1, image_size=IMAGE_SIZE)
    data = write_layout(Dataset.open(dataset), Splits.read(splits), folder / "data")
    model = BaseModel(TINY, "tiny")
    arguments = arguments_for(inputs, model, device="cpu", data=data, save_dir=folder / "kept" / "run", cache=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training = DetectorTraining(overrides=arguments)
        training.train()
    yield training
    os.environ.clear()
    os.environ.update(before)


def test_every_batch_is_a_step_of_the_optimizer(trained: Any) -> None:
    assert trained.accumulate == 1
    assert {int(state["step"]) for state in trained.optimizer.state.values()} == {len(trained.train_loader)}


def test_the_optimizer_is_one_fused_kernel_on_a_cpu(trained: Any) -> None:
    assert [group["fused"] for group in trained.optimizer.param_groups] == [True] * 3
    decays = {group["param_group"]: group["weight_decay"] for group in trained.optimizer.param_groups}
    assert decays == {"weight": pytest.approx(5e-4), "bn": 0, "bias": 0}


def test_weights_have_their_channels_last_on_a_cpu(trained: Any) -> None:
    import torch  # noqa: PLC0415

    weight = trained.model.model[0].conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()


def test_optimizer_state_is_laid_out_as_its_parameter_when_it_is_loaded(trained: Any) -> None:
    import torch  # noqa: PLC0415

    parameter = trained.model.model[0].conv.weight
    expected = trained.optimizer.state[parameter]["exp_avg"].clone()
    for state in trained.optimizer.state.values():
        for name, value in state.items():
            state[name] = value.contiguous()
    trained._load_checkpoint_state({"optimizer": trained.optimizer.state_dict()})
    loaded = trained.optimizer.state[parameter]["exp_avg"]
    assert loaded.stride() == parameter.stride() != parameter.contiguous().stride()
    assert torch.equal(loaded, expected)


def test_threads_grow_with_the_work_of_a_batch(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.train.trainer.available_cores", lambda: 8)
    assert trained._threads() == 1
    monkeypatch.setattr(trained.args, "imgsz", 320)
    assert trained._threads() == 3
    monkeypatch.setattr(trained.args, "imgsz", 640)
    assert trained._threads() == 8


def test_nothing_of_ultralytics_platform_is_connected(trained: Any) -> None:
    connected = {callback.__module__ for callbacks in trained.callbacks.values() for callback in callbacks}
    assert connected <= {"ultralytics.utils.callbacks.base", "ultralytics.utils.events"}
