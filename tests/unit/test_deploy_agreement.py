"""What rounding can change in an answer is no evidence, and what a broken server does is found."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steps.deploy.agreement import MOST_CANDIDATES, Box, Expected, disagreement
from steps.runtime import Defaults, ModelCard, ModelOutput
from steps.runtime.outputs import read_yolo
from tests.factories_model import make_card

Results = Sequence[dict[str, Any]]
Floats = NDArray[np.float32]
CARD = make_card(defaults=Defaults(confidence=0.4, per_class={"helicopter": 0.2}))


def expected(x: float = 10, score: float = 0.8, label: int = 0) -> dict[str, Any]:
    return {"xyxy": [x, 10, x + 40, 50], "label": label, "name": "plane", "score": score}


def found(x: float = 10, score: float = 0.8, label: int = 0) -> dict[str, Any]:
    return {"class": label, "name": "plane", "confidence": score, "box": {"x1": x, "y1": 10, "x2": x + 40, "y2": 50}}


def compare(theirs: Results, ours: Results, candidates: Results = (), card: ModelCard = CARD) -> str:
    return disagreement(Expected.model_validate({"boxes": theirs}), ours, [*ours, *candidates], card)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([], []),
        ([expected()], [found()]),
        ([expected()], [found(x=10.5, score=0.79)]),
        ([expected(), expected(x=100, label=1)], [found(x=100, label=1), found()]),
        ([expected(), expected(x=100, score=0.41)], [found()]),
        ([expected()], [found(), found(x=100, score=0.41)]),
    ],
)
def test_answers_agree_when_boxes_are_the_same_but_for_the_last_digits(theirs: Results, ours: Results) -> None:
    assert compare(theirs, ours) == ""


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ([expected()], [], "is expected but was not found"),
        ([], [found()], "was found but is not expected"),
        ([expected()], [found(label=1)], "class 0 with score 0.800 at [10.0, 10.0, 50.0, 50.0] is expected"),
        ([expected()], [found(x=15)], "is expected"),
        ([expected()], [found(score=0.6)], "is expected"),
        ([expected(score=0.3, label=1)], [], "class 1 with score 0.300"),
        ([expected()], [found(), found(x=100)], "class 0 with score 0.800 at [100.0, 10.0, 140.0, 50.0] was found"),
    ],
)
def test_box_is_named_when_it_has_no_partner(theirs: Results, ours: Results, words: str) -> None:
    assert words in compare(theirs, ours)


def test_suppression_may_keep_the_other_of_two_equal_boxes() -> None:
    theirs, ours = [expected(x=10), expected(x=21)], [found(x=15)]
    assert compare(theirs, ours, [found(x=10), found(x=21)]) == ""
    assert "is expected but was not found" in compare(theirs, ours)  # It is not among the candidates.
    weaker = [found(x=15, score=0.7)]  # It cannot have suppressed them.
    assert "was found but not answered" in compare(theirs, weaker, [found(x=10), found(x=21)])


def test_suppression_is_missed_when_the_server_does_not_do_it() -> None:
    # 32 of 48 pixels are shared, 0.67: next to the threshold. 37 of 43, 0.86: far above it.
    assert compare([expected()], [found(), found(x=18, score=0.6)]) == ""
    assert "was found but is not expected" in compare([expected()], [found(), found(x=13, score=0.6)])


def test_dropped_boxes_are_missed_though_the_server_has_them_as_candidates() -> None:
    assert "was found but not answered" in compare([expected()], [], [found()])
    both = [expected(), expected(x=30, score=0.6)]  # A third is shared: no reason to drop it.
    assert "was found but not answered" in compare(both, [found()], [found(x=30, score=0.6)])


def test_networks_that_select_themselves_have_no_suppression_to_explain_a_box() -> None:
    card = CARD.model_copy(update={"output": ModelOutput(layout="end2end")})
    assert "is expected, and was found" in compare([expected(x=10)], [found(x=15)], [found(x=10)], card)


def test_limit_cuts_at_any_of_equal_boxes() -> None:
    card = make_card(defaults=Defaults(confidence=0.1, max_detections=2))
    rows = [(0, 0.9), (100, 0.5), (200, 0.5)]
    theirs, ours = [expected(*rows[0]), expected(*rows[1])], [found(*rows[0]), found(*rows[2])]
    assert compare(theirs, ours, [found(*rows[1])], card) == ""
    assert "answered" in compare(theirs, ours[1:], [found(*row) for row in rows], card)


def test_more_candidates_than_can_be_asked_for_are_no_evidence_at_the_end() -> None:
    card = make_card(defaults=Defaults(confidence=0.1))
    many = [found(x=50 * at, score=0.5) for at in range(MOST_CANDIDATES)]
    theirs = [expected(x=50 * at, score=0.5) for at in range(MOST_CANDIDATES + 300)][-300:]
    assert compare(theirs, many[:300], many[300:], card) == ""
    assert "was not found" in compare([expected(x=-100, score=0.7)], many[:300], many[300:], card)


def test_weak_scores_are_held_to_half_of_them() -> None:
    card = make_card(defaults=Defaults(confidence=0.002))
    assert compare([expected(score=0.02)], [found(score=0.015)], (), card) == ""
    assert "score 0.020" in compare([expected(score=0.02)], [found(score=0.003)], (), card)


class Machine:
    """A network's raw output, full of equal boxes and scores, as rounding leaves it on one machine."""

    def __init__(self, seed: int, machine: int) -> None:
        draw, rounding = np.random.default_rng(seed), np.random.default_rng(machine)
        centers = draw.uniform(40, 280, (12, 2)).repeat(12, axis=0) + draw.integers(-3, 4, (144, 2)) * 4
        scores = np.full((144, 2), 0.05) + draw.integers(0, 3, (12, 2)).repeat(12, axis=0) * 0.3
        output = np.concatenate((centers, np.full((144, 2), 40), scores), axis=1).T[None]
        self.output = np.asarray(output + rounding.uniform(-1e-5, 1e-5, output.shape), np.float32)

    def answer(self, change: Callable[[Floats], Floats] = lambda output: output, **how: Any) -> list[dict[str, Any]]:
        boxes = read_yolo(change(self.output), **{"confidence": 0.3, "iou": 0.7, "max_detections": 300, **how})
        rows = zip(boxes.labels.tolist(), boxes.scores.tolist(), boxes.xyxy.tolist(), strict=True)
        return [
            {"class": label, "confidence": score, "box": dict(zip(("x1", "y1", "x2", "y2"), xyxy, strict=True))}
            for label, score, xyxy in rows
        ]

    def expected(self) -> Expected:
        rows = [
            {"label": box["class"], "score": box["confidence"], "xyxy": list(box["box"].values())}
            for box in self.answer()
        ]
        return Expected.model_validate({"boxes": rows})

    def equals(self, box: Box) -> frozenset[int]:
        center = np.array([(box.xyxy[0] + box.xyxy[2]) / 2, (box.xyxy[1] + box.xyxy[3]) / 2])
        scores = self.output[0, 4:, np.abs(self.output[0, :2].T - center).max(axis=1) < 0.1]
        near = (np.abs(scores - box.score) < 0.05).any(axis=0)
        return box.labels | frozenset(map(int, np.flatnonzero(near)))


