"""A detector that needs no training, and pictures for it: it finds the red, the green and the blue patch of an image.

It is a real ONNX file that ONNX Runtime and ultralytics both run. Its confidence is how pure the colour is.
"""

import hashlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from steps.dataset import Box, Dataset, DatasetWriter, ImageRecord, Splits
from steps.runtime import ModelCard, ModelFormat, ModelInput, ModelOutput, file_digest

COLORS = ("red", "green", "blue")
Layout = Literal["yolo", "end2end"]

_WEAKEST = 0.2
"""Colour is the channel less the greater of the others, 0..1; a patch is where that is more."""


def write_color_model(
    folder: Path,
    *,
    side: int = 128,
    classes: tuple[str, ...] = COLORS,
    layout: Layout = "yolo",
    gains: tuple[float, ...] = (1, 1, 1),
) -> Path:
    """Write a whole model folder, its card included, and return it. Scores of each colour are multiplied by its gain."""
    (folder / "onnx").mkdir(parents=True)
    path = folder / "onnx" / "model.onnx"
    onnx.save(color_network(side, layout, gains), path)
    ModelCard(
        classes=classes,
        input=ModelInput(width=side, height=side),
        output=ModelOutput(layout=layout),
        formats={"onnx": ModelFormat(file="onnx/model.onnx", max_score_difference=0, checked=True)},
        files={"onnx/model.onnx": file_digest(path)},
        created="2026-01-01T00:00:00+00:00",
        base_model="none",
    ).write(folder)
    return folder


def color_network(side: int, layout: Layout = "yolo", gains: tuple[float, ...] = (1, 1, 1)) -> onnx.ModelProto:
    """Return the network: [1, 3, side, side] in, three candidates out, one a colour."""
    nodes = [*_purity(), *_places(), *(_yolo_rows() if layout == "yolo" else _end2end_rows())]
    constants: dict[str, object] = {
        "weakest": np.float32(_WEAKEST),
        "one": np.float32(1),
        "gains": np.array([gains], np.float32),
        "half": np.float32(0.5),
        "eye": np.eye(3, dtype=np.float32)[None],
        "labels": np.arange(3, dtype=np.float32)[None],
        "axis1": np.array([1]),
        "axis2": np.array([2]),
    }
    used = {name for each in nodes for name in each.input}
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 7, 3] if layout == "yolo" else [1, 3, 6])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    # What ultralytics wants to know of an ONNX file before it runs it.
    names, size = str(dict(enumerate(COLORS))), f"[{side}, {side}]"
    properties = {"stride": "32", "task": "detect", "batch": "1", "channels": "3", "imgsz": size, "names": names}
    helper.set_model_props(model, properties)
    return model


def paint(
    boxes: list[tuple[str, tuple[int, int, int, int]]], *, size: tuple[int, int] = (160, 120)
) -> NDArray[np.uint8]:
    """Return an image of `size` (width, height), blue-green-red, with a pure patch of colour at each xyxy."""
    picture = np.full((size[1], size[0], 3), 40, np.uint8)
    for color, (left, top, right, bottom) in boxes:
        picture[top:bottom, left:right] = 0
        picture[top:bottom, left:right, 2 - COLORS.index(color)] = 255
    return picture


def write_color_dataset(
    folder: Path,
    *,
    train: int = 0,
    valid: int = 20,
    test: int = 40,
    seed: int = 0,
    jitter: float = 0.06,
    decoys: bool = False,
) -> Splits:
    """Draw a data set into `folder / "dataset"`, and write `folder / "splits.json"`.

    The truth is imperfect on purpose, so that scores are neither 0 nor 1: labels are off by `jitter` of their sides,
    some patches are not labelled, some labels have no patch, and some images are empty. With `decoys`
    half of the patches are not labelled, and these are the darker ones.
    """
    generator = np.random.default_rng(seed)
    names = [f"{index:04}.png" for index in range(train + valid + test)]
    with DatasetWriter(folder / "dataset", classes=COLORS, source="test", source_format="yolo") as writer:
        for index, name in enumerate(names):
            picture, boxes = _scene(generator, jitter, decoys=decoys, empty=index % 8 == 7)
            cv2.imwrite(str(writer.images / name), picture)
            digest = hashlib.sha256((writer.images / name).read_bytes()).hexdigest()
            height, width = picture.shape[:2]
            record = ImageRecord(file=name, width=width, height=height, sha256=digest, source=name, boxes=boxes)
            writer.add(record)
    splits = Splits(
        seed=seed,
        fractions={},
        train=tuple(names[:train]),
        valid=tuple(names[train : train + valid]),
        test=tuple(names[train + valid :]),
    )
    (folder / "splits.json").write_text(splits.model_dump_json())
    return splits


