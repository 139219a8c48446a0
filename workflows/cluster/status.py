"""A Workflow's status as a `Run`, so that a run on the cluster is shown like one on this machine."""

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from workflows.local.node import Node, NodeType, Phase
from workflows.local.run import Run
from workflows.local.values import Outputs, Parameter

NODE_FIELDS: Final = {item.value for item in NodeType}
LONG_ITEM: Final = re.compile(r"(\(\d+:.{32}).{9,}\)(?=(?:\(\d+\))?$)", re.DOTALL)
ENDED: Final = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR})


def run_of(workflow: Mapping[str, Any]) -> Run:
    """Return `workflow`, as the cluster has it, as a run; nodes are in the order in which they began."""
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    reference = workflow["spec"].get("workflowTemplateRef") or {}
    created = _moment(metadata["creationTimestamp"])
    return Run(
        name=metadata["name"],
        workflow=reference.get("name", ""),
        uid=metadata["uid"],
        parameters=_parameters(workflow),
        working_folder="",
        created=created,
        started=_moment(status["startedAt"]) if status.get("startedAt") else created,
        finished=_moment(status["finishedAt"]) if status.get("finishedAt") else None,
        phase=status.get("phase") or Phase.PENDING,
        message=status.get("message", ""),
        nodes=_nodes(status),
    )


def has_ended(run: Run) -> bool:
    """Tell whether nothing more will happen to `run`."""
    return run.phase in ENDED


def _parameters(workflow: Mapping[str, Any]) -> dict[str, str]:
    arguments = (workflow["spec"].get("arguments") or {}).get("parameters") or ()
    return {one["name"]: str(one.get("value", "")) for one in arguments}


def node_entries(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the nodes as the cluster has them, under the names and in the order that `run_of` gives them."""
    found = _found(workflow.get("status") or {})
    return {name: found[key] for key, name in _names(found).items()}


def _nodes(status: Mapping[str, Any]) -> dict[str, Node]:
    found = _found(status)
    names = _names(found)
    return {name: _node(found[key], name, names) for key, name in names.items()}


def _found(status: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = status.get("nodes") or {}
    if not found and status.get("compressedNodes"):
        # Argo packs the nodes of a Workflow that would be too large for the API server.
        found = json.loads(gzip.decompress(b64decode(status["compressedNodes"])))
    return found


def _names(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of nodes by their keys, in the order in which the nodes began."""
    names = {key: _shorten(entry["name"]) for key, entry in found.items()}
    if len(set(names.values())) < len(names):
        names = {key: entry["name"] for key, entry in found.items()}
    keys = sorted(found, key=lambda key: (str(found[key].get("startedAt") or "9"), found[key]["name"]))
    return {key: names[key] for key in keys}


def _shorten(name: str) -> str:
    """Cut short what Argo writes into the name of a loop's node: the whole item, however long that is."""
    return LONG_ITEM.sub(r"\1…)", name)


def _node(entry: Mapping[str, Any], name: str, names: Mapping[str, str]) -> Node:
    kind = NodeType(entry["type"]) if entry["type"] in NODE_FIELDS else NodeType.POD
    outputs = entry.get("outputs") or {}
    times = {"started": _moment(entry["startedAt"])} if entry.get("startedAt") else {}
    return Node(
        name=name,
        display_name=_shorten(entry.get("displayName", name)),
        type=kind,
        phase=Phase(entry.get("phase") or Phase.PENDING),
        template=entry.get("templateName", ""),
        boundary=names.get(entry.get("boundaryID", ""), ""),
        message=entry.get("message", ""),
        finished=_moment(entry["finishedAt"]) if entry.get("finishedAt") else None,
        children=[names[child] for child in entry.get("children") or () if child in names],
        outputs=Outputs(
            parameters=[
                Parameter(name=one["name"], value=str(one.get("value", ""))) for one in outputs.get("parameters") or ()
            ],
            exitCode=outputs.get("exitCode"),
        ),
        progress=_progress(entry) if kind is NodeType.POD else "",
        **times,
    )


def _progress(entry: Mapping[str, Any]) -> str:
    """Return what the step itself tells; Argo counts a pod that tells nothing as 0 or 1 of 1."""
    text = str(entry.get("progress", ""))
    return "" if text.endswith("/1") else text


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
