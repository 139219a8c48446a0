"""Reference pages in Markdown, from the contracts and the manifests."""

from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from pydantic.fields import FieldInfo

from steps import errors
from steps.contract import Step, artifact_mark, as_text, bounds, is_internal, kind, site_default, split_fields
from steps.runner import BUG, INTERRUPTED, TERMINATED
from workflows.argo.catalog import Workflow
from workflows.argo.graph import mermaid
from workflows.argo.markdown import page, table

Retry = Mapping[str, Any] | None
"""`retryStrategy` of a template, None where it has none."""


def step_page(step: Step[Any, Any], workflows: Sequence[Workflow]) -> str:
    """Return the page of one step."""
    parameters, artifacts = split_fields(step.inputs)
    out_parameters, out_artifacts = split_fields(step.outputs)
    offered = {name: field for name, field in parameters.items() if not is_internal(field)}
    internal = {name: field for name, field in parameters.items() if is_internal(field)}
    used = [f"[{w.name}](workflow-{w.name}.md)" for w in workflows if _runs(w, step)]
    return page(
        f"# {step.name}",
        cleandoc(step.inputs.__doc__ or ""),
        f"Image `{step.image}`, size `{step.size}`; used by {', '.join(used) or 'no workflow yet'}.",
        f"```console\n$ python -m steps {' '.join([step.name, *step.example.split()])}\n```",
        *_section("## Parameters", _parameter_table(offered)),
        *_section(
            "## Limits and wiring",
            "Right by default, or given by the workflow; not offered at submission.",
            _parameter_table(internal),
        ),
        *_section("## Input artifacts", _artifact_table(artifacts, "in")),
        *_section("## Output artifacts", _artifact_table(out_artifacts, "out")),
        *_section(
            "## Output parameters",
            table(
                ("Name", "Type", "Range", "Description"),
                [(f"`{n}`", kind(f), bounds(f), _line(f.description)) for n, f in out_parameters.items()],
            ),
        ),
        "## Exit codes",
        _exit_codes([retry for w in workflows for retry in _retries(w, step)]),
    )


def workflow_page(workflow: Workflow, steps: Iterable[Step[Any, Any]]) -> str:
    """Return the page of one workflow."""
    offered = workflow.document["spec"]["arguments"]["parameters"]
    required = [parameter["name"] for parameter in offered if "value" not in parameter]
    given = " ".join(f"-p {name}=…" for name in required)
    takers = [step for step in steps if _runs(workflow, step)]
    rows = []
    for parameter in offered:
        users = [f"[{s.name}](step-{s.name}.md)" for s in takers if parameter["name"] in _offered(s)]
        default = (
            f"`{parameter['value']}`" if parameter.get("value") else "empty" if "value" in parameter else "required"
        )
        choices = " ".join(f"`{choice}`" for choice in parameter.get("enum", ()))
        rows.append(
            (
                f"`{parameter['name']}`",
                default,
                choices,
                _line(parameter["description"]),
                ", ".join(users) or "the workflow itself",
            )
        )
    return page(
        f"# {workflow.name}",
        cleandoc(workflow.options.__doc__ or ""),
        f"Version {workflow.version}.",
        f"```console\n$ argosight run {workflow.name} {given}\n"
        f"$ argo submit --from clusterworkflowtemplate/{workflow.name} {given}\n```",
        "## Parameters",
        table(("Parameter", "Default", "Choices", "Description", "Read by"), rows),
        "## Graph",
        f"```mermaid\n{mermaid(workflow.document['spec'])}\n```",
    )


def index_page(workflows: Sequence[Workflow], steps: Sequence[Step[Any, Any]]) -> str:
    """Return the page that leads to the others."""
    return page(
        "# Reference",
        "## Workflows",
        table(
            ("Workflow", "What it does"),
            [
                (f"[{w.name}](workflow-{w.name}.md)", cleandoc(w.options.__doc__ or "").splitlines()[0])
                for w in workflows
            ],
        ),
        "## Steps",
        table(
            ("Step", "What it does", "Image"), [(f"[{s.name}](step-{s.name}.md)", s.summary, s.image) for s in steps]
        ),
        "How to add one: [Add a step, and a parameter](../add-a-step.md).",
        "## Exit codes",
        _exit_codes([retry for w in workflows for s in steps for retry in _retries(w, s) if retry]),
        f"```text\n{(errors.__doc__ or '').split(chr(10), 2)[2].strip()}\n```",
    )


def _exit_codes(retries: Iterable[Retry]) -> str:
    """Return the table of exit codes, for steps whose templates try again as `retries` say."""
    again = "; ".join(dict.fromkeys(_tries(one) for one in retries)) or "try again"
    return table(
        ("Code", "Meaning"),
        (
            ("0", "Done; all outputs are there."),
            (
                str(errors.InputError.exit_code),
                "The input is wrong: the message says what was found. Trying again cannot help.",
            ),
            (str(errors.TemporaryError.exit_code), f"Something outside did not answer: {again}."),
            (f"{INTERRUPTED}, {TERMINATED}", "Interrupted or terminated. Run again, it goes on where it can."),
            (str(BUG), "A bug; the log has the traceback."),
        ),
    )


def _tries(retry: Retry) -> str:
    if not retry:
        return "not tried again by its template, which is bound to a time"
    backoff = retry["backoff"]
    return (
        f"tried again by its template, at most {retry['limit']} times, the first time after {backoff['duration']},"
        f" then after {backoff['factor']} times as long as before"
    )


def _retries(workflow: Workflow, step: Step[Any, Any]) -> list[Retry]:
    """Return the retry strategy of each template of `workflow` that runs `step`."""
    command = ["python", "-m", "steps", step.name]
    templates = workflow.document["spec"]["templates"]
    return [t.get("retryStrategy") for t in templates if command == t.get("container", {}).get("command")]


def _runs(workflow: Workflow, step: Step[Any, Any]) -> bool:
    return bool(_retries(workflow, step))


def _offered(step: Step[Any, Any]) -> list[str]:
    return [name for name, field in split_fields(step.inputs)[0].items() if not is_internal(field)]


def _parameter_table(fields: dict[str, FieldInfo]) -> str:
    return table(
        ("Flag", "Type", "Range", "Default", "Description"),
        [(f"`--{n}`", kind(f), bounds(f), _default(f), _line(f.description)) for n, f in fields.items()],
    )


def _artifact_table(fields: dict[str, FieldInfo], folder: str) -> str:
    rows = []
    for name, field in fields.items():
        mark = artifact_mark(field)
        note = " Optional." if mark and mark.optional else ""
        rows.append((f"`{name}`", f"`$STEP_WORK/{folder}/{name}`", f"{_line(field.description)}{note}"))
    return table(("Name", "Place", "Description"), rows)


def _default(field: FieldInfo) -> str:
    mark = site_default(field)
    at_site = f"; in workflows `s3://BUCKET/{mark.prefix}`, BUCKET being that of `config/site.yaml`" if mark else ""
    if field.is_required():
        return f"required{at_site}"
    return f"`{as_text(field.default)}`" if as_text(field.default) else f"empty{at_site}"


def _section(title: str, *parts: str) -> tuple[str, ...]:
    return (title, *parts) if parts[-1] else ()


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
