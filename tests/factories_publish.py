"""What the `publish` step reads: a model folder, metrics and a checkpoint, small and sound."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps.publish.contract import PUBLISH
from steps.runner import run
from steps.runtime import file_digest

METRICS: dict[str, Any] = {
    "split": "test",
    "images": 12,
    "map50": 0.9,
    "map50_95": 0.5,
    "defaults": {"confidence": 0.3, "per_class": {"plane": 0.45}, "iou": 0.6, "max_detections": 200},
    "precision": 0.8,
    "recall": 1,
    "f1": 0.85,
    "per_class": [
        {"name": "a | <b>", "images": 3, "boxes": 7, "ap50": 0.9, "ap50_95": 0.5, "precision": 0.8, "recall": None}
    ],
}


@dataclass
class Bench:
    """A folder to run the step in, with a model, metrics and a checkpoint."""

    folder: Path

    def __post_init__(self) -> None:
        for name, data in {
            "model/onnx/model.onnx": b"weights",
            "model/golden/image.jpg": b"image",
            "checkpoint/best.pt": b"weights",
            "checkpoint/results.csv": b"epoch\n",
            "metrics/expected.json": b'{"boxes": []}',
        }.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        files = {
            name: hashlib.sha256((self.folder / "model" / name).read_bytes()).hexdigest()
            for name in ("onnx/model.onnx", "golden/image.jpg")
        }
        card = {
            "classes": ["plane", "a`b|<script>"],
            "input": {"width": 160, "height": 160},
            "output": {"layout": "yolo"},
            "formats": {"onnx": {"file": "onnx/model.onnx", "checked": True}},
            "files": files,
            "created": "2026-01-01T00:00:00+00:00",
            "base_model": "https://user:hunter2@host/base.pt",
        }
        (self.folder / "model/model.json").write_text(json.dumps(card))
        self.write_metrics(METRICS | {"model": file_digest(self.folder / "model/model.json")})

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        (self.folder / "metrics/metrics.json").write_text(json.dumps(metrics))

    def publish(self, registry: str, *flags: str) -> int:
        paths = [f"--{name}={self.folder / name}" for name in ("model", "metrics", "checkpoint")]
        return run(PUBLISH, [*paths, f"--registry={registry}", "--model-name=planes", *flags])

    def published(self) -> dict[str, Any]:
        return json.loads((self.folder / "work/out/published").read_bytes())  # type: ignore[no-any-return]
