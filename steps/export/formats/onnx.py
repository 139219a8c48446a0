"""ONNX: one file, for ONNX Runtime and for most converters."""

from pathlib import Path

import onnx
import onnxslim
import torch

from steps.export.network import Network
from steps.runtime.card import ModelInput
from steps.runtime.detector import Backend
from steps.runtime.onnx_session import OnnxSession

FILE = "model.onnx"

OPSET = 17
"""The newest that TensorRT 8, RKNN and OpenVINO of several years read as well as ONNX Runtime."""


def write(network: Network, folder: Path) -> None:
    """Trace, simplify, and write one file without external data.

    The shape is fixed, one image at a time: runtimes plan memory and fuse best for it, edge devices take nothing else,
    and a server that has several requests at once runs them side by side on its cores.
    """
    path = folder / FILE
    torch.onnx.export(
        network.module,
        (network.example(),),
        str(path),
        opset_version=OPSET,
        input_names=["images"],
        output_names=["output0"],
        dynamo=False,  # The newer exporter needs onnxscript and seconds more, for the same graph.
    )
    onnx.save(onnxslim.slim(onnx.load(path)), path)


def open_backend(path: Path, expected: ModelInput) -> Backend:
    """Load the file into ONNX Runtime."""
    return OnnxSession(path, expected, threads=0)
