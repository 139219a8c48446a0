"""ONNX Runtime as the backend: one session, on CUDA where the installed runtime has it, else on the CPU."""

import ctypes
import logging
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.runtime.card import ModelInput
from steps.runtime.cores import available_cores
from steps.runtime.onnx_file import refuse_external_data

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
DRIVER = "libcuda.so.1"
_FATAL = 4


class OnnxSession:
    """An ONNX model in memory. `infer` may be called from several threads."""

    def __init__(self, path: Path, expected: ModelInput, *, threads: int) -> None:
        """Load the model at `path`; `threads` 0 means all cores.

        Raises:
            ModelError: If the file is missing, is no ONNX model, keeps tensors in other files, or takes another input
                than the card says.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}", hint="export the checkpoint again") from None
        refuse_external_data(content, str(path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1
        # Idle threads sleep instead of spinning: what spins takes the core from decoding, and from the other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = _FATAL
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=providers())
        except Exception as error:  # noqa: BLE001  (ONNX Runtime's errors have no common class of their own)
            reason = str(error).splitlines()[0][:200]
            raise ModelError(f"{path} does not load: {reason}", hint="export the checkpoint again") from None
        entry = self._session.get_inputs()[0]
        wanted = [1, expected.channels, expected.height, expected.width]
        fits = len(entry.shape) == 4 and all(
            not isinstance(found, int) or found == size for found, size in zip(entry.shape, wanted, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{path} takes an input of {entry.shape}, the card says {wanted}",
                hint="the card and the file do not belong together: export the checkpoint again",
            )
        self._input = entry.name

    @property
    def name(self) -> str:
        """What runs it: `onnxruntime`, and on which of its providers."""
        return f"onnxruntime {onnxruntime.__version__}, {self._session.get_providers()[0]}"

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on [1, 3, height, width] and return its first output."""
        output: NDArray[np.float32] = self._session.run(None, {self._input: tensor})[0]
        return output


def providers() -> list[str]:
    """Return where the network may run, the fastest first: on a GPU if this build knows how to and there is a driver."""
    if CUDA not in onnxruntime.get_available_providers():
        return [CPU]
    try:
        ctypes.CDLL(DRIVER)
    except OSError as error:
        # Tried all the same, it would print what it thinks of it, and take the CPU.
        logging.getLogger(__name__).warning("this is ONNX Runtime for CUDA, and there is no GPU: %s", error)
        return [CPU]
    # CUDA's libraries are packages of their own, where the loader does not look.
    onnxruntime.preload_dlls()
    return [CUDA, CPU]
