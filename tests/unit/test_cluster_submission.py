"""What `argosight submit` refuses before anything starts, against the templates as rendered."""

from typing import Any

import pytest
import yaml

from workflows.argo.site import ROOT
from workflows.cluster.submission import check
from workflows.local.errors import SubmissionError

SOURCE = {"source": "s3://argosight/datasets/planes.zip"}


@pytest.fixture(scope="module", params=["train-detector", "retrain"])
def any_template(request: pytest.FixtureRequest) -> dict[str, Any]:
    return rendered(request.param)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return rendered("train-detector")


def rendered(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "argo" / "rendered" / f"{name}.yaml").read_text())
    return document


def test_defaults_pass_the_check_when_they_are_given(any_template: dict[str, Any]) -> None:
    offered = any_template["spec"]["arguments"]["parameters"]
    check(any_template, {one["name"]: one["value"] for one in offered if "value" in one} | SOURCE)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "parameter 'source' is required (Labelled images"),
        (SOURCE | {"epoch": "3"}, "unknown parameter 'epoch', did you mean 'epochs'?"),
        (SOURCE | {"device": "tpu"}, "parameter device='tpu' should be one of auto, gpu, cpu"),
        (
            SOURCE | {"epochs": "0"},
            "parameter epochs='0': input should be greater than or equal to 1\n  hint: epochs is: ",
        ),
        (SOURCE | {"epochs": "many"}, "parameter epochs='many': input should be a valid integer"),
        (SOURCE | {"image-size": "100"}, "parameter image-size='100': input should be a multiple of 32"),
        (SOURCE | {"model-name": "My Model"}, "parameter model-name='My Model': string should match pattern"),
        (SOURCE | {"group-pattern": "("}, "parameter group-pattern='(': should be a regular expression"),
        ({"source": "photos.zip"}, "parameter source='photos.zip' is a path, and pods do not see this machine's files"),
    ],
)
def test_parameter_is_refused_when_no_run_could_use_it(
    template: dict[str, Any], given: dict[str, str], told: str
) -> None:
    with pytest.raises(SubmissionError) as refusal:
        check(template, given)
    assert told in str(refusal.value)


def test_all_faults_are_told_at_once(template: dict[str, Any]) -> None:
    with pytest.raises(SubmissionError) as refusal:
        check(template, {"source": "a.zip", "epochs": "0", "batch": "x"})
    assert all(f"parameter {name}=" in refusal.value.message for name in ("source", "epochs", "batch"))


def test_parameters_of_a_foreign_template_are_checked_by_what_it_says(template: dict[str, Any]) -> None:
    foreign = {"spec": {"arguments": {"parameters": [{"name": "x", "enum": ["a"], "value": "a"}]}}}
    check(foreign, {})
    with pytest.raises(SubmissionError, match="should be one of a"):
        check(foreign, {"x": "b"})
