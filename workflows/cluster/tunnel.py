"""A way from this machine to a store that may be a Service inside the cluster."""

import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final
from urllib.parse import urlsplit

from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError, UnreachableError

DEADLINE_S: Final = 30.0


@contextmanager
def reach(cluster: Cluster, endpoint: str, namespace: str) -> Iterator[str]:
    """Yield host and port at which `endpoint` answers from here.

    A host that names a Service (`minio`, `minio.argo`, `minio.argo.svc.cluster.local`) is reached by `kubectl port-forward`
    for as long as the context is open; any other is taken as it is.

    Args:
        cluster: Where the Service may be.
        endpoint: URL as pods use it.
        namespace: The namespace of those pods, in which a host without dots is looked up.

    Raises:
        UnreachableError: If the Service has no pod that is ready, or kubectl is missing.
    """
    parts = urlsplit(endpoint)
    name, _, rest = (parts.hostname or "").partition(".")
    within, _, suffix = rest.partition(".")
    within = within or namespace
    is_service = suffix.partition(".")[0] in {"", "svc"} and cluster.get("v1", "Service", name, within)
    if not is_service:
        yield parts.netloc
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    command = ["kubectl", "--namespace", within, "port-forward", f"service/{name}", f":{port}"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise UnreachableError(
            "no kubectl on the PATH", hint="https://kubernetes.io/docs/tasks/tools tells how to install it"
        ) from None
    try:
        yield f"127.0.0.1:{_local_port(process, name, within)}"
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout:
            process.stdout.close()


def _local_port(process: "subprocess.Popen[str]", name: str, namespace: str) -> int:
    output: IO[str] | None = process.stdout
    if output is None:
        raise ClusterError("kubectl port-forward has no output")
    end = time.monotonic() + DEADLINE_S
    said = ""
    while time.monotonic() < end:
        # A line comes as soon as the port is open, and the pipe closes if it never will be.
        if not select.select([output], [], [], 1)[0]:
            continue
        line = output.readline()
        if line.startswith("Forwarding from 127.0.0.1:"):
            return int(line.removeprefix("Forwarding from 127.0.0.1:").partition(" ")[0])
        said += line
        if not line:
            break
    raise UnreachableError(
        f"no way to Service {name} in {namespace}: {said.strip() or 'kubectl port-forward says nothing'}",
        hint=f"is its pod ready? kubectl -n {namespace} get pods,endpointslices",
    )
