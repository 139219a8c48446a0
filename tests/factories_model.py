"""A model that needs no training: an ONNX graph that always finds the same boxes, weaker on a darker picture."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from steps.registry import Lineage, Registry
from steps.runtime import Defaults, ModelCard, ModelFormat, ModelInput, ModelOutput, file_digest

CLASSES = ("plane", "helicopter")


@dataclass(frozen=True, slots=True)
class Fixed:
    """A box that the model finds: xyxy in pixels of the square input, score on a picture with a white pixel."""

    xyxy: tuple[float, float, float, float]
    label: int
    score: float


BOXES = (Fixed((8, 16, 24, 32), 0, 0.9), Fixed((30, 20, 60, 44), 1, 0.6), Fixed((9, 16, 24, 32), 0, 0.5))
"""In 64 × 64 pixels. The last overlaps the first by 0.94, and is dropped at the usual IoU of 0.7."""


def write_onnx(path: Path, *, size: int = 64, boxes: Sequence[Fixed] = BOXES, classes: Sequence[str] = CLASSES) -> None:
    """Write a network with ultralytics' output [1, 4 + classes, N]: scores are multiplied by the brightest value."""
    places = np.zeros((1, 4, len(boxes)), np.float32)
    scores = np.zeros((1, len(classes), len(boxes)), np.float32)
    for index, box in enumerate(boxes):
        left, top, right, bottom = box.xyxy
        places[0, :, index] = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
        scores[0, box.label, index] = box.score
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["images"], ["light"], keepdims=0),
            helper.make_node("Mul", ["scores", "light"], ["lit"]),
            helper.make_node("Concat", ["places", "lit"], ["output0"], axis=1),
        ],
        "fixed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + len(classes), len(boxes)])],
        [numpy_helper.from_array(places, "places"), numpy_helper.from_array(scores, "scores")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def write_model(
    folder: Path, *, size: int = 64, boxes: Sequence[Fixed] = BOXES, defaults: Defaults | None = None
) -> Path:
    """Write a model folder as `export` leaves it: card, ONNX file, golden image and its boxes. Return `folder`."""
    write_onnx(folder / "onnx" / "model.onnx", size=size, boxes=boxes)
    (folder / "golden").mkdir()
    cv2.imwrite(str(folder / "golden" / "image.jpg"), np.full((size, size, 3), 255, np.uint8))
    expected = [
        {"xyxy": box.xyxy, "label": box.label, "name": CLASSES[box.label], "score": box.score} for box in boxes[:2]
    ]
    (folder / "golden" / "expected.json").write_text(json.dumps({"boxes": expected}))
    files = {
        path.relative_to(folder).as_posix(): file_digest(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    make_card(size=size, defaults=defaults).model_copy(update={"files": files}).write(folder)
    return folder


def make_card(*, size: int = 64, defaults: Defaults | None = None) -> ModelCard:
    """The card of such a model, without its files."""
    return ModelCard(
        classes=CLASSES,
        input=ModelInput(width=size, height=size),
        output=ModelOutput(layout="yolo"),
        formats={"onnx": ModelFormat(file="onnx/model.onnx", checked=True)},
        files={},
        created="2026-01-01T00:00:00+00:00",
        base_model="none",
        defaults=defaults,
    )


def publish_model(registry: Path, model: Path, *, name: str = "planes") -> int:
    """Publish the model folder `model` in the registry folder `registry`, and return the number of the version."""
    archive = model.parent / "results.tar"
    archive.write_bytes(b"")
    lineage = Lineage(run=f"test {model}", metrics={"map50": 0.91})
    published = Registry.open(str(registry)).publish(
        name, model, lineage, archive=archive, describe=lambda _manifest: "a test"
    )
    return published.manifest.version
