"""OpenVINO's intermediate representation: the fastest on Intel CPUs."""

from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from steps.export.formats import onnx
from steps.export.network import Network
from steps.runtime.card import ModelInput
from steps.runtime.detector import Backend

FILE = "model.xml"


def write(_network: Network, folder: Path) -> None:
    """Convert the ONNX file beside, which needs no second tracing and none of OpenVINO's Python converter."""
    model = openvino.Core().read_model(str(folder.parent / "onnx" / onnx.FILE))
    openvino.save_model(model, str(folder / FILE), compress_to_fp16=False)


class _Compiled:
    def __init__(self, path: Path) -> None:
        # float32 for the check: on CPUs with bfloat16, OpenVINO's default rounds.
        self._model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._model(tensor)[0]
        return answer


def open_backend(path: Path, _expected: ModelInput) -> Backend:
    """Load the file into OpenVINO."""
    return _Compiled(path)
