"""Lint: each fault is found, at its place, and sound manifests pass."""

from typing import Any

import pytest

from tests.factories_argo import changed, small_workflow
from workflows.argo.lint import lint

MAIN = "spec.templates.main.dag.tasks"


@pytest.fixture(scope="module")
def sound() -> dict[str, Any]:
    document: dict[str, Any] = small_workflow().to_dict()
    return document


def test_sound_manifest_passes(sound: dict[str, Any]) -> None:
    assert lint(sound) == []


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("spec.entrypoint", "mian", "entrypoint: there is no template 'mian'"),
        ("spec.onExit", "end", "onExit: there is no template 'end'"),
        ("metadata.name", "n" * 64, "metadata: 'nnn"),
        (f"{MAIN}.use.template", "usse", "main: use: there is no template 'usse'"),
        (f"{MAIN}.use.depends", "mak", "main: use: depends on 'mak', which is no task here"),
        (f"{MAIN}.use.depends", "make.Done", "main: use: depends on make.Done, which is no state"),
        (f"{MAIN}.use.depends", ..., "main: use: {{tasks.make.outputs.artifacts.thing}}: task 'make' is not here"),
        (f"{MAIN}.make.depends", "use", "main: make: waits for itself"),
        (f"{MAIN}.use.when", "{{workflow.parameters.use}} == true", "main: use: when: "),
        (
            f"{MAIN}.use.when",
            "'{{workflow.parameters.uze}}' == 'true'",
            "main: use: {{workflow.parameters.uze}}: there is",
        ),
        (f"{MAIN}.use.when", "'{{=1}}' == 'true'", "main: use: {{=1}}: expression tags are not supported"),
        (f"{MAIN}.use.when", "'{{item}}' == 'a'", "main: use: {{item}}: only known in a task with"),
        (f"{MAIN}.use.when", "'{{workflow.status}}' == 'a'", "main: use: {{workflow.status}}: only known in the exit"),
        (f"{MAIN}.use.when", "'{{pod.name}}' == 'a'", "main: use: {{pod.name}}: is nothing that both"),
        (f"{MAIN}.use.arguments.artifacts.thing", ..., "main: use: does not give 'thing', which 'use' needs"),
        (
            f"{MAIN}.use.arguments.parameters.x",
            {"name": "x", "value": "1"},
            "main: use: gives 'x', which 'use' does not",
        ),
        (
            f"{MAIN}.use.arguments.artifacts.thing.optional",
            True,
            "main: use: 'thing' is optional here, but not in 'use'",
        ),
        (
            f"{MAIN}.use.arguments.artifacts.thing",
            {"name": "thing", "fromExpression": "tasks.make.outputs.artifacts.thing"},
            "main: use: 'thing': Argo takes fromExpression only in a DAG's outputs",
        ),
        (
            f"{MAIN}.use.arguments.artifacts.thing.from",
            "{{tasks.make.outputs.artifacts.thin}}",
            "main: use: {{tasks.make.outputs.artifacts.thin}}: its template has no such output",
        ),
        (f"{MAIN}.make", {"name": "make", "template": "make"}, "main: make: does not give 'source'"),
        ("spec.templates.main.metadata", {}, "main: has no annotation workflows.argoproj.io/description"),
        (
            "spec.templates.main.outputs",
            {"artifacts": [{"name": "a", "fromExpression": "tasks.make.outputs.artifacts.thing ?? 1"}]},
            "main: ",
        ),
        (
            "spec.templates.main.outputs",
            {"parameters": [{"name": "a", "valueFrom": {"expression": "tasks.mak.status == 'x' ? 'a' : 'b'"}}]},
            "main: tasks.mak.status in",
        ),
        (
            "spec.templates.main.outputs",
            {"parameters": [{"name": "a", "valueFrom": {"parameter": "{{tasks.mak.outputs.parameters.size}}"}}]},
            "main: {{tasks.mak.outputs.parameters.size}}: task 'mak' is not here",
        ),
        ("spec.templates.make.container.args", ["{{inputs.parameters.cont}}"], "make: {{inputs.parameters.cont}}: the"),
        ("spec.templates.make.container.args", ["{{inputs.artifacts.thing}}"], "make: {{inputs.artifacts.thing}}: the"),
        ("spec.templates.make.volumes", [], "make: mounts volume 'work', which it does not have"),
        ("spec.templates.make.outputs.artifacts.thing.path", "/tmp/thing", "make: artifact 'thing' is at '/tmp/thing'"),
        ("spec.templates.make.outputs.artifacts.thing.s3", {}, "make: artifact 'thing' has no key"),
        ("spec.templates.make.retryStrategy.limit", ..., "make: retryStrategy: without a limit"),
        ("spec.templates.make.retryStrategy.expression", ..., "make: retryStrategy: without an expression"),
        (
            "spec.templates.make.retryStrategy.expression",
            "lastRetry.exitCode in [75]",
            "make: retryStrategy: expression",
        ),
        (
            "spec.templates.make.retryStrategy.expression",
            "last.code == '1'",
            "make: retryStrategy: 'last.code' is none of",
        ),
        ("spec.templates.make.timeout", "5m", "make: retryStrategy: below a retry"),
        ("spec.arguments.parameters.count.description", ..., "parameter count: has no description"),
        ("spec.arguments.parameters.count.default", "3", "parameter count: the form shows `value`"),
        ("spec.arguments.parameters.count.value", "null", "parameter count: 'null' is no value"),
        ("spec.arguments.parameters.loud.value", "yes", "parameter loud: 'yes' is not among true, false"),
        ("spec.arguments.parameters.x", {"name": "x", "description": "X."}, "parameter x: nothing reads it"),
        (
            "spec.synchronization",
            {"mutexes": [{"name": "{{workflow.parameters.nam}}"}]},
            "spec: {{workflow.parameters.nam}}",
        ),
        ("spec.templtes", [], "spec: Additional properties are not allowed ('templtes' was unexpected)"),
        ("spec.podGC.strategy", "Sometimes", "spec.podGC.strategy: 'Sometimes' is not one of"),
        ("spec.templates.make.container.resources.limits.memory", "{{x}}", "spec.templates[1].container.resources."),
        ("spec.activeDeadlineSeconds", "1h", "spec.activeDeadlineSeconds: '1h' is not of type 'integer'"),
        ("kind", "Deployment", "kind 'Deployment' is not one of"),
    ],
)
def test_fault_is_found_at_its_place(sound: dict[str, Any], path: str, value: Any, fault: str) -> None:
    found = lint(changed(sound, path, value))
    assert any(line.startswith(fault) for line in found), found


def test_template_of_another_kind_is_refused(sound: dict[str, Any]) -> None:
    made = next(t for t in sound["spec"]["templates"] if t["name"] == "make")
    other = {key: part for key, part in made.items() if key != "container"} | {"suspend": {}}
    found = lint(changed(sound, "spec.templates.make", other))
    assert "make: is neither a container, a dag nor a resource: the local engine and this check know no other" in found


def test_resource_is_refused_when_nobody_waits_for_it(sound: dict[str, Any]) -> None:
    started = {"name": "make", "resource": {"action": "create", "manifest": "{}", "successCondition": "a == b"}}
    found = lint(changed(sound, "spec.templates.make", started))
    assert "make: resource: has no failureCondition, so nobody waits for it" in found
    assert not [fault for fault in found if "successCondition" in fault]


def test_twice_named_entries_are_refused(sound: dict[str, Any]) -> None:
    document = changed(sound, "metadata.name", "small")
    document["spec"]["templates"].append(document["spec"]["templates"][0])
    assert "templates: 'main' is there twice" in lint(document)
