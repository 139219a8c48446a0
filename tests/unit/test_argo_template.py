"""Contract → container template, for every step there is."""

from typing import Any

import pytest
from hera.workflows import ClusterWorkflowTemplate

from steps.catalog import STEPS
from steps.contract import Step, split_fields
from tests.factories_argo import MAKE, SITE, USE
from workflows.argo.site import Site, read_site
from workflows.argo.template import RETRY, build_template, default_of
from workflows.local.expression import parse


def rendered(step: Step[Any, Any], site: Site = SITE, **given: Any) -> dict[str, Any]:
    with ClusterWorkflowTemplate(name="w", entrypoint=step.name) as workflow:
        build_template(step, site, **given)
    template: dict[str, Any] = workflow.to_dict()["spec"]["templates"][0]
    return template


@pytest.fixture(params=list(STEPS.values()), ids=list(STEPS))
def pair(request: pytest.FixtureRequest) -> tuple[Step[Any, Any], dict[str, Any]]:
    return request.param, rendered(request.param, read_site())


def test_every_parameter_is_a_flag_and_nothing_else_is(pair: tuple[Step[Any, Any], dict[str, Any]]) -> None:
    step, template = pair
    names = list(split_fields(step.inputs)[0])
    assert template["container"]["command"] == ["python", "-m", "steps", step.name]
    assert template["container"].get("args", []) == [f"--{n}={{{{inputs.parameters.{n}}}}}" for n in names]


def test_every_input_is_declared_with_its_default(pair: tuple[Step[Any, Any], dict[str, Any]]) -> None:
    step, template = pair
    parameters, artifacts = split_fields(step.inputs)
    inputs = template.get("inputs", {})
    assert {p["name"]: p.get("default") for p in inputs.get("parameters", [])} == {
        name: default_of(field, read_site()) for name, field in parameters.items()
    }
    assert {a["name"]: a["path"] for a in inputs.get("artifacts", [])} == {n: f"/work/in/{n}" for n in artifacts}
    assert all(parameter["description"] for parameter in inputs.get("parameters", []))


def test_every_output_is_declared_after_the_record(pair: tuple[Step[Any, Any], dict[str, Any]]) -> None:
    step, template = pair
    parameters, artifacts = split_fields(step.outputs)
    outputs = template["outputs"]
    record, *others = outputs["artifacts"]
    assert record == {
        "name": "record",
        "path": "/work/record.json",
        "optional": True,
        "archive": {"none": {}},
        "s3": {"key": f"runs/{{{{workflow.name}}}}/records/{step.name}.json"},
    }
    assert {a["name"]: a["path"] for a in others} == {n: f"/work/out/{n}" for n in artifacts}
    assert {p["name"]: p["valueFrom"]["path"] for p in outputs.get("parameters", [])} == {
        n: f"/work/out/{n}" for n in parameters
    }


def test_pod_is_restricted_and_small_enough_to_place(pair: tuple[Step[Any, Any], dict[str, Any]]) -> None:
    container = pair[1]["container"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["envFrom"] == [{"secretRef": {"name": "argosight-store", "optional": True}}]
    assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


def test_gpu_pod_goes_where_gpus_are() -> None:
    template = rendered(USE)
    assert template["nodeSelector"] == {"accelerator": "test"}
    assert template["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert template["container"]["resources"]["limits"] == {"memory": "2Gi", "nvidia.com/gpu": "1"}
    assert {v["name"]: v["emptyDir"] for v in template["volumes"]} == {
        "work": {},
        "shm": {"medium": "Memory", "sizeLimit": "1Gi"},
    }


def test_other_pods_go_anywhere() -> None:
    template = rendered(MAKE)
    assert not {"nodeSelector", "tolerations", "timeout"} & template.keys()
    assert template["container"]["image"] == "registry.test/team/core:1.0"


def test_tries_are_bounded_and_wait_longer_each_time() -> None:
    strategy = rendered(MAKE)["retryStrategy"]
    assert strategy == {"limit": 4, "expression": RETRY, "backoff": {"duration": "10s", "factor": 2}}


@pytest.mark.parametrize(
    ("status", "code", "message", "again"),
    [
        ("Failed", "75", "main: Error (exit code 75)", True),
        ("Failed", "2", "main: Error (exit code 2)", False),
        ("Failed", "1", "main: Error (exit code 1)", False),
        ("Failed", "130", "main: Error (exit code 130)", False),
        ("Error", "-1", "pod deleted", True),
        ("Failed", "-1", "The node was low on resource: memory.", True),
        ("Failed", "143", "Pod was terminated in response to imminent node shutdown.", True),
        ("Failed", "137", "The node was low on resource: ephemeral-storage.", True),
        ("Failed", "137", "main: OOMKilled (exit code 137)", False),
    ],
)
def test_a_try_follows_what_may_pass_and_nothing_else(status: str, code: str, message: str, again: bool) -> None:
    last = {"status": status, "exitCode": code, "message": message, "duration": "3"}
    assert parse(RETRY).holds({"lastRetry": last}) is again


def test_timeout_comes_without_retry() -> None:
    template = rendered(MAKE, timeout="{{inputs.parameters.source}}")
    assert template["timeout"] == "{{inputs.parameters.source}}"
    assert "retryStrategy" not in template


def test_folders_travel_as_uncompressed_tar_and_files_as_they_are() -> None:
    thing = rendered(MAKE)["outputs"]["artifacts"][1]
    page = rendered(USE)["outputs"]["artifacts"][1]
    assert thing["archive"] == {"tar": {"compressionLevel": 0}}
    assert page["archive"] == {"none": {}}
    assert page["s3"]["key"].endswith("/use/report.html")
