"""Values are checked against the contracts of the steps that they lead to, wherever on the way they are passed on."""

import json
from typing import Any

import pytest

from workflows.contract_check import check_values
from workflows.local.errors import SubmissionError
from workflows.local.manifest import Manifest

SPLIT = {"image": "core", "command": ["python", "-m", "steps", "split"]}


def document(arguments: list[dict[str, Any]], parameters: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a workflow whose `inner` DAG splits with what `outer` passes on, and is given `arguments`."""
    passed = [{"name": "train-fraction", "value": "{{inputs.parameters.share}}"}, *arguments]
    inputs = [{"name": name, "default": "0.15"} for name in ("train-fraction", "valid-fraction", "test-fraction")]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {
            "entrypoint": "outer",
            "arguments": {"parameters": parameters},
            "templates": [
                {
                    "name": "outer",
                    "steps": [[{"name": "a", "template": "inner", "arguments": {"parameters": [{"name": "share", "value": "{{workflow.parameters.share}}"}]}}]],
                },
                {
                    "name": "inner",
                    "inputs": {"parameters": [{"name": "share"}]},
                    "dag": {"tasks": [{"name": "b", "template": "split", "arguments": {"parameters": passed}}]},
                },
                {"name": "split", "inputs": {"parameters": inputs}, "container": SPLIT, **more},
            ],
        },
    }  # fmt: skip


def check(written: dict[str, Any], given: dict[str, str], *, only_given: bool = False) -> dict[str, str]:
    manifest = Manifest.model_validate(written)
    return check_values(manifest, json.loads(manifest.as_json())["spec"], given, only_given=only_given)


def refusal(written: dict[str, Any], given: dict[str, str], *, only_given: bool = False) -> str:
    with pytest.raises(SubmissionError) as refused:
        check(written, given, only_given=only_given)
    return str(refused.value)


SHARE = [{"name": "share", "value": "0.7"}]


def test_value_is_checked_when_it_gets_another_name_on_its_way() -> None:
    assert check(document([], SHARE), {}) == {"share": "0.7"}
    assert "parameter share='2': input should be less than 1" in refusal(document([], SHARE), {"share": "2"})


def test_values_are_held_together_when_a_contract_does() -> None:
    assert "add up to 0.9, not to 1" in refusal(document([], SHARE), {"share": "0.6"})


def test_constant_is_part_of_what_is_checked_when_the_manifest_gives_it() -> None:
    written = document([{"name": "valid-fraction", "value": "0.05"}], SHARE)
    assert check(written, {"share": "0.8"})
    assert "add up to 0.9" in refusal(written, {})


def test_nothing_is_said_when_a_value_is_known_only_later() -> None:
    written = document([{"name": "valid-fraction", "value": "{{workflow.name}}"}], SHARE)
    assert check(written, {"share": "0.6"}) == {"share": "0.6"}
    assert "parameter share='2'" in refusal(written, {"share": "2"})


def test_default_is_left_alone_when_only_what_is_given_counts() -> None:
    parameters = [{"name": "share", "value": "2"}, {"name": "other", "value": "x"}]
    assert check(document([], parameters), {"other": "y"}, only_given=True)["share"] == "2"
    assert "parameter share='2'" in refusal(document([], parameters), {"other": "y"})


def test_duration_is_checked_when_a_template_waits_by_it() -> None:
    written = document([], [*SHARE, {"name": "wait", "value": "12m"}], timeout="{{workflow.parameters.wait}}")
    assert check(written, {})
    assert "parameter wait='soon' should be a duration" in refusal(written, {"wait": "soon"})


def test_calls_end_when_a_template_calls_itself() -> None:
    written = document([], SHARE)
    again = {"name": "again", "template": "inner", "arguments": {"parameters": [{"name": "share", "value": "{{inputs.parameters.share}}0"}]}}  # fmt: skip
    written["spec"]["templates"][1]["dag"]["tasks"].append(again)
    assert check(written, {}) == {"share": "0.7"}
