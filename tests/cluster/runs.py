"""Runs of `train-detector` on the cluster: submitted as Workflows, looked at until they are as awaited, or explained."""

import io
import json
import os
import secrets
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.cluster import NAMESPACE, ClusterError, as_workflow, describe, kubectl
from workflows.argo.catalog import build_workflows
from workflows.argo.site import SITE, Site, read_site
from workflows.cluster.logs import NODE_ID

ARGO_NAMESPACE = os.environ.get("ARGO_NAMESPACE", "argo")
SMALL = {"device": "cpu", "base-model": "tiny", "image-size": "64", "epochs": "2", "batch": "4", "reuse": "false"}
"""Parameters of a run that is done in a minute or two."""
DEADLINE_S = 600
Workflow = dict[str, Any]
Node = dict[str, Any]


def site() -> Site:
    """Return the cluster's site file: `$ARGOSIGHT_SITE`, else the project's own."""
    return read_site(Path(os.environ.get("ARGOSIGHT_SITE", str(SITE))))


def manifest(name: str = "train-detector") -> Workflow:
    """Return the workflow template as it is rendered for this cluster."""
    document = next(one.document for one in build_workflows(site()) if one.name == name)
    copied: Workflow = json.loads(json.dumps(document))
    return copied


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """One Workflow of these tests."""

    name: str

    def look(self) -> Workflow:
        """Return the Workflow as it is now."""
        workflow: Workflow = json.loads(kubectl("get", "workflow", self.name, "-o", "json"))
        return workflow

    def wait(self, what: str, met: Callable[[Workflow], object], deadline_s: float = DEADLINE_S) -> Workflow:
        """Return the Workflow as soon as `met` holds.

        Raises:
            ClusterError: If it does not within `deadline_s`, or the run ends before; it describes what hangs.
        """
        due = time.monotonic() + deadline_s
        while True:
            workflow = self.look()
            if met(workflow):
                return workflow
            ended = phase(workflow) in {"Succeeded", "Failed", "Error"}
            if ended or time.monotonic() > due:
                why = "the run has ended" if ended else f"{deadline_s} s are over"
                told = "\n".join(
                    f"{n['displayName']}: {n.get('phase')} {n.get('message', '')}" for n in nodes(workflow)
                )
                raise ClusterError(f"{self.name}: not {what}, and {why}\n{told}\n{describe(self.name)}")
            time.sleep(1)

    def ended(self, deadline_s: float = DEADLINE_S) -> Workflow:
        """Return the Workflow when it has ended, however it did."""
        return self.wait("ended", lambda one: phase(one) in {"Succeeded", "Failed", "Error"}, deadline_s)

    def pods(self) -> list[dict[str, Any]]:
        """Return the pods that are there now, the oldest first."""
        label = f"workflows.argoproj.io/workflow={self.name}"
        items: list[dict[str, Any]] = json.loads(kubectl("get", "pods", "-l", label, "-o", "json"))["items"]
        return sorted(items, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def until_gone(self, node: Node, deadline_s: float = 90) -> None:
        """Return as soon as `node` has no pod any more.

        Raises:
            ClusterError: If it still has one after `deadline_s`; it describes what is there.
        """
        due = time.monotonic() + deadline_s
        while any(pod["metadata"]["annotations"][NODE_ID] == node["id"] for pod in self.pods()):
            if time.monotonic() > due:
                raise ClusterError(f"the pod of {node['displayName']} is still there\n{describe(self.name)}")
            time.sleep(1)

    def artifact(self, node: Node, name: str) -> bytes:
        """Return an output artifact of `node`, as Argo's server shows it to a browser."""
        server = f"/api/v1/namespaces/{ARGO_NAMESPACE}/services/argo-server:2746/proxy"
        path = f"{server}/artifact-files/{NAMESPACE}/workflows/{self.name}/{node['id']}/outputs/{name}"
        return subprocess.run(["kubectl", "get", "--raw", path], capture_output=True, check=True, timeout=60).stdout

    def training(self, workflow: Workflow) -> dict[str, Any]:
        """Return `train.json` of the run."""
        made = last(workflow, lambda node: "train" in node.get("templateName", "") and node["type"] == "Pod")
        with tarfile.open(fileobj=io.BytesIO(self.artifact(made, "checkpoint"))) as archive:
            entry = next(one for one in archive.getmembers() if one.name.endswith("train.json"))
            file = archive.extractfile(entry)
            assert file
            told: dict[str, Any] = json.load(file)
            return told

    def summary(self, workflow: Workflow) -> dict[str, Any]:
        """Return `summary.json` of the report."""
        told: dict[str, Any] = json.loads(self.artifact(last(workflow, named("report")), "summary"))
        return told

    def patch(self, spec: dict[str, Any]) -> None:
        """Change the Workflow's spec."""
        kubectl("patch", "workflow", self.name, "--type=merge", "-p", json.dumps({"spec": spec}))


@contextmanager
def submitted(
    parameters: dict[str, str], document: Workflow | None = None, prefix: str = "failures"
) -> Iterator[ClusterRun]:
    """Submit a run, and delete it and its pods in the end."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    workflow = as_workflow(document or manifest(), name, parameters)
    kubectl("create", "-f", "-", text=json.dumps(workflow))
    try:
        yield ClusterRun(name)
    finally:
        kubectl("delete", "workflow", name, "--ignore-not-found", "--wait=false")


def phase(workflow: Workflow) -> str:
    """Return the phase of the run, empty before the controller has seen it."""
    return str((workflow.get("status") or {}).get("phase", ""))


def nodes(workflow: Workflow) -> list[Node]:
    """Return the nodes, the earliest first."""
    found: dict[str, Node] = (workflow.get("status") or {}).get("nodes") or {}
    return sorted(found.values(), key=lambda node: str(node.get("startedAt") or "9"))


def named(display_name: str) -> Callable[[Node], bool]:
    """Tell of nodes of this display name, tries of it included."""
    return lambda node: node["displayName"].partition("(")[0] == display_name


def last(workflow: Workflow, wanted: Callable[[Node], bool]) -> Node:
    """Return the pod's node that began last among the wanted ones."""
    return [node for node in nodes(workflow) if wanted(node) and node["type"] == "Pod"][-1]


def tries(workflow: Workflow, display_name: str) -> list[Node]:
    """Return the pods' nodes called `display_name`, one a try."""
    return [node for node in nodes(workflow) if named(display_name)(node) and node["type"] == "Pod"]
