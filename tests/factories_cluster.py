"""An API server for tests that answers what it is told to, and what Argo's runs look like there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import ApiClient, Configuration

from workflows.cluster.client import Cluster
from workflows.cluster.submission import API

ARGO = "/apis/argoproj.io/v1alpha1"
WORKFLOWS = f"{ARGO}/namespaces/argosight/workflows"
PODS = "/api/v1/namespaces/argosight/pods"
SECRETS = "/api/v1/namespaces/argosight/secrets"
KINDS = {
    ARGO: ("Workflow", "ClusterWorkflowTemplate", "CronWorkflow", "WorkflowTaskResult"),
    "/apis/apps/v1": ("Deployment",),
    "/api/v1": ("ConfigMap", "Namespace", "Node", "Pod", "Secret", "Service"),
}
BEGAN = "2026-11-21T06:58:29Z"


def _kinds(path: str) -> dict[str, Any]:
    return {"resources": [{"kind": one, "name": f"{one.lower()}s", "namespaced": True} for one in KINDS[path]]}


@dataclass
class Server:
    """What the API server answers at each path, one after the other and the last for ever, and what it was asked.

    A text is answered as it is, anything else as JSON; a path that has no answer is not found.
    """

    answers: dict[str, list[tuple[int, Any]]] = field(
        default_factory=lambda: {path: [(200, _kinds(path))] for path in KINDS}
    )
    asked: list[str] = field(default_factory=list)

    def next_answer(self, path: str) -> tuple[int, Any]:
        """Return status and answer to a request for `path`."""
        self.asked.append(path)
        answers = self.answers.get(path, [(404, {"message": f"{path} not found"})])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """Yield the URL at which `server` answers, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = server.next_answer(self.path.partition("?")[0])
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  (the name is how the server finds it)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@contextmanager
def connected(server: Server) -> Iterator[Cluster]:
    """Yield a cluster whose API server is `server`, while the block runs."""
    with serving(server) as url:
        yield Cluster(ApiClient(configuration=Configuration(host=url)))


def write_kubeconfig(path: Path, url: str) -> Path:
    """Write a KUBECONFIG for the API server at `url` and return its path."""
    entry = {
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "test", **entry}))
    return path


def pod_node(name: str, phase: str = "Succeeded", *, key: str = "", **more: Any) -> dict[str, Any]:
    """Return the node of a pod of the run `r`; with `key`, its log is archived there."""
    log = {"outputs": {"artifacts": [{"name": "main-logs", "s3": {"key": key}}]}} if key else {}
    times = {"startedAt": BEGAN} | ({} if phase in {"Pending", "Running"} else {"finishedAt": BEGAN})
    return {"id": f"r-{name}", "name": f"r.{name}", "type": "Pod", "phase": phase, **times, **log, **more}


def workflow(
    *nodes: dict[str, Any], phase: str = "Failed", name: str = "r", s3: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a Workflow with `nodes`, whose artifact repository is `s3`."""
    ended = {} if phase == "Running" else {"finishedAt": BEGAN}
    status = {"phase": phase, "startedAt": BEGAN, **ended, "nodes": {one["id"]: one for one in nodes}}
    if s3:
        status["artifactRepositoryRef"] = {"artifactRepository": {"archiveLogs": True, "s3": s3}}
    metadata = {"name": name, "namespace": "argosight", "uid": "u", "creationTimestamp": BEGAN}
    return {"apiVersion": API, "kind": "Workflow", "metadata": metadata, "spec": {}, "status": status}


def pod(node: dict[str, Any]) -> dict[str, Any]:
    """Return the pod of `node`."""
    return {"metadata": {"name": f"{node['id']}-1", "annotations": {"workflows.argoproj.io/node-id": node["id"]}}}
