"""Submitting: the parameters are checked against what the cluster offers before anything starts there."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from workflows.cluster.client import Cluster
from workflows.cluster.errors import MissingError
from workflows.contract_check import check_values
from workflows.local.manifest import Manifest

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
    manifest = Manifest.model_validate(offered)
    check_values(manifest, template["spec"], given, only_given=True, faults=tuple(_misplaced(given)))


def _misplaced(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    source = given.get("source", "")
    if source and "://" not in source:
        yield (
            f"parameter source={source!r} is a path, and pods do not see this machine's files",
            "upload it to a bucket and give its s3:// URL",
        )


def _unknown(cluster: Cluster, template: str) -> MissingError:
    known = [one["metadata"]["name"] for one in cluster.list(API, TEMPLATE)]
    close = get_close_matches(template, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`argosight release` puts the rendered templates there"
    return MissingError(f"the cluster has no template {template!r}", hint=hint)
