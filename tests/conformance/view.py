"""What both engines tell about a run, in one form: nodes under the names that they have in both."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from workflows.local.run import Run

ENGINES_OWN = {"main-logs"}
"""Artifacts that only Argo makes: there, logs are artifacts too."""

REFUSED = "Refused"
"""Phase of a run that did not begin, because the manifest or what it was given is wrong."""
INVALID = "invalid spec: "


class NodeView(BaseModel):
    """A node as a person sees it."""

    display_name: str
    type: str
    phase: str
    template: str = ""
    boundary: str = ""
    message: str = ""
    children: list[str] = Field(default_factory=list)
    inputs: dict[str, str] = Field(default_factory=dict)
    """Parameters by name."""
    input_artifacts: list[str] = Field(default_factory=list)
    parameters: dict[str, str] = Field(default_factory=dict)
    """Output parameters by name."""
    artifacts: dict[str, str] = Field(default_factory=dict)
    """Output artifacts by name, with the digest of their content where it is known."""
    result: str | None = None
    exit_code: str | None = None


class RunView(BaseModel):
    """A run and its nodes, by name; the first node is called like the run."""

    name: str
    phase: str
    message: str = ""
    argo: str = ""
    """Version of Argo that made it so; empty for the local engine."""
    nodes: dict[str, NodeView]

    def renamed(self, name: str) -> "RunView":
        """Return the view that a run called `name` would have: the name is in names of nodes, values and messages."""
        return RunView.model_validate_json(self.model_dump_json().replace(self.name, name))


def view_of_argo(workflow: Mapping[str, Any], digests: Mapping[tuple[str, str], str] | None = None) -> RunView:
    """Return the view of a Workflow object. `digests` are those of artifacts, by names of node and artifact."""
    status = workflow["status"]
    by_id: dict[str, Any] = status.get("nodes") or {}
    names = {number: node["name"] for number, node in by_id.items()}
    shown = {number: node["displayName"] for number, node in by_id.items()}
    nodes = {}
    for node in by_id.values():
        inputs, outputs = node.get("inputs") or {}, node.get("outputs") or {}
        nodes[node["name"]] = NodeView(
            display_name=node["displayName"],
            type=node["type"],
            phase=node.get("phase", ""),
            template=node.get("templateName", ""),
            boundary=names.get(node.get("boundaryID", ""), ""),
            message=_with_names(node.get("message", ""), shown),
            children=sorted(names.get(child, child) for child in node.get("children") or []),
            inputs=_values(inputs.get("parameters")),
            input_artifacts=sorted(one["name"] for one in inputs.get("artifacts") or []),
            parameters=_values(outputs.get("parameters")),
            artifacts={
                one["name"]: (digests or {}).get((node["name"], one["name"]), "")
                for one in outputs.get("artifacts") or []
                if one["name"] not in ENGINES_OWN
            },
            result=outputs.get("result"),
            exit_code=outputs.get("exitCode"),
        )
    message = _with_names(status.get("message", ""), shown)
    phase = REFUSED if message.startswith(INVALID) and not nodes else str(status.get("phase", ""))
    return RunView(name=workflow["metadata"]["name"], phase=phase, message=message, nodes=nodes)


def view_of_run(run: Run) -> RunView:
    """Return the view of a run of the local engine."""
    nodes = {
        node.name: NodeView(
            display_name=node.display_name,
            type=str(node.type),
            phase=str(node.phase),
            template=node.template,
            boundary=node.boundary,
            message=node.message,
            children=sorted(node.children),
            inputs={one.name: one.value or "" for one in node.inputs.parameters},
            input_artifacts=sorted(one.name for one in node.inputs.artifacts),
            parameters={one.name: one.value or "" for one in node.outputs.parameters},
            artifacts={one.name: one.digest or "" for one in node.outputs.artifacts},
            result=node.outputs.result,
            exit_code=node.outputs.exit_code,
        )
        for node in run.nodes.values()
    }
    return RunView(name=run.name, phase=str(run.phase), message=run.message, nodes=nodes)


def _values(parameters: list[dict[str, Any]] | None) -> dict[str, str]:
    return {one["name"]: one["value"] for one in parameters or [] if "value" in one}


def _with_names(message: str, shown: Mapping[str, str]) -> str:
    """Replace ids of nodes, which are hashes, by the names that people see."""
    longest_first = sorted((one for one in shown if re.search(r"-\d+$", one)), key=len, reverse=True)
    for number in longest_first:
        message = message.replace(number, shown[number])
    return message