def write_yolo(folder: Path, dataset: Dataset, splits: Splits) -> Path:
    """Lay `dataset` out as ultralytics reads it, and return the path of its YAML."""
    for split, names in (("train", splits.train), ("valid", splits.valid), ("test", splits.test)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for record in dataset.records():
            if record.file in names:
                image = dataset.image(record)
                (folder / "images" / split / record.file).hardlink_to(image)
                label = folder / "labels" / split / f"{image.stem}.txt"
                label.write_text("".join(_yolo_row(box, record.width, record.height) for box in record.boxes))
    lines = "".join(f"  {index}: {name}\n" for index, name in enumerate(dataset.info.classes))
    yaml = folder / "data.yaml"
    yaml.write_text(f"path: {folder}\ntrain: images/train\nval: images/valid\ntest: images/test\nnames:\n{lines}")
    return yaml


def _purity() -> list[onnx.NodeProto]:
    nodes = [helper.make_node("Split", ["images"], ["r", "g", "b"], axis=1)]
    for own, one, other in (("r", "g", "b"), ("g", "r", "b"), ("b", "r", "g")):
        nodes.append(helper.make_node("Max", [one, other], [f"{own}_others"]))
        nodes.append(helper.make_node("Sub", [own, f"{own}_others"], [f"{own}_purity"]))
    return [
        *nodes,
        helper.make_node("Concat", ["r_purity", "g_purity", "b_purity"], ["purity"], axis=1),
        helper.make_node("Greater", ["purity", "weakest"], ["is_patch"]),
        helper.make_node("Cast", ["is_patch"], ["patch"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["purity", "patch"], ["colored"]),
        helper.make_node("ReduceMax", ["colored"], ["purest"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["purest", "gains"], ["score"]),
    ]


def _places() -> list[onnx.NodeProto]:
    nodes = []
    for name, axis in (("x", 2), ("y", 3)):
        nodes += [
            helper.make_node("ReduceMax", ["patch"], [f"{name}_line"], axes=[axis], keepdims=0),
            helper.make_node("ArgMax", [f"{name}_line"], [f"{name}_first"], axis=2, keepdims=0),
            helper.make_node("ArgMax", [f"{name}_line"], [f"{name}_last"], axis=2, keepdims=0, select_last_index=1),
            helper.make_node("Cast", [f"{name}_first"], [f"{name}1"], to=TensorProto.FLOAT),
            helper.make_node("Cast", [f"{name}_last"], [f"{name}_end"], to=TensorProto.FLOAT),
            helper.make_node("Add", [f"{name}_end", "one"], [f"{name}2"]),
            helper.make_node("Add", [f"{name}1", f"{name}2"], [f"{name}_sum"]),
            helper.make_node("Mul", [f"{name}_sum", "half"], [f"{name}_center"]),
            helper.make_node("Sub", [f"{name}2", f"{name}1"], [f"{name}_side"]),
        ]
    return nodes


def _yolo_rows() -> list[onnx.NodeProto]:
    rows = ("x_center", "y_center", "x_side", "y_side")
    return [
        *(helper.make_node("Unsqueeze", [row, "axis1"], [f"{row}_row"]) for row in rows),
        helper.make_node("Unsqueeze", ["score", "axis2"], ["score_column"]),
        helper.make_node("Mul", ["score_column", "eye"], ["scores"]),
        helper.make_node("Concat", [*(f"{row}_row" for row in rows), "scores"], ["output0"], axis=1),
    ]


def _end2end_rows() -> list[onnx.NodeProto]:
    columns = ("x1", "y1", "x2", "y2", "score", "labels")
    return [
        *(helper.make_node("Unsqueeze", [column, "axis2"], [f"{column}_column"]) for column in columns),
        helper.make_node("Concat", [f"{column}_column" for column in columns], ["output0"], axis=2),
    ]


def _yolo_row(box: Box, width: int, height: int) -> str:
    left, top, right, bottom = box.xyxy
    center = f"{(left + right) / 2 / width} {(top + bottom) / 2 / height}"
    return f"{box.label} {center} {(right - left) / width} {(bottom - top) / height}\n"


def _scene(
    generator: np.random.Generator, jitter: float, *, decoys: bool, empty: bool
) -> tuple[NDArray[np.uint8], tuple[Box, ...]]:
    width, height = (int(side) for side in generator.integers(100, 220, 2))
    picture = generator.integers(20, 60, (height, width, 1), np.uint8).repeat(3, axis=2)
    boxes: list[Box] = []
    rest = 0.55 if decoys else 0.3
    # Each colour has a third of the width to itself: no patch covers another.
    for label in range(0 if empty else 3):
        chance = generator.random()
        if chance < 0.2:
            continue
        third = width // 3
        sides = generator.integers((12, 12), (third - 4, height - 4))
        left = label * third + int(generator.integers(0, third - sides[0]))
        top = int(generator.integers(0, height - sides[1]))
        if chance < 0.9:
            patch = picture[top : top + sides[1], left : left + sides[0]]
            patch[:] = 20
            patch[..., 2 - label] = generator.integers(
                *((90, 256) if not decoys else (140, 256) if chance > rest else (90, 150))
            )
        if chance > rest:
            exact = np.array([left, top, left + sides[0], top + sides[1]])
            off = exact + generator.normal(0, jitter, 4) * np.tile(sides, 2)
            x1, y1, x2, y2 = np.clip(off, 0, [width, height, width, height]).tolist()
            boxes.append(Box(xyxy=(x1, y1, x2, y2), label=label))
    return picture, tuple(boxes)
