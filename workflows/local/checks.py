"""What can be known to be wrong before a run starts: references, expressions, tags, mounts and durations."""

import re
from collections.abc import Callable, Iterator

from workflows.local.durations import seconds_of
from workflows.local.errors import LocalError, ManifestError
from workflows.local.expression import parse, parse_condition
from workflows.local.graph import Graph
from workflows.local.manifest import Manifest
from workflows.local.mounts import covers
from workflows.local.substitution import TAG, tags
from workflows.local.tag_checks import unknown_tags
from workflows.local.template import Task, Template
from workflows.local.values import Arguments, Parameter

NO_ZIP = "Argo packs the whole path of what lies on a volume into a zip, and cannot unpack it again; use tar or none"


def check(manifest: Manifest) -> None:
    """Refuse `manifest` if it cannot run here; all faults are told at once, each with template and field.

    Raises:
        ManifestError: If there is a fault.
    """
    faults = list(_faults(manifest))
    if faults:
        raise ManifestError(
            "the manifest cannot run here:\n" + "\n".join(f"  {fault}" for fault in faults),
            hint="references, tags and expressions are checked before anything starts",
        )


def _faults(manifest: Manifest) -> Iterator[str]:
    spec = manifest.spec
    names = [template.name for template in spec.templates]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"template {name!r} is there twice"
    for field, name in (("entrypoint", spec.entrypoint), ("onExit", spec.on_exit)):
        if name not in names and (name or field == "entrypoint"):
            yield f"field spec.{field}: no template {name!r}"
    templates = {template.name: template for template in spec.templates}
    given = Arguments(parameters=[Parameter(name=one.name, value="") for one in spec.arguments.parameters])
    for field, name in (("entrypoint", spec.entrypoint), ("onExit", spec.on_exit)):
        if name in templates:
            yield from (f"field spec.{field}: {fault}" for fault in _missing_inputs(templates[name], given))
    for template in spec.templates:
        for fault in _template_faults(template, templates, manifest):
            yield f"template {template.name!r}, {fault}"
    if not any(name not in templates for name in (spec.entrypoint, *([spec.on_exit] if spec.on_exit else []))):
        yield from unknown_tags(manifest, templates)
        yield from _packed_prefixes(spec.templates)


def _template_faults(template: Template, templates: dict[str, Template], manifest: Manifest) -> Iterator[str]:
    yield from _limits(template)
    yield from _locations(template, manifest)
    if template.dag:
        yield from _said_by(lambda: Graph(template.dag) if template.dag else None, "field dag")
    for task in template.tasks:
        for fault in _task_faults(task, templates):
            yield f"task {task.name!r}, {fault}"
    for field, source in _expressions(template):
        yield from _said_by(lambda source=source: parse(TAG.sub("x", source)), f"field {field}")  # type: ignore[misc]


def _task_faults(task: Task, templates: dict[str, Template]) -> Iterator[str]:
    called = templates.get(task.template)
    if not called:
        yield f"field template: no template {task.template!r}"
        return
    if task.when:
        yield from _said_by(lambda: parse_condition(TAG.sub("x", task.when)), "field when")
        bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "", task.when)
        if "{{" in bare:
            yield f"field when: a tag in {task.when!r} is not quoted"
    yield from (f"field arguments: {fault}" for fault in _missing_inputs(called, task.arguments))
    for one in task.arguments.artifacts:
        if not (one.from_ or one.from_expression or one.located or one.optional):
            yield f"field arguments.artifacts[{one.name}]: it says neither where the artifact comes from nor its key"
        if one.from_expression:
            yield f"field arguments.artifacts[{one.name}].fromExpression: Argo takes it only in the outputs of a DAG"


def _missing_inputs(called: Template, given: Arguments) -> Iterator[str]:
    """Yield the inputs of the template `called` that have no value of their own and are not among what is `given`."""
    for parameter in called.inputs.parameters:
        passed = given.parameter(parameter.name)
        if parameter.value is None and parameter.default is None and (passed is None or passed.value is None):
            yield f"template {called.name!r} needs the parameter {parameter.name!r}"
    for artifact in called.inputs.artifacts:
        if not artifact.located and not artifact.optional and given.artifact(artifact.name) is None:
            yield f"template {called.name!r} needs the artifact {artifact.name!r}"


