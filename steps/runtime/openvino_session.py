"""OpenVINO as the backend, on the CPU: often the faster one on Intel's."""

import sys
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from steps.errors import ModelError
from steps.runtime.card import ModelInput
from steps.runtime.cores import available_cores

sys.modules.setdefault(
    "openvino_telemetry", cast("Any", None)
)  # It sends statistics at import, unless this is missing.
import openvino  # noqa: E402


class OpenvinoSession:
    """An OpenVINO model in memory. `infer` may be called from several threads."""

    def __init__(self, path: Path, expected: ModelInput, *, threads: int) -> None:
        """Load the `.xml` at `path` with the `.bin` beside it; `threads` 0 means all cores.

        Raises:
            ModelError: If a file is missing or is no OpenVINO model, or it takes another input than the card says.
        """
        cores = threads or available_cores()
        # float32 as it was exported and scored: on processors with bfloat16, OpenVINO would round by itself. Two
        # streams from two cores on: requests that come at once share the cores better than by parting each network.
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": min(cores, 2),
            "ENABLE_CPU_PINNING": False,
        }
        try:
            weights = np.fromfile(path.with_suffix(".bin"), np.uint8)
            core = openvino.Core()
            # Contents, not paths: what was verified is what is read.
            model = core.read_model(path.read_bytes(), openvino.Tensor(weights))
            found = model.input(0).partial_shape
            self._model = core.compile_model(model, "CPU", settings)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}", hint="export the checkpoint again") from None
        except Exception as error:  # noqa: BLE001  (OpenVINO's errors have no common class of their own)
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
            raise ModelError(f"{path} does not load: {reason}", hint="export the checkpoint again") from None
        wanted = [1, expected.channels, expected.height, expected.width]
        if not found.compatible(openvino.PartialShape(wanted)):
            raise ModelError(
                f"{path} takes an input of {found}, the card says {wanted}",
                hint="the card and the file do not belong together: export the checkpoint again",
            )
        self._local = threading.local()

    @property
    def name(self) -> str:
        """What runs it."""
        return f"openvino {openvino.__version__.partition('-')[0]}, CPU"

    def infer(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the network on [1, 3, height, width] and return its first output."""
        if not hasattr(self._local, "request"):  # A request holds one answer at a time: each thread has its own.
            self._local.request = self._model.create_infer_request()
        output: NDArray[np.float32] = self._local.request.infer(tensor)[0]
        return output
