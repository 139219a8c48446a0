"""The values of `workflow.*` and of the names of nodes and pods."""

import json

from workflows.local.durations import now, rfc3339
from workflows.local.manifest import Manifest
from workflows.local.node import Node, Phase
from workflows.local.run import Run
from workflows.local.spelling import json_text
from workflows.local.substitution import parameters_json

NAMESPACE = "default"
EXIT_VALUES = frozenset({"workflow.status", "workflow.failures", "workflow.duration"})
"""Known only when the workflow has ended: exit handlers may use them."""
REFERENCE_LABELS = {
    "ClusterWorkflowTemplate": "workflows.argoproj.io/cluster-workflow-template",
    "WorkflowTemplate": "workflows.argoproj.io/workflow-template",
}


def start_values(manifest: Manifest, run: Run) -> dict[str, str]:
    """Return the values that every template may use."""
    labels = dict(manifest.spec.workflow_metadata.labels)
    annotations = dict(manifest.spec.workflow_metadata.annotations)
    if manifest.kind in REFERENCE_LABELS:
        labels[REFERENCE_LABELS[manifest.kind]] = manifest.metadata.name
    else:
        labels |= manifest.metadata.labels
        annotations |= manifest.metadata.annotations
    offered = manifest.spec.arguments.parameters
    parameters = parameters_json([one.model_copy(update={"value": run.parameters.get(one.name)}) for one in offered])
    values = {
        "workflow.name": run.name,
        "workflow.namespace": NAMESPACE,
        "workflow.mainEntrypoint": manifest.spec.entrypoint,
        "workflow.serviceAccountName": "default",
        "workflow.uid": run.uid,
        "workflow.creationTimestamp": rfc3339(run.created),
        "workflow.parameters": parameters,
        "workflow.parameters.json": parameters,
        "workflow.labels.json": json_text(labels),
        "workflow.annotations.json": json_text(annotations),
    }
    values |= {f"workflow.parameters.{name}": value for name, value in run.parameters.items()}
    values |= {f"workflow.labels.{name}": value for name, value in labels.items()}
    return values | {f"workflow.annotations.{name}": value for name, value in annotations.items()}


def exit_values(run: Run, phase: Phase) -> dict[str, str]:
    """Return the values that an exit handler may use besides. `workflow.failures` is JSON, quoted once more."""
    failures = [_failure(run, node) for node in run.nodes.values() if node.phase.bad] or None
    return {
        "workflow.status": str(phase),
        "workflow.failures": json.dumps(json_text(failures), ensure_ascii=False),
        "workflow.duration": f"{(now() - run.started).total_seconds():.6f}",
    }


def pod_name(run: str, node: str, template: str) -> str:
    """Return the name that Argo would give the pod of `node`."""
    if node == run:
        return run
    number = 0x811C9DC5
    for byte in node.encode():
        number = ((number ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{f'{run}-{template}'[:242]}-{number}"


def _failure(run: Run, node: Node) -> dict[str, str]:
    return {
        "displayName": node.display_name,
        "message": node.message,
        "templateName": node.template,
        "phase": str(node.phase),
        "podName": pod_name(run.name, node.name, node.template),
        "finishedAt": rfc3339(node.finished or now()),
    }