def _limits(template: Template) -> Iterator[str]:
    strategy = template.retry_strategy
    for field, text, bare in (
        ("timeout", template.timeout, False),
        ("pendingTimeout", template.pending_timeout, False),
        ("activeDeadlineSeconds", template.active_deadline_seconds, True),
        ("retryStrategy.limit", strategy.limit if strategy else None, True),
        ("retryStrategy.backoff.duration", strategy.backoff.duration if strategy and strategy.backoff else None, True),
        (
            "retryStrategy.backoff.maxDuration",
            strategy.backoff.max_duration if strategy and strategy.backoff else None,
            True,
        ),
    ):
        if text and not any(tags(text)):
            yield from _said_by(lambda text=text, bare=bare: seconds_of(text, bare=bare), f"field {field}")  # type: ignore[misc]
        if text and not template.process and not field.startswith("retry"):
            yield f"field {field}: it means something only for a container or script"


def _expressions(template: Template) -> Iterator[tuple[str, str]]:
    for artifact in template.outputs.artifacts:
        if artifact.from_expression:
            yield f"outputs.artifacts[{artifact.name}].fromExpression", artifact.from_expression
    for parameter in template.outputs.parameters:
        if parameter.value_from and parameter.value_from.expression:
            yield f"outputs.parameters[{parameter.name}].valueFrom.expression", parameter.value_from.expression
    if template.retry_strategy and template.retry_strategy.expression:
        yield "retryStrategy.expression", template.retry_strategy.expression


def _locations(template: Template, manifest: Manifest) -> Iterator[str]:
    """Yield what is wrong with mounts, and with the paths of artifacts and parameters, which have to lie on one."""
    known = {volume.name for volume in [*manifest.spec.volumes, *template.volumes]}
    mounts = [mount.mount_path.rstrip("/") for mount in template.process.volume_mounts] if template.process else []
    for mount in template.process.volume_mounts if template.process else []:
        if mount.name not in known:
            yield f"field volumeMounts[{mount.name}]: no such volume"
    paths = [("inputs.artifacts", one.name, one.path) for one in template.inputs.artifacts]
    paths += [("outputs.artifacts", one.name, one.path) for one in template.outputs.artifacts]
    paths += [
        ("outputs.parameters", one.name, one.value_from.path) for one in template.outputs.parameters if one.value_from
    ]
    for field, name, path in paths:
        if path and template.process and not covers(mounts, path):
            yield f"field {field}[{name}].path: {path} is not on an emptyDir volume of the template"
    for field, artifacts in (("inputs", template.inputs.artifacts), ("outputs", template.outputs.artifacts)):
        for one in artifacts:
            if one.digest or one.tree is not None:
                yield f"field {field}.artifacts[{one.name}]: digest and tree are the engine's own"
            if one.packing == "zip":
                yield f"field {field}.artifacts[{one.name}].archive: {NO_ZIP}"
            if template.process and not one.path:
                yield f"field {field}.artifacts[{one.name}].path is missing"
    if template.resource:
        for parameter in template.outputs.parameters:
            if not parameter.value_from or parameter.value_from.default is None:
                yield f"field outputs.parameters[{parameter.name}]: a recorded resource has only defaults to give"


def _packed_prefixes(templates: list[Template]) -> Iterator[str]:
    """Yield artifacts that are packed although another template collects the keys around them as files."""
    prefixes = [
        (template.name, one.s3.key.rstrip("/"))
        for template in templates
        for taken in (template.inputs, *(task.arguments for task in template.tasks))
        for one in taken.artifacts
        if one.s3
    ]
    for template in templates:
        for one in template.outputs.artifacts:
            for reader, prefix in prefixes:
                if one.s3 and one.packing != "none" and one.s3.key.startswith(f"{prefix}/"):
                    yield (
                        f"template {template.name!r}, field outputs.artifacts[{one.name}].archive: "
                        f"template {reader!r} collects {prefix}/, where Argo would give it the packed file; use none"
                    )


def _said_by(attempt: Callable[[], object], where: str) -> Iterator[str]:
    try:
        attempt()
    except (LocalError, ValueError) as error:
        yield f"{where}: {error.message if isinstance(error, LocalError) else error}"
