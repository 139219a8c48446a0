"""The cluster's side: workflows submitted with kubectl, watched with a deadline, and explained when it passes."""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from threading import Event, Thread
from typing import Any

from workflows.argo.versions import ArgoVersion, read_version
from workflows.cluster.client import CONTENTION, connect
from workflows.cluster.controller import find_controller

BATCH = "argosight.dev/conformance"
"""Label of what one session submits."""
LOOK_S = 2.0
NAMESPACE = os.environ.get("ARGOSIGHT_NAMESPACE", "argosight")
SERVICE_ACCOUNT = os.environ.get("ARGOSIGHT_SERVICE_ACCOUNT", "argosight")
USER = 8737
QUOTA_TRIES = 5
IN_FLIGHT = int(os.environ.get("ARGOSIGHT_CONFORMANCE_IN_FLIGHT", "6"))
"""Workflows that run at once: a small machine thrashes with more."""


class ClusterError(Exception):
    """What kubectl said, or what hung."""


@cache
def argo_release() -> str:
    """Return the full version of the cluster's Argo, such as `4.0.5`."""
    controller = find_controller(connect())
    if not controller:
        raise ClusterError("the cluster has no workflow controller")
    return controller.version.removeprefix("v")


def argo_version() -> ArgoVersion:
    """Return the version of the cluster's Argo as far as behaviour depends on it."""
    version = read_version(argo_release())
    if not version:
        raise ClusterError(f"the workflow controller's image does not say which version it is: {argo_release()}")
    return version


def kubectl(*words: str, text: str | None = None, timeout_s: float = 60) -> str:
    """Run kubectl in the namespace of the tests and return what it prints."""
    command = ["kubectl", "-n", NAMESPACE, f"--request-timeout={timeout_s:.0f}s", *words]
    for left in reversed(range(QUOTA_TRIES)):
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=timeout_s + 10, check=False)
        if not done.returncode:
            return done.stdout
        if not (left and CONTENTION in done.stderr):
            break
        time.sleep(1)
    raise ClusterError(f"{' '.join(command)}: {done.stderr.strip()}")


def why_absent() -> str:
    """Tell why no cluster can be used; nothing if one can."""
    if not os.environ.get("KUBECONFIG"):
        return "KUBECONFIG is not set"
    if not shutil.which("kubectl"):
        return "kubectl is not on the PATH"
    try:
        kubectl("get", "serviceaccount", SERVICE_ACCOUNT, timeout_s=10)
    except (ClusterError, subprocess.TimeoutExpired) as error:
        return f"the cluster is not ready for runs: {error}"
    return ""


def as_workflow(document: Mapping[str, Any], name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the Workflow to submit for `document`: any kind of manifest becomes one, whose pods may run anywhere."""
    spec = json.loads(json.dumps(document["spec"]))
    arguments = spec.setdefault("arguments", {})
    given = dict(parameters)
    for one in arguments.setdefault("parameters", []):
        if one["name"] in given:
            one["value"] = given.pop(one["name"])
    arguments["parameters"] += [{"name": key, "value": value} for key, value in given.items()]
    spec["serviceAccountName"] = SERVICE_ACCOUNT
    spec.setdefault(
        "securityContext", {"runAsUser": USER, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    )
    for template in spec.get("templates", []):
        for process in (template.get("container"), template.get("script")):
            if process is not None:
                process.setdefault(
                    "securityContext", {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
                )
                process.setdefault("imagePullPolicy", "IfNotPresent")
                process.setdefault(
                    "resources", {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "2Gi"}}
                )
    given_metadata = document.get("metadata", {}) if document["kind"] == "Workflow" else {}
    metadata = {"name": name, "labels": dict(given_metadata.get("labels", {}))}
    if given_metadata.get("annotations"):
        metadata["annotations"] = given_metadata["annotations"]
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


@dataclass(slots=True)
class _Order:
    document: dict[str, Any]
    deadline_s: float
    endless: bool
    future: "Future[dict[str, Any]]" = field(default_factory=Future)
    due: float = 0.0


class Batch:
    """Workflows of one session: a few at a time run on the cluster, and each has a deadline of its own."""

    def __init__(self, in_flight: int = IN_FLIGHT) -> None:
        self._in_flight = in_flight
        self.label = f"{BATCH}={secrets.token_hex(4)}"
        self._waiting: list[_Order] = []
        self._running: dict[str, _Order] = {}
        self._closed = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def submit(self, document: dict[str, Any], deadline_s: float, *, endless: bool = False) -> "Future[dict[str, Any]]":
        """Queue a Workflow; the future gives it, ended, or a ClusterError that describes what hung.

        Args:
            document: The Workflow.
            deadline_s: How long it may run.
            endless: Take one that runs on as it is when its time is over.
        """
        key, _, value = self.label.partition("=")
        document["metadata"].setdefault("labels", {})[key] = value
        order = _Order(document, deadline_s, endless)
        self._waiting.append(order)
        if not self._thread.is_alive():
            self._thread.start()
        return order.future

    def close(self, *, keep: bool = False) -> None:
        """Forget what is queued, and delete what was submitted unless it is to be kept."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        if not keep:
            kubectl("delete", "workflows", "-l", self.label, "--wait=false")

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                self._look()
            except (ClusterError, subprocess.TimeoutExpired) as error:
                for order in [*self._running.values(), *self._waiting]:
                    order.future.set_exception(error)
                return
            self._closed.wait(LOOK_S)

    def _look(self) -> None:
        while self._waiting and len(self._running) < self._in_flight:
            order = self._waiting.pop(0)
            name = order.document["metadata"]["name"]
            try:
                kubectl("create", "-f", "-", text=json.dumps(order.document))
            except ClusterError as error:
                order.future.set_exception(error)
                continue
            order.due = time.monotonic() + order.deadline_s
            self._running[name] = order
        if not self._running:
            return
        active = kubectl("get", "workflows", "-l", f"{self.label},workflows.argoproj.io/completed!=true", "-o", "name")
        going_on = {line.rpartition("/")[2] for line in active.split()}
        for name, order in list(self._running.items()):
            if name not in going_on:
                order.future.set_result(json.loads(kubectl("get", "workflow", name, "-o", "json")))
            elif time.monotonic() > order.due:
                if order.endless:
                    order.future.set_result(json.loads(kubectl("get", "workflow", name, "-o", "json")))
                else:
                    order.future.set_exception(
                        ClusterError(f"{name} took longer than {order.deadline_s} s\n{describe(name)}")
                    )
                kubectl("patch", "workflow", name, "--type=merge", "-p", '{"spec":{"shutdown":"Terminate"}}')
            else:
                continue
            del self._running[name]


def describe(name: str) -> str:
    """Return what Kubernetes knows about the workflow `name` and its pods."""
    told = []
    attempts: list[Callable[[], str]] = [
        lambda: kubectl("get", "pods", "-l", f"workflows.argoproj.io/workflow={name}", "-o", "wide"),
        lambda: kubectl("describe", "pods", "-l", f"workflows.argoproj.io/workflow={name}"),
        lambda: kubectl("get", "workflow", name, "-o", "jsonpath={.status.message} {.status.conditions}"),
    ]
    for attempt in attempts:
        try:
            told.append(attempt())
        except (ClusterError, subprocess.TimeoutExpired) as error:
            told.append(str(error))
    return "\n".join(told)[-12000:]