def differs(
    here: Machine, there: Machine, change: Callable[[Floats], Floats] = lambda output: output, **how: Any
) -> str:
    candidates = there.answer(change, iou=1, max_detections=MOST_CANDIDATES)
    card = make_card(defaults=Defaults(confidence=0.3))
    return disagreement(here.expected(), there.answer(change, **how), candidates, card, here.equals)


def places(machine: Machine) -> NDArray[np.float64]:
    return np.array([list(box["box"].values()) for box in machine.answer()]).round(1)


@pytest.mark.parametrize("seed", range(20))
def test_rounding_is_no_disagreement_though_it_changes_what_suppression_keeps(seed: int) -> None:
    here, there = Machine(seed, 1), Machine(seed, 2)
    one, other = places(here), places(there)
    assert one.shape != other.shape or np.abs(one - other).max() > 1  # A naive comparison would refuse it.
    assert differs(here, there) == ""


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda output: output + np.array([[[0], [12], [0], [0], [0], [0]]], np.float32), id="letterbox"),
        pytest.param(lambda output: output[:, [1, 0, 3, 2, 4, 5]], id="axes"),
        pytest.param(lambda output: output * np.array([[[1], [1], [1], [1], [0], [0]]], np.float32), id="scores 0"),
        pytest.param(lambda output: output * np.array([[[1], [1], [1], [1], [0.8], [0.8]]], np.float32), id="weaker"),
        pytest.param(lambda output: output * np.array([[[1], [1], [0.8], [0.8], [1], [1]]], np.float32), id="smaller"),
        pytest.param(lambda output: output[..., 12:], id="places missing"),
    ],
)
def test_a_broken_server_is_found_among_equal_boxes(seed: int, change: Callable[[Floats], Floats]) -> None:
    assert differs(Machine(seed, 1), Machine(seed, 2), change) != ""


@pytest.mark.parametrize("seed", range(5))
def test_swapped_classes_are_found_among_equal_boxes(seed: int) -> None:
    assert differs(Machine(seed, 1), Machine(seed, 2), lambda output: output[:, [0, 1, 2, 3, 5, 4]]) != ""
