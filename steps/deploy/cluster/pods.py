"""The servers of one deployment: which are ready, and in words why the others are not."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from steps.deploy.cluster.api import Api, Document
from steps.deploy.cluster.pod import CONTAINER
from steps.deploy.cluster.settings import CANARY, DEPLOYED
from steps.errors import InputError

LOG_LINES: Final = 12
CRASHES: Final = 3
"""Restarts after which a server that never became ready counts as broken."""
HOPELESS: Final = frozenset({"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"})
"""What a kubelet waits for though it will not come by itself."""


def alive(pods: list[Document]) -> list[Document]:
    """Return the pods that are not on their way out."""
    return [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]


def ready(pods: list[Document]) -> list[Document]:
    """Return the living pods that get requests."""
    return [
        pod
        for pod in alive(pods)
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
    ]


def refuse_hopeless(api: Api, pods: list[Document]) -> None:
    """End the waiting where it cannot help.

    Raises:
        InputError: If a server ended because its input is wrong, or cannot be started as it is.
    """
    for pod in alive(pods):
        for status in _containers(pod):
            ended = _ended(status)
            crashes = status.get("restartCount", 0) >= CRASHES and not status.get("ready")
            wrong = ended.get("exitCode") == InputError.exit_code
            if wrong or crashes or _waiting(status).get("reason") in HOPELESS:
                raise InputError(
                    f"the new server does not start: {explain(api, [pod])}", hint="the log of the pod tells why"
                )


def explain(api: Api, pods: list[Document], waited: Mapping[str, list[str]] = MappingProxyType({})) -> str:
    """Say in words what each of `pods` waits for or ended with, with the end of its log.

    Args:
        api: The cluster.
        pods: As they are now.
        waited: By name, what they waited for when that was last known.
    """
    told = []
    for pod in pods:
        name = pod["metadata"]["name"]
        faults = (
            [*_faults(api, pod)] or waited.get(name) or ["not ready; its containers are being made or just started"]
        )
        told.append(f"pod {name}: {'; '.join(faults)}")
    return "\n".join(told)


def waits(pod: Document) -> list[str]:
    """Say in words what containers of `pod` wait for, besides their turn.

    A kubelet tells it for a while: an image that cannot be pulled is being pulled again every now and then.
    """
    ordinary = (None, "PodInitializing", "ContainerCreating")
    return [
        f"{status['name']} waits: {waiting['reason']} {waiting.get('message', '')}".rstrip()
        for status in _containers(pod)
        if (waiting := _waiting(status)).get("reason") not in ordinary
    ]


def explain_absence(api: Api, name: str, deployed: str) -> str:
    """Say in words why the service `name` has no pod labelled `deployed`, as far as its Deployment knows."""
    found = (api.find("Deployment", one) for one in (name, f"{name}-{CANARY}", f"{name}-predictor"))
    faults = [
        condition.get("message", "")
        for deployment in found
        if deployment and deployment["metadata"].get("labels", {}).get(DEPLOYED) == deployed
        for condition in deployment.get("status", {}).get("conditions", ())
        if condition["type"] == "ReplicaFailure"
    ]
    return f"there is no pod: {'; '.join(faults) or 'is there a quota, or a policy that forbids it?'}"


def _faults(api: Api, pod: Document) -> Iterator[str]:
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"it finds no node: {condition.get('message', condition.get('reason', ''))}"
    yield from waits(pod)
    for status in _containers(pod):
        ended = _ended(status)
        if ended and ended.get("reason") != "Completed":
            yield f"{status['name']} ended with exit code {ended.get('exitCode')} ({ended.get('reason', '')})"
        running = "running" in status.get("state", {})
        if status["name"] == CONTAINER and (ended or (running and not status.get("ready"))):
            log = api.pod_log(pod["metadata"]["name"], CONTAINER, LOG_LINES).splitlines()
            yield "its log ends:" + "".join(f"\n  | {line}" for line in log)


def _containers(pod: Document) -> list[dict[str, Any]]:
    status = pod["status"]
    return [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]


def _waiting(status: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = status.get("state", {}).get("waiting") or {}
    return found


def _ended(status: dict[str, Any]) -> dict[str, Any]:
    ends = (status.get(when, {}).get("terminated") for when in ("state", "lastState"))
    return next((end for end in ends if end), {})
