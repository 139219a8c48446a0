from typing import Any

import pytest

from steps.deploy.agreement import Expected, disagreement
from steps.runtime import Defaults
from tests.factories_model import make_card

CARD = make_card(defaults=Defaults(confidence=0.4, per_class={"helicopter": 0.2}))


def expected(x: float = 10, score: float = 0.8, label: int = 0) -> dict[str, Any]:
    return {"xyxy": [x, 10, x + 40, 50], "label": label, "name": "plane", "score": score}


def found(x: float = 10, score: float = 0.8, label: int = 0) -> dict[str, Any]:
    return {"class": label, "name": "plane", "confidence": score, "box": {"x1": x, "y1": 10, "x2": x + 40, "y2": 50}}


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
def test_answers_agree_when_boxes_are_the_same_but_for_the_last_digits(
    theirs: list[dict[str, Any]], ours: list[dict[str, Any]]
) -> None:
    assert disagreement(Expected.model_validate({"boxes": theirs}), ours, CARD) == ""


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ([expected()], [], "is expected but was not found"),
        ([], [found()], "was found but is not expected"),
        ([expected()], [found(label=1)], "class 0 with score 0.800 at [10.0, 10.0, 50.0, 50.0] is expected"),
        ([expected()], [found(x=15)], "is expected"),
        ([expected()], [found(score=0.6)], "is expected"),
        ([expected(score=0.3, label=1)], [], "class 1 with score 0.300"),
        ([expected()], [found(), found(x=100)], "class 0 with score 0.800 at [100, 10, 140, 50] was found"),
    ],
)
def test_box_is_named_when_it_has_no_partner(
    theirs: list[dict[str, Any]], ours: list[dict[str, Any]], words: str
) -> None:
    assert words in disagreement(Expected.model_validate({"boxes": theirs}), ours, CARD)
