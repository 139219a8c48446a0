"""Arm (d): LitServe, tuned: one worker for the one core, requests passed on through its fast queue, the same detector.

Run by the Python of the bench's own environment: `serve_litserve.py PORT MODEL`.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from fastapi import Request

from steps.runtime import Detector
from tests.bench.serve_answer import rows

litserve: Any = import_module("litserve")


class Api(litserve.LitAPI):  # type: ignore[misc]
    """Takes multipart, as LitServe's own examples for pictures do; it knows no raw bodies."""

    def setup(self, _device: str) -> None:
        """Load the model in the worker."""
        cv2.setNumThreads(1)
        self.detector = Detector.load(Path(sys.argv[2]))

    def decode_request(self, request: Request) -> Any:
        """Decode the picture; what is called a request here is its form by now."""
        form: Any = request
        return cv2.imdecode(np.frombuffer(form["file"].file.read(), np.uint8), cv2.IMREAD_COLOR)

    def predict(self, image: Any) -> Any:
        """Find boxes."""
        return self.detector.detect(image)

    def encode_response(self, found: Any) -> dict[str, Any]:
        """Answer with JSON."""
        return {"results": rows(found)}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", devices=1, workers_per_device=1, timeout=120, fast_queue=True)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
