import numpy as np
import pytest
from numpy.typing import NDArray

from steps.detection import Detections
from steps.errors import ModelError
from steps.export.agreement import check_boxes, score_difference
from steps.export.format_names import choose_formats, known_formats
from steps.runtime.card import ModelOutput

YOLO, END2END = ModelOutput(layout="yolo"), ModelOutput(layout="end2end")


def _detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


BOX = (10, 10, 50, 50, 0.9, 1)


def _output(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(shape, np.float32)


def test_score_difference_looks_at_scores_alone() -> None:
    wanted = _output(0, 1, 6, 20)
    found = wanted.copy()
    found[:, :4] += 100
    found[0, 5, 7] += 0.005
    assert score_difference(YOLO, wanted, found) == pytest.approx(0.005, abs=1e-6)


def test_score_difference_ignores_the_order_of_equal_boxes_when_suppressed_inside() -> None:
    wanted = _output(0, 1, 20, 6)
    assert score_difference(END2END, wanted, wanted[:, ::-1]) == 0


def test_score_difference_refuses_when_too_large() -> None:
    wanted = _output(0, 1, 6, 20)
    with pytest.raises(ModelError, match=r"a score differs by 0\.100"):
        score_difference(YOLO, wanted, wanted + np.float32(0.1))


def test_score_difference_refuses_when_shapes_differ() -> None:
    with pytest.raises(ModelError, match=r"answers with \[1, 6, 19\], the checkpoint with \[1, 6, 20\]"):
        score_difference(YOLO, _output(0, 1, 6, 20), _output(0, 1, 6, 19))


def test_score_difference_refuses_when_values_are_not_finite() -> None:
    wanted = _output(0, 1, 6, 20)
    found = wanted.copy()
    found[0, 5, 3] = np.nan
    with pytest.raises(ModelError, match="not finite"):
        score_difference(YOLO, wanted, found)


def test_boxes_agree_when_they_moved_by_less_than_a_pixel() -> None:
    check_boxes(_detections(BOX), _detections((10.4, 10, 50, 50.4, 0.905, 1), (0, 0, 5, 5, 0.5, 0)))


@pytest.mark.parametrize(
    "other",
    [(20, 10, 60, 50, 0.9, 1), (10, 10, 50, 50, 0.9, 0), (10, 10, 50, 50, 0.85, 1)],
    ids=["box", "class", "score"],
)
def test_boxes_disagree_when_place_class_or_score_differ(other: tuple[float, float, float, float, float, int]) -> None:
    with pytest.raises(ModelError, match=r"finds class 1 with score 0\.900 at \[10.0, 10.0, 50.0, 50.0\]"):
        check_boxes(_detections(BOX), _detections(other))


def test_weak_boxes_are_compared_when_there_are_no_strong_ones() -> None:
    weak = (10, 10, 50, 50, 0.01, 1)
    with pytest.raises(ModelError, match="exported file does not"):
        check_boxes(_detections(weak), _detections())
    check_boxes(_detections(weak), _detections(weak))
    check_boxes(_detections(), _detections(weak))


def test_formats_are_the_modules_of_the_folder() -> None:
    assert known_formats() == ["onnx", "openvino", "torchscript"]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("", ["onnx"]), ("onnx", ["onnx"]), (" OpenVINO ,onnx, openvino,", ["onnx", "openvino"])],
)
def test_onnx_comes_first_and_nothing_twice(text: str, chosen: list[str]) -> None:
    assert choose_formats(text) == chosen
