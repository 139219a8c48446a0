"""Boxes on pictures."""

import itertools

import numpy as np
import pytest

from steps.detection import Detections, class_color, draw


def _one(xyxy: tuple[float, float, float, float], label: int = 0) -> Detections:
    return Detections(np.array([xyxy], np.float32), np.array([0.5], np.float32), np.array([label]))


def test_the_box_is_drawn_in_the_colour_of_its_class_and_the_original_kept() -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    drawn = draw(image, _one((30, 30, 120, 80), label=1), ["plane", "helicopter"])
    assert not image.any()
    assert tuple(drawn[79:82, 60].max(axis=0)) == class_color(1)
    assert not drawn[60, 60].any()


@pytest.mark.parametrize("xyxy", [(-40, -40, 900, 900), (0, 0, 0, 0), (155, 95, 160, 100), (-9, 20, -2, 40)])
def test_drawing_survives_when_a_box_is_outside_or_empty(xyxy: tuple[float, float, float, float]) -> None:
    image = np.zeros((100, 160, 3), np.uint8)
    assert (
        draw(image, _one(xyxy), ["a class with a name that is wider than the picture it is drawn on"]).shape
        == image.shape
    )


def test_nothing_changes_when_nothing_was_found() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(draw(image, Detections.empty(), []), image)


def test_neighbouring_classes_look_different() -> None:
    colors = [np.array(class_color(label)) for label in range(20)]
    assert all(abs(one - other).max() > 60 for one, other in itertools.pairwise(colors))
