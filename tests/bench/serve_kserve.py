"""Arm (f): a plain model of the KServe SDK, as its documentation shows one, with the same detector.

Run by the Python of the bench's own environment: `serve_kserve.py PORT MODEL`.
"""

import base64
import logging
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from steps.runtime import Detector
from tests.bench.serve_answer import NAME, rows

kserve: Any = import_module("kserve")


class Model(kserve.Model):  # type: ignore[misc]
    """Takes V1: a picture as base64."""

    def __init__(self) -> None:
        super().__init__(NAME)
        cv2.setNumThreads(1)
        self.detector = Detector.load(Path(sys.argv[2]))
        self.ready = True

    def predict(self, payload: Any, _headers: Any = None, _response_headers: Any = None) -> dict[str, Any]:
        """Decode, find boxes, answer."""
        answers = []
        for instance in payload["instances"]:
            content = base64.b64decode(instance["image"]["b64"])
            image: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            answers.append(rows(self.detector.detect(image)))
        return {"predictions": answers}


if __name__ == "__main__":
    logging.disable(logging.INFO)
    kserve.ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, access_log_format=None).start([Model()])
