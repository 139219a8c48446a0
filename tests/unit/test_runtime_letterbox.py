"""The network sees at inference what it saw in training: the same pixels, and boxes come back the same way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ultralytics.data.augment import LetterBox
from ultralytics.utils.ops import scale_boxes

from steps.detection import Detections
from steps.runtime.letterbox import Placement, letterbox

sides = st.integers(1, 400)
targets = st.sampled_from([(32, 32), (96, 96), (160, 160), (128, 96), (96, 160)])


def _noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)


@settings(deadline=None)
@given(sides, sides, targets)
def test_pixels_are_those_of_ultralytics_for_any_size(width: int, height: int, target: tuple[int, int]) -> None:
    image = _noise(width, height)
    ours, _ = letterbox(image, target, 114)
    theirs = LetterBox(new_shape=target[::-1], auto=False, scaleup=True)(image=image.copy())
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("size", [(2000, 3), (3, 2000), (1, 1), (160, 160), (80, 160), (161, 159)])
def test_pixels_are_those_of_ultralytics_when_the_size_is_odd(size: tuple[int, int]) -> None:
    image = _noise(*size)
    ours, _ = letterbox(image, (160, 160), 114)
    np.testing.assert_array_equal(ours, LetterBox(new_shape=(160, 160), auto=False)(image=image.copy()))


@settings(deadline=None)
@given(sides, sides, targets, st.lists(st.tuples(*[st.floats(-20, 200, width=32)] * 4), max_size=5))
def test_boxes_come_back_as_in_ultralytics_for_any_size(
    width: int, height: int, target: tuple[int, int], rows: list[tuple[float, ...]]
) -> None:
    xyxy = np.array(rows, np.float32).reshape(-1, 4)
    found = Detections(xyxy, np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64))
    ours = Placement.fit((width, height), target).restore(found).xyxy
    theirs = scale_boxes(target[::-1], xyxy.copy(), (height, width))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-3)


@settings(deadline=None)
@given(sides, sides, targets, st.floats(0, 1), st.floats(0, 1))
def test_a_box_comes_back_to_where_it_was_and_inside_the_image(
    width: int, height: int, target: tuple[int, int], a: float, b: float
) -> None:
    place = Placement.fit((width, height), target)
    left, top = width * min(a, b), height * min(a, b)
    right, bottom = width * max(a, b), height * max(a, b)
    gain = place.scaled[0] / width, place.scaled[1] / height
    inside = [
        left * gain[0] + place.left,
        top * gain[1] + place.top,
        right * gain[0] + place.left,
        bottom * gain[1] + place.top,
    ]
    found = Detections(np.array([inside], np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    np.testing.assert_allclose(place.restore(found).xyxy[0], [left, top, right, bottom], atol=2e-2, rtol=1e-4)
    outside = Detections(np.array([[-1e6, -1e6, 1e6, 1e6]], np.float32), found.scores, found.labels)
    assert place.restore(outside).xyxy[0].tolist() == [0, 0, width, height]
