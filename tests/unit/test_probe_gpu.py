from pathlib import Path

import pytest

from steps.probe import run
from steps.probe.contract import PROBE, ProbeInputs
from steps.workspace import Workspace


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH; what is put there as `nvidia-smi` is asked."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "nvidia-smi"


def _probe(tmp_path: Path) -> str:
    return PROBE.load()(ProbeInputs(), Workspace(out=tmp_path, state=tmp_path)).gpu


def _install(tool: Path, body: str) -> None:
    # Not the interpreter of the tests: its path can have a space, which a `#!` line does not take.
    tool.write_text(f"#!/bin/sh\n{body}\n")
    tool.chmod(0o755)


def test_probe_tells_name_and_memory_when_the_driver_answers(tool: Path, tmp_path: Path) -> None:
    _install(tool, "echo 'NVIDIA A10, 23028 MiB'; echo 'NVIDIA T4, 15360 MiB'")
    assert _probe(tmp_path) == "NVIDIA A10, 23028 MiB"


def test_probe_says_unknown_when_there_is_no_driver_tool(tool: Path, tmp_path: Path) -> None:
    assert not tool.exists()
    assert _probe(tmp_path) == "unknown"


def test_probe_says_unknown_when_the_driver_fails(tool: Path, tmp_path: Path) -> None:
    _install(tool, "echo 'NVIDIA-SMI has failed'; exit 9")
    assert _probe(tmp_path) == "unknown"


def test_probe_says_unknown_when_the_driver_hangs(tool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "TIMEOUT_S", 0.2)
    _install(tool, "exec /bin/sleep 30")
    assert _probe(tmp_path) == "unknown"


@pytest.mark.parametrize("told", ["", "\n", " , \n"])
def test_describe_says_unknown_when_the_driver_tells_nothing(told: str) -> None:
    assert run.describe(told) == "unknown"
