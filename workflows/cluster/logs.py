"""What the steps of a run on the cluster wrote: read from the pod while it is there, else from the artifact repository.

Pods are deleted when they have ended, failed ones too; by then Argo's executor has put what they wrote into the repository.
"""

import os
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from workflows.cluster.bucket import connect_store, store_refusals
from workflows.cluster.client import TIMEOUT_S, Cluster, refusals
from workflows.cluster.errors import ClusterError, ForbiddenError, MissingError
from workflows.cluster.keys import KEY, REGION, SECRET, Keys, read_secret
from workflows.cluster.status import node_entries, run_of
from workflows.cluster.tunnel import reach
from workflows.local.node import Node, Phase
from workflows.local.outline import short_name

if TYPE_CHECKING:
    from minio import Minio

NODE_ID: Final = "workflows.argoproj.io/node-id"
ARCHIVED: Final = "main-logs"
"""Argo's name of the artifact with what the container `main` wrote."""
EXECUTOR_LINE: Final = re.compile(
    r"^time=.*\bargo=true\b|^Error: exit status \d+$"
    r'|^time=\S+ level=INFO msg="(?:index config|cron config|Memoization caches will be)\b'
)
"""What Argo's executor writes among the lines of the step, the more the more outputs there are; `argo logs` hides it too."""


@dataclass(frozen=True, slots=True)
class LoggedNode:
    """A node of a run that is or was a pod.

    Attributes:
        name: Its name within the run, such as `train.cpu(0)`.
        id: What Argo calls it; its pod has an annotation with it.
        node: The node as it is shown.
        archive: Bucket, key and store of its log in the artifact repository; empty if none is there.
    """

    name: str
    id: str
    node: Node
    archive: Mapping[str, Any]


def logged_nodes(workflow: Mapping[str, Any]) -> list[LoggedNode]:
    """Return the nodes of `workflow`, as the cluster has it, that may have written something, the earliest first."""
    run, entries = run_of(workflow), node_entries(workflow)
    reference = (workflow.get("status") or {}).get("artifactRepositoryRef") or {}
    repository = (reference.get("artifactRepository") or {}).get("s3") or {}
    return [
        LoggedNode(short_name(run, node), entries[name]["id"], node, _archive(entries[name], repository))
        for name, node in run.nodes.items()
        if entries[name]["type"] == "Pod" and node.phase is not Phase.PENDING
    ]


class LogReader:
    """Reads logs of runs of one namespace. A context, because the way to the store may have to be opened and closed."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._open = ExitStack()
        self._clients: dict[str, Minio] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def pods(self, run: str) -> dict[str, str]:
        """Return the names of the pods of `run` that are there now, by the ids of their nodes."""
        pods = self._cluster.list("v1", "Pod", self._namespace, selector=f"workflows.argoproj.io/workflow={run}")
        return {
            str(pod["metadata"].get("annotations", {}).get(NODE_ID, "")): str(pod["metadata"]["name"]) for pod in pods
        }

    def read(self, node: LoggedNode, pods: Mapping[str, str], *, tail: int | None = None) -> str:
        """Return what `node` wrote so far, without the lines of Argo's executor.

        Args:
            node: One of `logged_nodes`.
            pods: As `pods` returned them.
            tail: How many lines to ask a pod for; all of them if None.

        Raises:
            MissingError: If neither its pod nor an archived log is there.
            ClusterError: If the pod, the store or the Secret with the store's keys refuses.
        """
        text = None
        if node.id in pods:
            try:
                text = self._of_pod(pods[node.id], tail)
            except ClusterError:
                if not node.archive:
                    raise
        if text is None:
            text = self._archived(node.archive)
        return "".join(line for line in text.splitlines(keepends=True) if not EXECUTOR_LINE.search(line))

    def _of_pod(self, pod: str, tail: int | None) -> str:
        from kubernetes.client import CoreV1Api  # noqa: PLC0415

        with refusals(self._cluster.host):
            response: Any = CoreV1Api(self._cluster.api).read_namespaced_pod_log(
                pod,
                self._namespace,
                container="main",
                _request_timeout=TIMEOUT_S,
                tail_lines=tail,
                _preload_content=False,  # The package would raise where the bytes are no UTF-8.
            )
        return bytes(response.data).decode("utf-8", "replace")

    def _archived(self, archive: Mapping[str, Any]) -> str:
        from minio.error import S3Error  # noqa: PLC0415

        if not archive:
            raise MissingError("its pod is gone, and left no log")
        endpoint = f"{'http' if archive.get('insecure') else 'https'}://{archive['endpoint']}"
        place = f"s3://{archive['bucket']}/{archive['key']}"
        with store_refusals(endpoint):
            if endpoint not in self._clients:
                keys = self._keys(archive, endpoint, place)
                host = self._open.enter_context(reach(self._cluster, endpoint, self._namespace))
                self._clients[endpoint] = connect_store(keys, host)
            try:
                response = self._clients[endpoint].get_object(archive["bucket"], archive["key"])
            except S3Error as error:
                if error.code != "NoSuchKey":
                    raise
                raise MissingError(f"its log is no longer at {place}") from None
            try:
                return response.data.decode("utf-8", "replace")
            finally:
                response.close()
                response.release_conn()

    def _keys(self, archive: Mapping[str, Any], endpoint: str, place: str) -> Keys:
        """Return the keys that the repository names, else those of the environment."""
        try:
            key, secret = self._held(archive.get("accessKeySecret")), self._held(archive.get("secretKeySecret"))
        except ForbiddenError:
            key = secret = ""
        if not (key and secret):
            key, secret = os.environ.get(KEY, ""), os.environ.get(SECRET, "")
        if not (key and secret):
            raise ForbiddenError(
                f"its log is {place} in the store {endpoint}, whose keys you may not read",
                hint=f"set {KEY} and {SECRET} to keys that may read the bucket",
            )
        return Keys(endpoint, key, secret, archive.get("region") or REGION)

    def _held(self, reference: Mapping[str, str] | None) -> str:
        """Return the value that `reference`, an entry of a Secret, stands for; empty if there is none."""
        if not reference:
            return ""
        return read_secret(self._cluster, self._namespace, reference["name"]).get(reference["key"], "")


def _archive(entry: Mapping[str, Any], repository: Mapping[str, Any]) -> dict[str, Any]:
    """Return where the log of a node is kept: an artifact says of its place only what the repository does not."""
    artifacts = (entry.get("outputs") or {}).get("artifacts") or ()
    found = next((one.get("s3") for one in artifacts if one["name"] == ARCHIVED), None)
    merged = {**repository, **(found or {})}
    return merged if found and all(merged.get(part) for part in ("endpoint", "bucket", "key")) else {}
