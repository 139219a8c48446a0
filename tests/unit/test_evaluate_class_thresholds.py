"""A class gets a threshold of its own where that pays on images that it was not chosen on."""

import numpy as np
import pytest

from steps.detection import Detections
from steps.evaluate.class_thresholds import LEAST_BOXES
from steps.evaluate.scoring import choose_thresholds

CLASSES = ("cat", "dog")
IMAGES = 300


def images(
    seed: int, right: tuple[float, float], wrong: tuple[float, float], count: int = IMAGES
) -> tuple[list[Detections], list[Detections]]:
    """Images with one cat and one dog each, found with a score near `right` of the class, and a false box near `wrong`."""
    generator = np.random.default_rng(seed)
    labels = np.array([0, 1])
    places = np.array([(0, 0, 20, 20), (50, 50, 90, 90)], np.float32)
    truth = Detections(places, np.ones(2, np.float32), labels)
    found = [
        Detections(
            np.concatenate((places, places + 100)),
            generator.normal((*right, *wrong), 0.1).clip(0.01, 0.99).astype(np.float32),
            np.tile(labels, 2),
        )
        for _ in range(count)
    ]
    return [truth] * count, found


def test_the_class_that_differs_has_the_threshold_that_parts_its_right_from_its_wrong() -> None:
    truths, found = images(0, right=(0.8, 0.4), wrong=(0.5, 0.1))
    chosen = choose_thresholds(truths, found, CLASSES)
    assert chosen is not None
    common, own = chosen
    # The common one is a dog's, as cats lose less by it than dogs by that of cats.
    assert 0.2 < common < 0.35
    assert own.keys() == {"cat"}
    assert 0.55 < own["cat"] < 0.75


def test_own_threshold_is_better_on_other_images_than_the_common_one() -> None:
    chosen = choose_thresholds(*images(1, right=(0.8, 0.4), wrong=(0.5, 0.1)), CLASSES)
    assert chosen is not None
    common, own = chosen
    _, found = images(2, right=(0.8, 0.4), wrong=(0.5, 0.1))

    def f1(label: int, threshold: float) -> float:
        scores = np.array([each.scores[[label, label + 2]] for each in found])
        true, false = (scores > threshold).sum(axis=0)
        return float(2 * true / (true + false + IMAGES))

    for label, name in enumerate(CLASSES):
        assert f1(label, own.get(name, common)) > f1(label, common) - 0.01
    assert max(f1(label, own[name]) - f1(label, common) for label, name in enumerate(CLASSES) if name in own) > 0.03


@pytest.mark.parametrize("seed", range(5))
def test_no_class_has_its_own_threshold_when_classes_do_not_differ(seed: int) -> None:
    chosen = choose_thresholds(*images(seed, right=(0.6, 0.6), wrong=(0.45, 0.45)), CLASSES)
    assert chosen is not None
    assert chosen[1] == {}


def test_no_class_has_its_own_threshold_when_it_has_few_boxes() -> None:
    few = images(0, right=(0.8, 0.4), wrong=(0.5, 0.1), count=LEAST_BOXES - 1)
    chosen = choose_thresholds(*few, CLASSES)
    assert chosen is not None
    assert chosen[1] == {}


def test_threshold_is_common_when_all_boxes_of_a_class_are_on_one_image() -> None:
    places = np.array([(x, y, x + 5, y + 5) for x in range(0, 100, 10) for y in range(0, 100, 10)], np.float32)
    truth = Detections(places, np.ones(100, np.float32), np.zeros(100, np.int64))
    chosen = choose_thresholds([truth, Detections.empty()], [truth, Detections.empty()], CLASSES)
    assert chosen is not None
    assert chosen[1] == {}
