"""A detector from a model folder, on a real ONNX file."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from steps.errors import ModelError
from steps.runtime import Detector
from tests.factories_color import COLORS, paint, write_color_model

LAYOUTS: tuple[Literal["yolo", "end2end"], ...] = ("yolo", "end2end")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(160, 120), (120, 160), (64, 64), (500, 40)])
def test_patches_are_found_where_they_are_for_both_layouts_and_any_shape(
    tmp_path: Path, layout: Literal["yolo", "end2end"], size: tuple[int, int]
) -> None:
    detector = Detector.load(write_color_model(tmp_path, layout=layout), threads=1)
    patches = {"red": (4, 8, 24, 32), "blue": (34, 12, 60, 38)}
    found = detector.detect(paint(list(patches.items()), size=size))
    assert {COLORS[label] for label in found.labels} == set(patches)
    for xyxy, label in zip(found.xyxy, found.labels, strict=True):
        # Scaling smears the edge over a pixel of the input.
        np.testing.assert_allclose(xyxy, patches[COLORS[label]], atol=1.5 * max(size) / 128 + 0.5)
    assert (found.scores > 0.9).all()


def test_nothing_is_found_on_an_empty_image_and_above_an_unreached_confidence(tmp_path: Path) -> None:
    detector = Detector.load(write_color_model(tmp_path), threads=1)
    assert len(detector.detect(paint([]))) == 0
    assert len(detector.detect(paint([("red", (0, 0, 40, 40))]), confidence=0.999_999)) <= 1
    assert len(detector.detect(paint([("red", (0, 0, 40, 40)), ("blue", (60, 0, 99, 40))]), max_detections=1)) == 1


def test_answers_are_the_same_when_threads_share_a_detector(tmp_path: Path) -> None:
    detector = Detector.load(write_color_model(tmp_path))
    images = [paint([("green", (index, index, index + 30, index + 30))]) for index in range(40)]
    alone = [detector.detect(image).xyxy.tolist() for image in images]
    with ThreadPoolExecutor(8) as pool:
        assert [found.xyxy.tolist() for found in pool.map(detector.detect, images)] == alone


def test_what_can_run_is_named_when_a_format_cannot(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'rknn' cannot run here; this model has \['onnx'\]"):
        Detector.load(write_color_model(tmp_path), format="rknn")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["a", "b"]}, r"answers \[1, 7, 3\], the card says yolo with 2 classes"),
        ({"output": {"layout": "end2end"}}, r"the card says end2end"),
    ],
)
def test_card_and_answer_are_named_when_they_differ(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write_color_model(tmp_path) / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        Detector.load(tmp_path, threads=1).detect(paint([]))


def test_card_and_input_are_named_when_they_differ(tmp_path: Path) -> None:
    path = write_color_model(tmp_path) / "model.json"
    path.write_text(path.read_text().replace('"width": 128', '"width": 64'))
    with pytest.raises(ModelError, match=r"takes an input of \[1, 3, 128, 128\], the card says \[1, 3, 128, 64\]"):
        Detector.load(tmp_path)


def test_it_is_said_when_the_file_is_missing_or_no_network(tmp_path: Path) -> None:
    model = write_color_model(tmp_path) / "onnx" / "model.onnx"
    model.write_bytes(b"")
    with pytest.raises(ModelError, match="does not load"):
        Detector.load(tmp_path)
    model.unlink()
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        Detector.load(tmp_path)
