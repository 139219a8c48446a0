"""`train-detector` as rendered: what the systems it replaces offered, and the way of the data."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.argo.manifest import DIGEST, VERSION_LABEL, spec_digest
from workflows.argo.schema import schema_faults
from workflows.argo.scope import ancestors, dependencies, named
from workflows.argo.site import ROOT, read_site
from workflows.local.manifest import load
from workflows.train_detector import VERSION, build

RENDERED = ROOT / "argo" / "rendered" / "train-detector.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(RENDERED.read_text())
    return loaded


@pytest.fixture(scope="module")
def offered(document: dict[str, Any]) -> dict[str, Any]:
    return dict(named(document["spec"]["arguments"]["parameters"]))


@pytest.fixture(scope="module")
def templates(document: dict[str, Any]) -> dict[str, Any]:
    return dict(named(document["spec"]["templates"]))


def test_knobs_of_the_workshop_are_there_with_its_defaults(offered: dict[str, Any]) -> None:
    expected = {
        "base-model": "tiny",
        "batch": "-1",
        "epochs": "100",
        "cpu-epochs": "10",
        "gpu-timeout": "12m",
        "resize": "false",
        "max-width": "1024",
        "model-name": "detector",
        "registry": "s3://argosight/models",
        "device": "auto",
        "deploy": "false",
        "train-fraction": "0.7",
        "valid-fraction": "0.15",
        "test-fraction": "0.15",
    }
    assert {name: offered[name]["value"] for name in expected} == expected


def test_only_the_source_must_be_given_and_comes_first(offered: dict[str, Any]) -> None:
    assert [name for name, parameter in offered.items() if "value" not in parameter] == ["source"]
    assert next(iter(offered)) == "source"


def test_every_parameter_explains_itself_in_the_form(offered: dict[str, Any]) -> None:
    assert all(
        parameter["description"] and isinstance(parameter.get("value", ""), str) for parameter in offered.values()
    )
    assert offered["device"]["enum"] == ["auto", "gpu", "cpu"]
    assert offered["resize"]["enum"] == offered["deploy"]["enum"] == ["true", "false"]


def test_what_the_workflow_knows_by_itself_is_not_in_the_form(offered: dict[str, Any]) -> None:
    assert not {"data-digest", "run", "parameters", "version", "state", "image"} & offered.keys()


def test_processes_of_every_step_are_limited_when_workers_is_given(templates: dict[str, Any]) -> None:
    tasks = [task for one in templates.values() for task in (one.get("dag") or {}).get("tasks", ())]
    limited = {
        task["template"]
        for task in tasks
        if named((task.get("arguments") or {}).get("parameters")).get("workers", {}).get("value")
        == "{{workflow.parameters.workers}}"
    }
    assert limited == {"ingest", "resize", "train-gpu", "train-cpu", "evaluate"}


def test_steps_come_in_the_order_of_the_data(templates: dict[str, Any]) -> None:
    tasks = named(templates["main"]["dag"]["tasks"])
    order = ["ingest", "resize", "split", "device", "train", "export", "evaluate", "publish", "deploy"]
    assert list(tasks) == order
    for n, name in enumerate(order):
        assert ancestors(name, tasks) == set(order[:n])


def test_branches_hang_on_quoted_conditions(templates: dict[str, Any]) -> None:
    conditions = {
        f"{name}.{task['name']}": task["when"]
        for name, template in templates.items()
        for task in template.get("dag", {}).get("tasks", ())
        if "when" in task
    }
    assert conditions == {
        "maybe-resize.run": "'{{workflow.parameters.resize}}' == 'true'",
        "choose-device.auto": "'{{inputs.parameters.device}}' == 'auto'",
        "choose-device.gpu-within-timeout": "'{{inputs.parameters.device}}' == 'gpu'",
        "train.gpu": "'{{inputs.parameters.device}}' == 'gpu'",
        "train.cpu": "'{{inputs.parameters.device}}' == 'cpu'",
        "main.deploy": "'{{workflow.parameters.deploy}}' == 'true'",
    }


def test_only_an_automatic_choice_survives_a_missing_gpu(templates: dict[str, Any]) -> None:
    tasks = named(templates["choose-device"]["dag"]["tasks"])
    assert tasks["auto"]["continueOn"] == {"failed": True, "error": True}
    assert "continueOn" not in tasks["gpu-within-timeout"]
    assert templates["probe"]["timeout"] == "{{workflow.parameters.gpu-timeout}}"
    assert dependencies(tasks["auto"]) == {}


def test_both_trainings_come_from_one_contract(templates: dict[str, Any]) -> None:
    gpu, cpu = templates["train-gpu"], templates["train-cpu"]
    assert gpu["inputs"] == cpu["inputs"]
    assert gpu["outputs"] == cpu["outputs"]
    assert gpu["container"]["args"] == cpu["container"]["args"]
    assert gpu["nodeSelector"] == {"accelerator": "nvidia"}
    assert gpu["container"]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nodeSelector" not in cpu
    given = {
        t["name"]: named(t["arguments"]["parameters"])["device"]["value"] for t in templates["train"]["dag"]["tasks"]
    }
    assert given == {"gpu": "gpu", "cpu": "cpu"}


def test_report_finds_what_the_steps_left(templates: dict[str, Any]) -> None:
    kept = {a["s3"]["key"] for t in templates.values() for a in t.get("outputs", {}).get("artifacts", ()) if "s3" in a}
    report = templates["exit"]["dag"]["tasks"][0]["arguments"]["artifacts"]
    for artifact in report:
        assert artifact["optional"]
        key = artifact["s3"]["key"]
        assert key in kept or (artifact["name"] == "records" and any(k.startswith(f"{key}/") for k in kept))
    assert {a["name"] for a in report} == {a["name"] for a in templates["report"]["inputs"]["artifacts"]}


def test_lineage_is_wired_to_publish(templates: dict[str, Any]) -> None:
    publish = named(templates["main"]["dag"]["tasks"])["publish"]
    given = {name: p["value"] for name, p in named(publish["arguments"]["parameters"]).items()}
    assert given["data-digest"] == "{{tasks.ingest.outputs.parameters.digest}}"
    assert given["listing"] == "{{tasks.ingest.outputs.parameters.listing}}"
    assert given["source"] == "{{workflow.parameters.source}}"
    assert given["run"] == "{{workflow.name}}"
    assert given["parameters"] == "{{workflow.parameters.json}}"


def test_runs_are_restricted_bounded_and_cleaned_up(document: dict[str, Any]) -> None:
    spec, user = document["spec"], read_site().user
    assert spec["securityContext"] == {
        "fsGroup": user,
        "runAsGroup": user,
        "runAsNonRoot": True,
        "runAsUser": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert spec["synchronization"] == {"mutexes": [{"name": "train-detector-{{workflow.parameters.model-name}}"}]}
    assert spec["archiveLogs"]
    assert spec["podGC"] == {"strategy": "OnPodCompletion"}
    assert spec["artifactGC"] == {"strategy": "Never"}
    assert spec["ttlStrategy"] == {"secondsAfterSuccess": 604800, "secondsAfterFailure": 1209600}
    assert spec["activeDeadlineSeconds"] == 172800
    assert spec["serviceAccountName"] == "argosight"


def test_version_and_digest_are_on_the_manifest(document: dict[str, Any]) -> None:
    assert document["metadata"]["labels"][VERSION_LABEL] == VERSION
    assert document["metadata"]["annotations"][DIGEST] == spec_digest(document["spec"])


def test_version_has_the_revision_of_the_site_when_there_is_one() -> None:
    labels = build(read_site().model_copy(update={"revision": 2})).labels
    assert labels
    assert labels[VERSION_LABEL] == f"{VERSION}-r2"


def test_digest_changes_when_the_spec_does() -> None:
    site = read_site()
    other = site.model_copy(update={"tag": "other"})
    assert spec_digest(build(site).to_dict()["spec"]) != spec_digest(build(other).to_dict()["spec"])
    assert spec_digest({"a": 1, "b": 2}) == spec_digest({"b": 2, "a": 1})


def test_local_engine_offers_all_that_the_manifest_asks_for() -> None:
    assert load(RENDERED).spec.entrypoint == "main"


def test_schema_allows_the_manifest(document: dict[str, Any]) -> None:
    assert schema_faults(document) == []


@pytest.mark.slow
def test_argo_lints_what_is_rendered() -> None:
    argo = os.environ.get("ARGO") or shutil.which("argo")
    assert argo, "no argo on PATH, and ARGO names none: install Argo's command line, version 4.0 or newer"
    manifests = sorted(map(str, Path(RENDERED.parent).glob("*.yaml")))
    done = subprocess.run(
        [argo, "lint", "--offline", *manifests], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no linting errors" in done.stdout


def test_runs_are_listed_by_what_they_train(document: dict[str, Any]) -> None:
    annotations = document["spec"]["workflowMetadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"] == "Train {{workflow.parameters.model-name}}"
    for name in ("source", "registry", "model-name"):
        assert f"{{{{workflow.parameters.{name}}}}}" in annotations["workflows.argoproj.io/description"]
