from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.local.checks import check
from workflows.local.errors import ManifestError
from workflows.local.manifest import Manifest, load

MANIFESTS = Path(__file__).parents[1] / "pipeline" / "manifests"
WORK: dict[str, Any] = {"volumes": [{"name": "work", "emptyDir": {}}]}
MOUNT: dict[str, Any] = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}


def manifest(*templates: dict[str, Any], **spec: Any) -> Manifest:
    return Manifest.model_validate(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": "w-"},
            "spec": {"entrypoint": "main", "templates": list(templates), **WORK, **spec},
        }
    )


def echo(name: str = "echo", *, args: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "container": {"command": ["echo"], "args": args or [], **MOUNT}, **more}


def dag(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": [{"template": "echo", **task} for task in tasks]}, **more}


def passing(**values: str) -> dict[str, Any]:
    return {"arguments": {"parameters": [{"name": name, "value": value} for name, value in values.items()]}}


TAKES: dict[str, Any] = {"inputs": {"parameters": [{"name": "x"}]}}
GIVES: dict[str, Any] = {"outputs": {"parameters": [{"name": "y", "valueFrom": {"path": "/work/y"}}]}}
FAULTS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("no entrypoint", [echo("other")], "field spec.entrypoint: no template 'main'"),
    ("twice", [echo("main"), echo("main")], "template 'main' is there twice"),
    ("no template", [dag({"name": "a", "template": "none"})], "task 'a', field template: no template 'none'"),
    ("no task", [dag({"name": "a", "depends": "b"}), echo()], "field dag: task 'a', field depends: no task 'b'"),
    ("needs a parameter", [dag({"name": "a"}), echo(**TAKES)], "task 'a', field arguments: .* needs the parameter 'x'"),
    ("needs an artifact", [dag({"name": "a"}), echo(inputs={"artifacts": [{"name": "f", "path": "/work/f"}]})], "needs the artifact 'f'"),
    ("entry needs a parameter", [echo("main", **TAKES)], "field spec.entrypoint: template 'main' needs the parameter 'x'"),
    ("entry needs an artifact", [echo("main", inputs={"artifacts": [{"name": "f", "path": "/work/f"}]})], "field spec.entrypoint: .* needs the artifact 'f'"),
    (
        "artifact from nowhere",
        [dag({"name": "a", "arguments": {"artifacts": [{"name": "f"}]}}), echo(inputs={"artifacts": [{"name": "f", "path": "/work/f"}]})],
        r"task 'a', field arguments.artifacts\[f\]: it says neither where the artifact comes from nor its key",
    ),
    ("unquoted when", [dag({"name": "a", "when": "{{workflow.name}} == 'x'"}), echo()], "field when: .* not quoted"),
    ("strange when", [dag({"name": "a", "when": "1 < 2"}), echo()], "field when: condition"),
    ("unknown input", [echo("main", args=["{{inputs.parameters.x}}"])], r"template 'main', tag \{\{inputs.parameters.x\}\}"),
    ("unknown parameter", [echo("main", args=["{{workflow.parameters.x}}"])], r"tag \{\{workflow.parameters.x\}\}"),
    ("early status", [echo("main", args=["{{workflow.status}}"])], r"tag \{\{workflow.status\}\}"),
    ("expression tag", [echo("main", args=["{{=1+1}}"])], "expression tags are outside"),
    ("item without items", [dag({"name": "a", **passing(x="{{item}}")}), echo(**TAKES)], r"task 'a', tag \{\{item\}\}"),
    ("retries without a strategy", [echo("main", args=["{{retries}}"])], r"tag \{\{retries\}\}"),
    (
        "not before",
        [dag({"name": "a"}, {"name": "b", "template": "take", **passing(x="{{tasks.a.outputs.parameters.y}}")}), echo(**GIVES), echo("take", **TAKES)],
        r"task 'b', tag \{\{tasks.a.outputs.parameters.y\}\}: nothing gives it a value",
    ),
    (
        "no such output",
        [dag({"name": "a"}, {"name": "b", "template": "take", "depends": "a", **passing(x="{{tasks.a.outputs.parameters.z}}")}), echo(**GIVES), echo("take", **TAKES)],
        r"tag \{\{tasks.a.outputs.parameters.z\}\}",
    ),
    (
        "expression names nothing",
        [dag({"name": "a"}, outputs={"parameters": [{"name": "o", "valueFrom": {"expression": "tasks.b.status"}}]}), echo()],
        "'o': tasks.b.status in the expression",
    ),
    (
        "expression cannot be read",
        [dag({"name": "a"}, outputs={"parameters": [{"name": "o", "valueFrom": {"expression": "tasks.a ?? 1"}}]}), echo()],
        r"field outputs.parameters\[o\].valueFrom.expression",
    ),
    (
        "fromExpression in arguments",
        [dag({"name": "a", "arguments": {"artifacts": [{"name": "f", "fromExpression": "inputs.artifacts.f"}]}}), echo()],
        "only in the outputs of a DAG",
    ),
    ("path off the volumes", [echo("main", outputs={"artifacts": [{"name": "f", "path": "/tmp/f"}]})], "/tmp/f is not on an emptyDir"),
    ("path missing", [echo("main", outputs={"artifacts": [{"name": "f"}]})], r"outputs.artifacts\[f\].path is missing"),
    ("no such volume", [{"name": "main", "container": {"command": ["x"], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}}], "no such volume"),
    ("engine's own", [echo("main", inputs={"artifacts": [{"name": "f", "path": "/work/f", "digest": "0"}]})], "the engine's own"),
    ("bad duration", [echo("main", timeout="20")], "field timeout: '20' should be a duration"),
    ("bad deadline", [echo("main", activeDeadlineSeconds="soon")], "field activeDeadlineSeconds"),
    ("timeout on a DAG", [dag({"name": "a"}, timeout="20s"), echo()], "only for a container or script"),
    ("resource without default", [{"name": "main", "resource": {"action": "create", "manifest": "{}"}, "outputs": {"parameters": [{"name": "o", "valueFrom": {"jsonPath": "{.x}"}}]}}], "only defaults"),
    (
        "packed below a prefix",
        [
            dag({"name": "a"}, {"name": "b", "template": "take", "depends": "a"}),
            echo(outputs={"artifacts": [{"name": "f", "path": "/work/f", "s3": {"key": "runs/x/all/f"}}]}),
            echo("take", inputs={"artifacts": [{"name": "all", "path": "/work/all", "s3": {"key": "runs/x/all"}}]}),
        ],
        r"template 'echo', field outputs.artifacts\[f\].archive",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("templates", "fault"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_manifest_is_refused_when_it_cannot_work(templates: list[dict[str, Any]], fault: str) -> None:
    with pytest.raises(ManifestError, match=fault) as caught:
        check(manifest(*templates))
    assert caught.value.hint


def test_exit_handler_is_refused_when_nobody_gives_what_it_needs() -> None:
    with pytest.raises(ManifestError, match=r"spec\.onExit: template 'bye' needs the parameter 'x'"):
        check(manifest(echo("main"), echo("bye", **TAKES), onExit="bye"))
    given = {"arguments": {"parameters": [{"name": "x"}]}}
    check(manifest(echo("main"), echo("bye", **TAKES), onExit="bye", **given))


def test_exit_handler_is_refused_when_there_is_no_such_template() -> None:
    with pytest.raises(ManifestError, match=r"spec\.onExit: no template 'bye'"):
        check(manifest(echo("main"), onExit="bye"))


def test_exit_handler_may_use_the_status_when_it_is_called_at_the_end_only() -> None:
    check(manifest(echo("main"), echo("bye", args=["{{workflow.status}} {{workflow.failures}}"]), onExit="bye"))
    with pytest.raises(ManifestError, match=r"workflow\.status"):
        check(manifest(dag({"name": "a"}), echo(args=["{{workflow.status}}"]), onExit="echo"))


@pytest.mark.parametrize("path", sorted(MANIFESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_manifests_pass_when_they_are_in_order(path: Path) -> None:
    check(load(path))


def test_rendered_workflows_pass_when_current() -> None:
    rendered = sorted((Path(__file__).parents[2] / "argo" / "rendered").glob("*.yaml"))
    workflows = [path for path in rendered if "Workflow" in str(yaml.safe_load(path.read_bytes())["kind"])]
    assert workflows
    for path in workflows:
        check(load(path))
