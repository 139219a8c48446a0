"""Check a rendered manifest without a cluster: schema, references, names, and the subset that both engines run alike.

Argo's schema checks no references, `argo lint` evaluates no expressions, and neither knows what the local engine runs.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflows.argo.schema import schema_faults
from workflows.argo.scope import STATES, TAG, Scope, ancestors, dependencies, named, texts
from workflows.argo.template import DESCRIPTION
from workflows.local.errors import ExpressionError
from workflows.local.expression import parse, parse_condition

LONGEST_NAME: Final = 63
LAST_TRY: Final = frozenset(f"lastRetry.{name}" for name in ("exitCode", "status", "message", "duration"))
Entry = Mapping[str, Any]


def lint(document: Entry) -> list[str]:
    """Return what is wrong with `document`, one workflow template; each fault starts with the place it is at."""
    faults = schema_faults(dict(document))
    if faults:
        return faults
    return list(_Manifest(document).faults())


class _Manifest:
    def __init__(self, document: Entry) -> None:
        self.name: str = document["metadata"]["name"]
        self.spec: Entry = document["spec"]
        self.parameters = named((self.spec.get("arguments") or {}).get("parameters"))
        self.templates = named(self.spec.get("templates"))
        self.exiting = self._reachable(str(self.spec.get("onExit")))

    def faults(self) -> Iterator[str]:
        yield from _name_faults("metadata", [self.name])
        yield from _name_faults("templates", [str(t.get("name")) for t in self.spec.get("templates") or ()])
        for key in ("entrypoint", "onExit"):
            if key in self.spec and self.spec[key] not in self.templates:
                yield f"{key}: there is no template {self.spec[key]!r}"
        read = {tag for text in texts(self.spec) for tag in TAG.findall(text)}
        for name, parameter in self.parameters.items():
            yield from _offer_faults(parameter)
            if f"workflow.parameters.{name}" not in read:
                yield f"parameter {name}: nothing reads it"
        own = {key: part for key, part in self.spec.items() if key not in ("templates", "arguments")}
        yield from (f"spec: {fault}" for fault in Scope(self.parameters).faults(own))
        for template in self.templates.values():
            yield from (f"{template['name']}: {fault}" for fault in self._template_faults(template))

    def _template_faults(self, template: Entry) -> Iterator[str]:
        if not (template.get("metadata") or {}).get("annotations", {}).get(DESCRIPTION):
            yield f"has no annotation {DESCRIPTION}"
        inputs = template.get("inputs") or {}
        exiting = template["name"] in self.exiting
        here = Scope(self.parameters, inputs, exiting=exiting)
        yield from here.faults({k: part for k, part in template.items() if k not in ("dag", "outputs")})
        yield from _retry_faults(template)
        if "container" in template:
            yield from here.faults(template.get("outputs"))
            yield from _container_faults(template)
        elif "dag" in template:
            tasks = named(template["dag"].get("tasks"))
            within = Scope(self.parameters, inputs, self._templates_of(tasks), exiting)
            yield from _output_faults(template.get("outputs") or {}, within)
            yield from _name_faults("tasks", [str(t.get("name")) for t in template["dag"].get("tasks") or ()])
            for name, task in tasks.items():
                reach = self._templates_of({other: tasks[other] for other in ancestors(name, tasks)})
                item = bool({"withItems", "withParam", "withSequence"} & task.keys())
                scope = Scope(self.parameters, inputs, reach, exiting, item)
                yield from (f"{name}: {fault}" for fault in self._task_faults(task, tasks, scope))
        elif "resource" in template:
            yield from _resource_faults(template["resource"])
        else:
            yield "is neither a container, a dag nor a resource: the local engine and this check know no other"

    def _task_faults(self, task: Entry, tasks: Mapping[str, Entry], scope: Scope) -> Iterator[str]:
        yield from scope.faults(task)
        for other, states in dependencies(task).items():
            if other not in tasks:
                yield f"depends on {other!r}, which is no task here"
            yield from (f"depends on {other}.{state}, which is no state" for state in states - STATES)
        if task["name"] in ancestors(task["name"], tasks):
            yield "waits for itself"
        if "when" in task:
            try:
                parse_condition(str(task["when"]))
            except ExpressionError as error:
                yield f"when: {error}"
        template = self.templates.get(str(task.get("template")))
        if template is None:
            yield f"there is no template {task.get('template')!r}"
            return
        inputs, arguments = template.get("inputs") or {}, task.get("arguments") or {}
        for kind in ("parameters", "artifacts"):
            wanted, given = named(inputs.get(kind)), named(arguments.get(kind))
            yield from (
                f"gives {name!r}, which {template['name']!r} does not take" for name in given if name not in wanted
            )
            for name, entry in wanted.items():
                supplied = "default" in entry or "value" in entry or entry.get("optional")
                if name not in given and not supplied:
                    yield f"does not give {name!r}, which {template['name']!r} needs"
                if given.get(name, {}).get("optional") and not entry.get("optional"):
                    yield f"{name!r} is optional here, but not in {template['name']!r}"
        for name, artifact in named(arguments.get("artifacts")).items():
            if "fromExpression" in artifact:
                yield f"{name!r}: Argo takes fromExpression only in a DAG's outputs"

    def _templates_of(self, tasks: Mapping[str, Entry]) -> dict[str, Entry]:
        return {name: self.templates.get(str(task.get("template")), {}) for name, task in tasks.items()}

    def _reachable(self, name: str) -> set[str]:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            template = waiting.pop()
            if template in self.templates and template not in seen:
                seen.add(template)
                tasks = (self.templates[template].get("dag") or {}).get("tasks") or ()
                waiting.extend(str(task.get("template")) for task in tasks)
        return seen


def _name_faults(where: str, names: list[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{where}: {name!r} is there twice"
        if len(name) > LONGEST_NAME:
            yield f"{where}: {name!r} has {len(name)} characters, {LONGEST_NAME} fit"


def _offer_faults(parameter: Entry) -> Iterator[str]:
    name, value = parameter["name"], parameter.get("value")
    if not parameter.get("description"):
        yield f"parameter {name}: has no description"
    if "default" in parameter:
        yield f"parameter {name}: the form shows `value`, not `default`"
    if value in ("null", "None"):
        yield f"parameter {name}: {value!r} is no value a person means"
    if value is not None and "enum" in parameter and value not in parameter["enum"]:
        yield f"parameter {name}: {value!r} is not among {', '.join(parameter['enum'])}"


def _retry_faults(template: Entry) -> Iterator[str]:
    retry = template.get("retryStrategy")
    if retry is None:
        return
    if "timeout" in template:
        yield "retryStrategy: below a retry, Argo no longer applies `timeout` to a pod that is Pending"
    if "limit" not in retry:
        yield "retryStrategy: without a limit it never ends"
    if "expression" not in retry:
        yield "retryStrategy: without an expression it tries wrong input again"
        return
    try:
        unknown = parse(str(retry["expression"])).names - LAST_TRY
    except ExpressionError as error:
        yield f"retryStrategy: {error}"
        return
    yield from (f"retryStrategy: {name!r} is none of {', '.join(sorted(LAST_TRY))}" for name in sorted(unknown))


def _container_faults(template: Entry) -> Iterator[str]:
    mounts = named(template["container"].get("volumeMounts"))
    for name in mounts.keys() - named(template.get("volumes")).keys():
        yield f"mounts volume {name!r}, which it does not have"
    roots = tuple(f"{mount['mountPath']}/" for mount in mounts.values())
    outputs = template.get("outputs") or {}
    for artifact in outputs.get("artifacts") or ():
        if not str(artifact.get("path")).startswith(roots):
            yield f"artifact {artifact['name']!r} is at {artifact.get('path')!r}, outside every volume: Argo would compress it"
        if not (artifact.get("s3") or {}).get("key"):
            yield f"artifact {artifact['name']!r} has no key"


def _resource_faults(resource: Entry) -> Iterator[str]:
    for outcome in ("successCondition", "failureCondition"):
        if outcome not in resource:
            yield f"resource: has no {outcome}, so nobody waits for it"


def _output_faults(outputs: Entry, scope: Scope) -> Iterator[str]:
    for artifact in outputs.get("artifacts") or ():
        yield from (
            scope.expression_faults(artifact["fromExpression"])
            if "fromExpression" in artifact
            else scope.faults(artifact)
        )
    for parameter in outputs.get("parameters") or ():
        value = parameter.get("valueFrom") or {}
        yield from scope.expression_faults(value["expression"]) if "expression" in value else scope.faults(value)
