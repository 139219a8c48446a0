"""Submitting: the parameters are checked against what the cluster offers before anything starts there."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from steps.catalog import STEPS
from steps.contract import argo_name, describe
from workflows.cluster.client import Cluster
from workflows.cluster.errors import MissingError
from workflows.local.errors import SubmissionError
from workflows.local.manifest import Manifest
from workflows.local.submission import fill

API: Final = "argoproj.io/v1alpha1"
TEMPLATE: Final = "ClusterWorkflowTemplate"
LABELS: Final = {"app.kubernetes.io/part-of": "argosight"}
ORIGIN: Final = "workflows.argoproj.io/cluster-workflow-template"
"""Label by which Argo's UI and `argo list` know the template of a run."""


def submit(
    cluster: Cluster, template: str, given: Mapping[str, str], *, namespace: str, name: str = ""
) -> dict[str, Any]:
    """Start a Workflow from the template called `template`, and return it as the cluster has it.

    Only what is given is passed on: everything else stays the template's to decide.

    Raises:
        MissingError: If there is no such template.
        SubmissionError: If a parameter is unknown, missing, or has a value that the template or a step does not take.
        ConflictError: If there is a run called `name` already.
    """
    found = cluster.get(API, TEMPLATE, template)
    if not found:
        raise _unknown(cluster, template)
    check(found, given)
    document = {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": {
            **({"name": name} if name else {"generateName": f"{template}-"}),
            "namespace": namespace,
            "labels": {**LABELS, ORIGIN: template},
        },
        "spec": {
            "workflowTemplateRef": {"name": template, "clusterScope": True},
            "arguments": {"parameters": [{"name": key, "value": value} for key, value in given.items()]},
        },
    }
    return cluster.create(document)


def check(template: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """Check what is given against what `template` offers, and against the contracts of its steps.

    Raises:
        SubmissionError: If a parameter is unknown, missing, or has a value that no run could use; it names all faults.
    """
    arguments = {"parameters": template["spec"].get("arguments", {}).get("parameters", [])}
    offered = {"apiVersion": API, "kind": TEMPLATE, "metadata": {"name": ""}, "spec": {"arguments": arguments}}
    fill(Manifest.model_validate(offered), given)
    faults = [*_misplaced(given), *_out_of_range(template["spec"], given)]
    if faults:
        raise SubmissionError(
            "; ".join(fault for fault, _ in faults), hint=" ".join(dict.fromkeys(hint for _, hint in faults))
        )


def _misplaced(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    source = given.get("source", "")
    if source and "://" not in source:
        yield (
            f"parameter source={source!r} is a path, and pods do not see this machine's files",
            "upload it to a bucket and give its s3:// URL",
        )


def _out_of_range(spec: Mapping[str, Any], given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what the contracts of the steps that get the values as they are say of them, and what each parameter is."""
    passed, seen = _passed_on(spec), set()
    for template in spec.get("templates", ()):
        command = (template.get("container") or {}).get("command", [])
        step = STEPS.get(command[3]) if command[:3] == ["python", "-m", "steps"] and len(command) > 3 else None
        if not step:
            continue
        fields = {
            name: (argo_name(name), field)
            for name, field in step.inputs.model_fields.items()
            if argo_name(name) in given and argo_name(name) in passed.get(template["name"], ())
        }
        try:
            step.inputs.model_validate_strings({name: given[parameter] for name, (parameter, _) in fields.items()})
        except ValidationError as error:
            for fault in error.errors():
                parameter, field = fields.get(str(fault["loc"][0]) if fault["loc"] else "", ("", None))
                if field and parameter not in seen:
                    seen.add(parameter)
                    why = fault["msg"].removeprefix("Value error, ")
                    told = f"parameter {parameter}={given[parameter]!r}: {why[0].lower()}{why[1:]}"
                    yield told, f"{parameter} is: {describe(field)}"


def _passed_on(spec: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the parameters of the workflow that each template gets unchanged, under their own names."""
    passed: dict[str, set[str]] = {}
    for template in spec.get("templates", ()):
        for task in (template.get("dag") or {}).get("tasks", ()):
            for one in (task.get("arguments") or {}).get("parameters", ()):
                if one.get("value") == f"{{{{workflow.parameters.{one['name']}}}}}":
                    passed.setdefault(task.get("template", ""), set()).add(one["name"])
    return passed


def _unknown(cluster: Cluster, template: str) -> MissingError:
    known = [one["metadata"]["name"] for one in cluster.list(API, TEMPLATE)]
    close = get_close_matches(template, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`argosight release` puts the rendered templates there"
    return MissingError(f"the cluster has no template {template!r}", hint=hint)
