"""Where ONNX Runtime runs a network: on a GPU when its build and the machine can."""

import ctypes

import onnxruntime
import pytest

from steps.runtime import onnx_session
from steps.runtime.onnx_session import CPU, CUDA, providers


@pytest.fixture
def preloaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretend the build for CUDA; the list is filled when its libraries are loaded."""
    told: list[str] = []
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["TensorrtExecutionProvider", CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: told.append("loaded"))
    return told


def test_processor_is_taken_when_the_build_knows_no_other() -> None:
    assert providers() == [CPU]


def test_gpu_comes_first_when_there_is_a_driver(preloaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: {onnx_session.DRIVER: object()}[name])
    assert providers() == [CUDA, CPU]
    assert preloaded == ["loaded"]


def test_it_is_said_when_the_build_is_for_gpus_and_there_is_none(
    preloaded: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnx_session, "DRIVER", "libcuda-of-nobody.so.1")
    assert providers() == [CPU]
    assert preloaded == []
    assert "there is no GPU: libcuda-of-nobody.so.1: cannot open shared object file" in caplog.text
