"""What a run would do: the calls that its manifest leads to, with what is known before anything runs."""

from collections.abc import Iterator, Mapping

from workflows.local.errors import ManifestError
from workflows.local.graph import Graph
from workflows.local.machine import Machine
from workflows.local.manifest import Manifest
from workflows.local.run import Run
from workflows.local.substitution import TAG
from workflows.local.tasks import holds
from workflows.local.template import Task, Template
from workflows.local.workflow_values import start_values


def plan(manifest: Manifest, parameters: Mapping[str, str], machine: Machine) -> Iterator[str]:
    """Yield a line for each call, indented by who calls whom."""
    run = Run(name="RUN", workflow="", uid="", parameters=dict(parameters), working_folder="")
    values = start_values(manifest, run)
    spec = manifest.spec

    def describe(name: str, task: Task | None, depth: int) -> Iterator[str]:
        template = spec.template(name)
        label = task.name if task else name
        notes = [f"({name})"] if task and task.name != name else []
        skipped = False
        if task:
            notes += _after(task)
            note, skipped = _condition(task, values)
            notes += note
        if not skipped:
            notes += _needs(template, {**spec.node_selector, **template.node_selector}, machine)
        yield "  " * depth + " ".join([label, *notes])
        if not skipped:
            for inner in _in_order(template):
                yield from describe(inner.template, inner, depth + 1)

    yield from describe(spec.entrypoint, None, 0)
    if spec.on_exit:
        yield "at the end, whatever happened:"
        yield from describe(spec.on_exit, None, 0)


def _in_order(template: Template) -> list[Task]:
    if not template.dag:
        return template.tasks
    graph = Graph(template.dag)
    return [graph.tasks[name] for name in graph.order]


def _after(task: Task) -> list[str]:
    waits = task.depends or ", ".join(task.dependencies)
    return [f"after {waits}"] if waits else []


def _condition(task: Task, values: Mapping[str, str]) -> tuple[list[str], bool]:
    """Return what is to be said of the condition of `task`, and whether it is known to be false."""
    if not task.when:
        return [], False
    known = _fill(task.when, values)
    if "{{" in known:
        return [f"if {known}"], False
    try:
        return ([], False) if holds(known) else (["skipped:", known], True)
    except ManifestError:
        return [f"if {known}"], False


def _needs(template: Template, selector: Mapping[str, str], machine: Machine) -> list[str]:
    if template.resource:
        return ["recorded, not run"]
    misfit = machine.misfit(selector, template.devices) if template.process else ""
    return [f"– fails at once, {misfit}"] if misfit else []


def _fill(text: str, values: Mapping[str, str]) -> str:
    return TAG.sub(lambda found: values.get(found[1].strip(), found[0]), text)
