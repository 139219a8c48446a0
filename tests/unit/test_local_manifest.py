from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.local.errors import ManifestError
from workflows.local.manifest import Manifest, bundle, load


def workflow(template: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    one = {"name": "main", "container": {"command": ["true"]}} | (template or {})
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "w-"},
        "spec": {"entrypoint": "main", "templates": [one], **spec},
    }


def write(folder: Path, *documents: dict[str, Any], name: str = "w.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents))
    return path


def read(folder: Path, *documents: dict[str, Any]) -> Manifest:
    return load(write(folder, *documents))


def test_cluster_fields_are_let_pass_when_a_process_has_no_use_for_them(tmp_path: Path) -> None:
    template = {
        "container": {
            "image": "i", "imagePullPolicy": "Always", "command": ["true"], "securityContext": {"runAsUser": 1},
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi", "nvidia.com/gpu": 2, "example.com/fpga": "0"}},
        },
        "tolerations": [{"key": "x"}], "metadata": {"labels": {"a": "b"}}, "serviceAccountName": "s", "metrics": {},
        "securityContext": {}, "affinity": {},
    }  # fmt: skip
    found = read(
        tmp_path,
        workflow(
            template,
            serviceAccountName="s",
            podGC={},
            artifactGC={},
            ttlStrategy={},
            archiveLogs=True,
            priority=3,
            podMetadata={},
        ),
    )
    assert found.spec.templates[0].devices == {"nvidia.com/gpu": 2}


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"sidecars": []}, "sidecars"),
        ({"daemon": True}, "daemon"),
        ({"memoize": {}}, "memoize"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, r"volumes\[v\].hostPath"),
        ({"container": {"command": ["true"], "lifecycle": {}}}, "container.lifecycle"),
        ({"container": {"image": "i"}}, "container.command: field required"),
        (
            {"container": {"command": ["true"], "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "x"}]}},
            r"volumeMounts\[v\].subPath",
        ),
        (
            {"outputs": {"artifacts": [{"name": "a", "path": "/a", "globalName": "g"}]}},
            r"outputs.artifacts\[a\].globalName",
        ),
        ({"outputs": {"artifacts": [{"name": "a", "s3": {"key": "k", "bucket": "b"}}]}}, r"s3.bucket"),
        ({"container": None}, "should be one of container, script"),
        (
            {"container": {"command": ["true"], "env": [{"name": "E", "valueFrom": {"fieldRef": {}}}]}},
            r"env\[E\].valueFrom.fieldRef",
        ),
    ],
)
def test_manifest_is_refused_when_outside_of_the_subset(tmp_path: Path, template: dict[str, Any], field: str) -> None:
    with pytest.raises(ManifestError, match=rf"template 'main', field .*{field}") as caught:
        read(tmp_path, workflow(template))
    assert caught.value.hint


@pytest.mark.parametrize("spec", [{"hooks": {}}, {"podSpecPatch": "x"}, {"templateDefaults": {}}, {"suspend": True}])
def test_manifest_is_refused_when_the_spec_is_outside_of_the_subset(tmp_path: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match=f"field spec.{next(iter(spec))}"):
        read(tmp_path, workflow(None, **spec))


def test_all_faults_are_told_when_there_are_several(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read(tmp_path, workflow({"daemon": True, "suspend": {}}, hooks={}))
    assert all(field in str(caught.value) for field in ("daemon", "suspend", "spec.hooks"))


def test_numbers_and_dates_are_text_when_they_are_values(tmp_path: Path) -> None:
    path = write(tmp_path, workflow())
    path.write_text(
        path.read_text() + "  arguments:\n    parameters:\n    - {name: a, value: 1}\n    - {name: b, value: true}\n"
        "    - {name: c, value: 2026-01-31}\n    - {name: d, value: 0.5}\n    - {name: e, value: null}\n"
        "    - {name: f, value: y}\n"
    )
    values = [one.value for one in load(path).spec.arguments.parameters]
    assert values == ["1", "true", "2026-01-31", "0.5", None, "true"]


def referring(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "use-"},
        "spec": {"workflowTemplateRef": {"name": "base", "clusterScope": True}, **spec},
    }


def template_of(name: str) -> dict[str, Any]:
    parameters = [
        {"name": "a", "value": "1", "enum": ["1", "2"], "description": "About a."},
        {"name": "b", "value": "3"},
    ]
    one = workflow(None, arguments={"parameters": parameters}, onExit="main")
    return one | {"kind": "ClusterWorkflowTemplate", "metadata": {"name": name}}


def test_template_is_found_when_it_lies_beside(tmp_path: Path) -> None:
    write(tmp_path, template_of("other"), name="a.yaml")
    write(tmp_path, template_of("base"), name="b.yaml")
    path = write(tmp_path, referring(arguments={"parameters": [{"name": "a", "value": "2"}]}, parallelism=2))
    found = load(path)
    assert found.prefix == "use-"
    assert found.spec.entrypoint == found.spec.on_exit == "main"
    assert found.spec.parallelism == 2
    assert [(one.name, one.value, one.enum) for one in found.spec.arguments.parameters] == [
        ("a", "2", ["1", "2"]),
        ("b", "3", []),
    ]


def test_bundle_is_enough_when_moved_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, template_of("base"), name="b.yaml")
    path = write(tmp_path, referring())
    (tmp_path / "away").mkdir()
    moved = tmp_path / "away" / "manifest.yaml"
    moved.write_text(bundle(path))
    assert load(moved) == load(path)


def test_reference_is_refused_when_nothing_has_that_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="ClusterWorkflowTemplate 'base', which is not here"):
        read(tmp_path, referring())


@pytest.mark.parametrize("text", ["a: [", "kind: ConfigMap", ""])
def test_file_is_refused_when_it_holds_no_workflow(tmp_path: Path, text: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError):
        load(path)


def test_file_is_refused_when_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No such file"):
        load(tmp_path / "none.yaml")
