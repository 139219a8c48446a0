"""Argo's controller: where it is, which version, and that its executor is fit for restricted pods.

A pod of a workflow has two containers of Argo's own, `init` and `wait`. The controller's `executor.securityContext` is theirs;
without it the namespace's Pod Security Standard refuses every pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import yaml

from workflows.argo.versions import read_version
from workflows.cluster.change import Act, Change
from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError, ForbiddenError, MissingError

RESTRICTED: Final = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
NAME: Final = "workflow-controller"


@dataclass(frozen=True)
class Controller:
    """A running workflow controller.

    Attributes:
        namespace: Where it is.
        version: What it says of its version, `v4.1.2`: see `_version`. Empty if it says nothing.
        ready: Whether a pod of it is ready.
        config: Name of its ConfigMap.
        only: The one namespace that it looks after; empty if it looks after all.
    """

    namespace: str
    version: str
    ready: bool
    config: str
    only: str


def find_controller(cluster: Cluster) -> Controller | None:
    """Return the cluster's workflow controller, by its name or the label that Argo's Helm chart gives it."""
    for document in cluster.list("apps/v1", "Deployment"):
        metadata, pod = document["metadata"], document["spec"]["template"]["spec"]
        component = metadata.get("labels", {}).get("app.kubernetes.io/component")
        if metadata["name"] != NAME and component != NAME:
            continue
        container = pod["containers"][0]
        words = [*container.get("command", ()), *container.get("args", ())]
        namespace = metadata["namespace"]
        only = _option(words, "--managed-namespace") or (namespace if "--namespaced" in words else "")
        return Controller(
            namespace=namespace,
            version=_version(metadata, container["image"], words),
            ready=bool(document.get("status", {}).get("readyReplicas")),
            config=_option(words, "--configmap") or f"{NAME}-configmap",
            only=only,
        )
    return None


def is_restricted(cluster: Cluster, controller: Controller) -> bool:
    """Tell whether the executor's containers pass the Pod Security Standard `restricted`."""
    found = _executor(_config(cluster, controller)[0]).get("securityContext") or {}
    return all(found.get(key) == value for key, value in RESTRICTED.items())


def restrict_executor(cluster: Cluster, *, dry_run: bool) -> Change:
    """Let the controller start its executor without privileges. A running controller takes that up by itself."""
    controller = find_controller(cluster)
    if not controller:
        raise MissingError(
            "no workflow controller in the cluster",
            hint="install Argo Workflows: https://argo-workflows.readthedocs.io/en/latest/installation",
        )
    title = f"configmap/{controller.config} in {controller.namespace}"
    data, whole = _config(cluster, controller)
    executor = _executor(data)
    wanted = {**executor, "securityContext": {**(executor.get("securityContext") or {}), **RESTRICTED}}
    if wanted == executor:
        return Change(Act.UNCHANGED, title)
    if not dry_run:
        text = {"config": _text({**data, "executor": wanted})} if whole else {"executor": _text(wanted)}
        try:
            if cluster.get("v1", "ConfigMap", controller.config, controller.namespace) is None:
                metadata = {"name": controller.config, "namespace": controller.namespace}
                cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": text})
            else:
                cluster.patch("v1", "ConfigMap", controller.config, controller.namespace, {"data": text})
        except ForbiddenError as error:
            raise ForbiddenError(
                f"{title}: {error.message}",
                hint="ask who runs Argo to set executor.securityContext there: allowPrivilegeEscalation false, "
                "capabilities drop ALL. Without it no restricted pod starts",
            ) from None
    return Change(Act.CHANGED, title, "executor.securityContext")


def _config(cluster: Cluster, controller: Controller) -> tuple[dict[str, Any], bool]:
    """Return the settings, and whether they are one text under `config`, as older installations have it."""
    document = cluster.get("v1", "ConfigMap", controller.config, controller.namespace) or {}
    data = document.get("data") or {}
    if "config" not in data:
        return dict(data), False
    return dict(_mapping(data["config"], controller)), True


def _executor(data: Mapping[str, Any]) -> dict[str, Any]:
    found = data.get("executor") or {}
    return dict(yaml.safe_load(found) if isinstance(found, str) else found)


def _mapping(text: str, controller: Controller) -> Mapping[str, Any]:
    found = yaml.safe_load(text)
    if not isinstance(found, Mapping):
        raise ClusterError(f"configmap/{controller.config} in {controller.namespace}: `config` is no mapping")
    return found


def _text(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False)


def _version(metadata: Mapping[str, Any], image: str, words: list[str]) -> str:
    """Return the first that names a version: tag of the image, Helm's label, tag of the executor's image; else the tag."""
    labelled = str(metadata.get("labels", {}).get("app.kubernetes.io/version", ""))
    tags = [_tag(image), labelled, _tag(_option(words, "--executor-image"))]
    return next((tag for tag in tags if read_version(tag)), tags[0])


def _tag(image: str) -> str:
    # The registry may have a port, and a digest may follow.
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _option(words: list[str], flag: str) -> str:
    for word, following in pairwise([*words, ""]):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""
