"""Which tags a template may use: those that will have a value when it is called."""

from collections.abc import Iterator, Mapping

from workflows.local.errors import LocalError
from workflows.local.expression import parse
from workflows.local.graph import Graph
from workflows.local.manifest import Manifest
from workflows.local.run import Run
from workflows.local.substitution import tags
from workflows.local.template import Task, Template
from workflows.local.workflow_values import EXIT_VALUES, start_values

RETRY_TAGS = {"retries", "lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message"}
CALL_TAGS = {"node.name", "pod.name", "tasks.name", "steps.name"}
NODE_FIELDS = {"status", "startedAt", "finishedAt", "exitCode", "outputs.result", "outputs.parameters"}


def unknown_tags(manifest: Manifest, templates: Mapping[str, Template]) -> Iterator[str]:
    """Yield each use of a tag that nothing will ever put in place."""
    parameters = {one.name: "" for one in manifest.spec.arguments.parameters}
    run = Run(name="", workflow="", uid="", parameters=parameters, working_folder="")
    workflow = set(start_values(manifest, run))
    in_main = _reachable(manifest.spec.entrypoint, templates)
    for template in manifest.spec.templates:
        known = workflow | CALL_TAGS | _own_tags(template)
        if template.name not in in_main:
            known |= EXIT_VALUES
        if template.retry_strategy:
            known |= RETRY_TAGS
        calls = _call_tags(template, templates)
        body = template.model_copy(update={"dag": None, "steps": None, "outputs": template.outputs.__class__()})
        yield from _report(template, "", _tags_of(body.as_json()) - known)
        everything = set().union(*calls.values()) if calls else set()
        yield from _report(template, "field outputs, ", _tags_of(template.outputs.as_json()) - known - everything)
        for task in template.tasks:
            visible = known | calls.get(task.name, set())
            if task.expands:
                visible |= {tag for tag in tags(task.as_json()) if tag == "item" or tag.startswith("item.")}
            yield from _report(template, f"task {task.name!r}, ", _tags_of(task.as_json()) - visible)
        yield from _unknown_names(template, everything)


def _tags_of(text: str) -> set[str]:
    return set(tags(text.replace('\\"', '"')))


def _report(template: Template, where: str, found: set[str]) -> Iterator[str]:
    for tag in sorted(found):
        why = (
            "expression tags are outside of what a local run offers"
            if tag.startswith("=")
            else "nothing gives it a value"
        )
        yield f"template {template.name!r}, {where}tag {{{{{tag}}}}}: {why}"


def _own_tags(template: Template) -> set[str]:
    inputs, outputs = template.inputs, template.outputs
    own = {"inputs.parameters"} | {f"inputs.parameters.{one.name}" for one in inputs.parameters}
    own |= {f"inputs.artifacts.{one.name}.path" for one in inputs.artifacts if one.path}
    own |= {f"inputs.artifacts.{one.name}" for one in inputs.artifacts}
    own |= {f"outputs.artifacts.{one.name}.path" for one in outputs.artifacts if one.path}
    return own | {f"outputs.parameters.{one.name}.path" for one in outputs.parameters}


def _call_tags(template: Template, templates: Mapping[str, Template]) -> dict[str, set[str]]:
    """For each task, the tags of what runs before it."""
    if template.dag:
        try:
            above = Graph(template.dag).ancestors
        except LocalError:
            return {}
        return {
            name: {tag for one in names for tag in _node_tags("tasks", _task(template, one), templates)}
            for name, names in above.items()
        } | {"": {tag for task in template.tasks for tag in _node_tags("tasks", task, templates)}}
    found: dict[str, set[str]] = {}
    before: set[str] = set()
    for group in template.steps or []:
        found |= {step.name: set(before) for step in group.root}
        before |= {tag for step in group.root for tag in _node_tags("steps", step, templates)}
    return found | {"": before}


def _node_tags(kind: str, task: Task, templates: Mapping[str, Template]) -> set[str]:
    prefix = f"{kind}.{task.name}"
    called = templates.get(task.template)
    known = {f"{prefix}.{field}" for field in NODE_FIELDS}
    if called:
        known |= {f"{prefix}.outputs.parameters.{one.name}" for one in called.outputs.parameters}
        known |= {f"{prefix}.outputs.artifacts.{one.name}" for one in called.outputs.artifacts}
    return known


def _task(template: Template, name: str) -> Task:
    return next(task for task in template.tasks if task.name == name)


def _reachable(name: str, templates: Mapping[str, Template]) -> set[str]:
    """Return the names of the templates that the template `name` leads to, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in templates and current not in found:
            found.add(current)
            waiting += [task.template for task in templates[current].tasks]
    return found


def _unknown_names(template: Template, known: set[str]) -> Iterator[str]:
    """Yield names in the expressions of outputs that will never have a value."""
    inputs = {f"inputs.parameters.{one.name}" for one in template.inputs.parameters}
    inputs |= {f"inputs.artifacts.{one.name}" for one in template.inputs.artifacts}
    sources = [(one.name, one.from_expression) for one in template.outputs.artifacts]
    sources += [(one.name, one.value_from.expression) for one in template.outputs.parameters if one.value_from]
    for output, source in sources:
        if not source or "{{" in source:
            continue
        try:
            names = parse(source).names
        except LocalError:
            continue  # told elsewhere
        for name in sorted(names - known - inputs):
            yield f"template {template.name!r}, field outputs, {output!r}: {name} in the expression will never have a value"
