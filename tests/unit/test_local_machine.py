from pathlib import Path

import pytest

from workflows.local.machine import GpuNode, Machine

SMI = """#!/bin/sh
echo "GPU 0: NVIDIA H100 (UUID: GPU-1)"
echo "GPU 1: NVIDIA H100 (UUID: GPU-2)"
"""


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "nvidia-smi"
    program.write_text(SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path / "locks"


def test_labels_tell_of_gpus_when_there_are_some(two_gpus: Path) -> None:
    machine = Machine(two_gpus, GpuNode("example.com/gpu", {"accelerator": "big", "kubernetes.io/os": "plan9"}))
    assert machine.labels["accelerator"] == "big"
    assert machine.labels["kubernetes.io/os"] != "plan9", "what the machine knows of itself is not overruled"
    assert machine.gpus == ["0", "1"]
    assert machine.misfit({"accelerator": "big"}, {"example.com/gpu": 2}) == ""
    assert machine.gpus_of({"example.com/gpu": 2, "nvidia.com/gpu": 1}) == 2
    reason = machine.misfit({}, {"nvidia.com/gpu": 1, "example.com/gpu": 3})
    assert reason.endswith("1 nvidia.com/gpu wanted, it has 0, 3 example.com/gpu wanted, it has 2")


@pytest.mark.parametrize(("visible", "gpus"), [("1", ["1"]), ("", []), ("-1", []), ("0, 1", ["0", "1"])])
def test_gpus_are_those_visible_when_limited(
    two_gpus: Path, monkeypatch: pytest.MonkeyPatch, visible: str, gpus: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert Machine(two_gpus).gpus == gpus


def test_misfit_names_what_is_lacking_when_unschedulable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    machine = Machine(tmp_path, GpuNode(labels={"accelerator": "nvidia"}))
    assert machine.misfit({}, {}) == ""
    assert machine.misfit({"kubernetes.io/os": machine.labels["kubernetes.io/os"]}, {}) == ""
    reason = machine.misfit({"accelerator": "nvidia"}, {"nvidia.com/gpu": 1})
    assert "no label accelerator=nvidia" in reason
    assert "1 nvidia.com/gpu wanted, it has 0" in reason


def test_gpu_is_lent_to_one_when_two_ask(two_gpus: Path) -> None:
    here, there = Machine(two_gpus), Machine(two_gpus)
    first = here.lend_gpus(1)
    assert first
    assert [loan.name for loan in first] == ["0"]
    assert there.lend_gpus(2) is None
    second = there.lend_gpus(1)
    assert second
    assert [loan.name for loan in second] == ["1"]
    assert here.lend_gpus(1) is None
    first[0].release()
    again = there.lend_gpus(1)
    assert again
    for loan in [*second, *again]:
        loan.release()


def test_lock_is_free_when_given_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    loan = machine.lend("mutex-models/a b")
    assert loan
    assert machine.lend("mutex-models/a b") is None
    loan.release()
    again = machine.lend("mutex-models/a b")
    assert again
    again.release()
