"""Specs compared whoever wrote them, and manifests read for a release."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.argo.site import ROOT
from workflows.cluster.errors import ClusterError, MissingError
from workflows.cluster.specs import leftovers, settle, settled_digest
from workflows.cluster.templates import choose, read_manifests

RENDERED = ROOT / "argo" / "rendered"


@pytest.fixture
def spec() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((RENDERED / "train-detector.yaml").read_text())["spec"]
    return found


def as_argo_writes(part: Any) -> Any:
    """What Argo's own clients make of a manifest: Go writes empty structs and leaves empty lists out."""
    if isinstance(part, list):
        return [as_argo_writes(item) for item in part]
    if not isinstance(part, dict):
        return part
    written = {key: as_argo_writes(value) for key, value in part.items() if value != []}
    if "image" in part:
        written = {"name": "", "resources": {}} | written
    if "container" in part or "dag" in part:
        written = {"inputs": {}, "outputs": {}, "metadata": {}} | written
    return written


def test_spec_is_the_same_when_argo_wrote_it(spec: dict[str, Any]) -> None:
    written = as_argo_writes(spec)
    assert written != spec
    assert settle(written) == settle(spec)
    assert settled_digest(written) == settled_digest(spec)


@pytest.mark.parametrize(
    ("without", "with_it"),
    [
        ({"volumes": [{"name": "work"}]}, {"volumes": [{"name": "work", "emptyDir": {}}]}),
        ({"archive": {}}, {"archive": {"none": {}}}),
        ({"parameters": [{"name": "a"}]}, {"parameters": [{"name": "a", "value": ""}]}),
        ({"archiveLogs": None}, {"archiveLogs": False}),
        ({"limit": None}, {"limit": 0}),
    ],
)
def test_what_means_something_though_it_is_empty_counts(without: dict[str, Any], with_it: dict[str, Any]) -> None:
    assert settle(without) != settle(with_it)


def test_leftovers_take_out_what_is_not_wanted_and_nothing_else() -> None:
    live = {"a": 1, "b": {"c": 1, "d": 2, "e": {"f": 1}}, "g": [1]}
    wanted = {"a": 2, "b": {"c": 1, "e": {}}, "g": []}
    assert leftovers(live, wanted) == {"b": {"d": None, "e": {"f": None}}}
    assert leftovers(wanted, wanted) == {}


def test_rendered_manifests_are_what_is_released() -> None:
    templates, schedules = read_manifests(RENDERED)
    assert [template.alias for template in templates] == ["retrain", "train-detector"]
    assert [schedule["metadata"]["name"] for schedule in schedules] == ["retrain"]
    named = templates[1].named(templates[1].name)
    version = templates[1].version.replace(".", "-")
    assert named["metadata"]["name"] == f"train-detector-{version}"
    assert named["spec"] == templates[1].document["spec"]
    assert all(len(value) <= 63 for value in named["metadata"]["labels"].values())


def test_schedule_runs_a_workflow_that_is_released() -> None:
    templates, schedules = read_manifests(RENDERED)
    for schedule in schedules:
        reference = schedule["spec"]["workflowSpec"]["workflowTemplateRef"]
        assert reference["clusterScope"]
        assert reference["name"] in {template.alias for template in templates}
        assert schedule["spec"]["concurrencyPolicy"] == "Forbid"


def test_names_choose_and_unknown_ones_are_told() -> None:
    templates, _ = read_manifests(RENDERED)
    assert [one.alias for one in choose(templates, ["train-detector"])] == ["train-detector"]
    assert choose(templates, []) == templates
    with pytest.raises(MissingError, match="no template 'trian'") as refusal:
        choose(templates, ["trian"])
    assert "templates are retrain, train-detector" in refusal.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no ClusterWorkflowTemplate in"),
        ("a: [", "template.yaml: "),
        ("kind: ClusterWorkflowTemplate\nmetadata: {name: x}\nspec: {}", "x: no label argosight.dev/version"),
        (
            f"kind: ClusterWorkflowTemplate\nmetadata: {{name: {'x' * 60}, labels: {{argosight.dev/version: 1.0.0}}}}\nspec: {{}}",
            "66 characters, 63 fit",
        ),
    ],
)
def test_folder_is_refused_when_nothing_in_it_can_be_released(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(ClusterError, match=told):
        read_manifests(tmp_path)


def test_digest_is_another_when_a_value_is(spec: dict[str, Any]) -> None:
    other = copy.deepcopy(spec)
    other["activeDeadlineSeconds"] += 1
    assert settled_digest(other) != settled_digest(spec)
