"""TorchScript: for libtorch and for torch without ultralytics."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from steps.export.network import Network
from steps.runtime.card import ModelInput
from steps.runtime.detector import Backend

FILE = "model.torchscript"


def write(network: Network, folder: Path) -> None:
    """Trace and write one file."""
    traced = torch.jit.trace(network.module, network.example(), strict=False, check_trace=False)
    traced.save(str(folder / FILE))


class _Script:
    def __init__(self, path: Path) -> None:
        self._module = torch.jit.load(str(path), map_location="cpu")

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            answer: NDArray[np.float32] = self._module(torch.from_numpy(tensor)).numpy()
        return answer


def open_backend(path: Path, _expected: ModelInput) -> Backend:
    """Load the file into torch."""
    return _Script(path)
