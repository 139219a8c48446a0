import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.report.documents import Notes
from steps.report.submission import failures_of, parameters_of
from tests.factories_report import failed_node

NODE = failed_node("cpu", "train-cpu", "main: Error (exit code 2)", after=3)


@pytest.mark.parametrize("text", ["", "  ", "null", '"null"', "[]", '"[]"', '""'])
def test_nothing_failed_when_the_engine_says_so(text: str) -> None:
    notes = Notes()
    assert failures_of(text, notes) == []
    assert notes.texts == []


@pytest.mark.parametrize("times", [1, 2, 3])
def test_failures_are_read_when_encoded_several_times(times: int) -> None:
    text: Any = [NODE, 7, None]
    for _ in range(times):
        text = json.dumps(text)
    (found,) = failures_of(text, Notes())
    assert (found.name, found.template, found.step, found.phase) == ("cpu", "train-cpu", "train", "Failed")


def test_failures_are_shown_as_they_came_when_they_are_no_json() -> None:
    notes = Notes()
    (found,) = failures_of("node train: password=hunter2 {", notes)
    assert found.message == "node train: password=*** {"
    assert notes.texts


@pytest.mark.parametrize(
    "given",
    [
        [{"name": "epochs", "value": "3"}, {"name": "api-key", "value": "hunter2"}],
        {"epochs": 3, "api-key": "hunter2"},
    ],
)
def test_parameters_are_read_when_they_are_a_list_or_an_object(given: Any) -> None:
    for text in (json.dumps(given), json.dumps(json.dumps(given))):
        assert parameters_of(text, Notes()) == {"epochs": "3", "api-key": "***"}


@pytest.mark.parametrize("text", ["7", "no json", '"text"', "true"])
def test_parameters_are_noted_when_they_are_something_else(text: str) -> None:
    notes = Notes()
    assert parameters_of(text, notes) == {}
    assert notes.texts


@given(st.text())
def test_nothing_is_raised_when_the_text_is_anything(text: str) -> None:
    parameters_of(text, Notes())
    failures_of(text, Notes())
