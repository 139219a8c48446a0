"""How the client of the cluster takes an API server that is busy; the server is a small one that says so."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from workflows.cluster import client, following
from workflows.cluster.client import Cluster
from workflows.cluster.errors import ConflictError
from workflows.cluster.following import summarize
from workflows.cluster.status import run_of
from workflows.cluster.submission import API
from workflows.local.run import Run

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/argosight/workflows"
PODS = "/api/v1/namespaces/argosight/pods"
LOG = f"{PODS}/r-ingest-1/log"
KINDS = {
    "/apis/argoproj.io/v1alpha1": [{"kind": "Workflow", "name": "workflows", "namespaced": True}],
    "/api/v1": [{"kind": "Pod", "name": "pods", "namespaced": True}],
}
POD = {"metadata": {"name": "r-ingest-1", "annotations": {"workflows.argoproj.io/node-name": "r.ingest"}}}
CONTENTION = (
    'Operation cannot be fulfilled on resourcequotas "argosight": the object has been modified; please try again'
)
TAKEN = 'workflows.argoproj.io "r" already exists'


@dataclass
class Server:
    """What the API server answers at each path, one after the other and the last for ever, and what it was asked."""

    answers: dict[str, list[tuple[int, Any]]]
    asked: list[str] = field(default_factory=list)

    def next_answer(self, path: str) -> tuple[int, Any]:
        self.asked.append(path)
        answers = self.answers[path]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def server() -> Server:
    return Server({path: [(200, {"resources": kinds})] for path, kinds in KINDS.items()})


@pytest.fixture
def cluster(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
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

    monkeypatch.setattr(client, "CONTENTION_WAITS_S", (0.01,) * 3)
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield Cluster(ApiClient(configuration=Configuration(host=f"http://127.0.0.1:{http.server_port}")))
        http.shutdown()


def workflow() -> dict[str, Any]:
    return {"apiVersion": API, "kind": "Workflow", "metadata": {"name": "r", "namespace": "argosight"}}


def failed() -> Run:
    began = "2026-11-21T06:58:29Z"
    ingest = {
        "name": "r.ingest",
        "type": "Pod",
        "phase": "Failed",
        "startedAt": began,
        "message": "main: Error (exit code 2)",
    }
    return run_of(
        {
            "metadata": {"name": "r", "uid": "u", "creationTimestamp": began},
            "spec": {},
            "status": {"phase": "Failed", "startedAt": began, "finishedAt": began, "nodes": {"r-1": ingest}},
        }
    )


def test_object_is_made_when_the_quota_was_busy_at_first(server: Server, cluster: Cluster) -> None:
    server.answers[WORKFLOWS] = [(409, {"message": CONTENTION})] * 3 + [(201, workflow())]
    assert cluster.create(workflow())["metadata"]["name"] == "r"
    assert server.asked.count(WORKFLOWS) == 4


def test_it_is_given_up_when_the_quota_stays_busy(server: Server, cluster: Cluster) -> None:
    server.answers[WORKFLOWS] = [(409, {"message": CONTENTION})]
    with pytest.raises(ConflictError, match="resourcequotas"):
        cluster.create(workflow())
    assert server.asked.count(WORKFLOWS) == 4


def test_it_is_not_tried_again_when_the_name_is_taken(server: Server, cluster: Cluster) -> None:
    server.answers[WORKFLOWS] = [(409, {"message": TAKEN}), (201, workflow())]
    with pytest.raises(ConflictError, match="already exists"):
        cluster.create(workflow())


def test_log_is_what_the_step_wrote_when_the_executor_wrote_more(server: Server, cluster: Cluster) -> None:
    step = [f"ingest: {number} of 20" for number in range(20)]
    executor = [f'time=2026-11-21T11:17:14.630Z level=INFO msg="saved" argo=true src=/out/{one}' for one in range(30)]
    lines = [*executor[:2], *step[:19], executor[2], step[19], *executor[3:], "Error: exit status 2"]
    server.answers |= {PODS: [(200, {"items": [POD]})], LOG: [(200, "\n".join(lines) + "\n")]}
    told = summarize(cluster, failed(), "argosight")
    assert [line for line in told.splitlines() if "│" in line] == [f"  │ {line}" for line in step[-12:]]


@pytest.mark.parametrize("first", [(500, {"message": "unable to retrieve container logs"}), (200, "")])
def test_log_is_shown_when_the_node_did_not_have_it_at_once(
    server: Server, cluster: Cluster, first: tuple[int, Any]
) -> None:
    server.answers |= {PODS: [(200, {"items": [POD]})], LOG: [first, (200, "no object and no prefix\n")]}
    assert "  │ no object and no prefix\n" in summarize(cluster, failed(), "argosight")


@pytest.mark.parametrize(
    ("pods", "log", "told"),
    [
        ([], (200, ""), "its pod is gone"),
        ([POD], (500, {"message": "unable to retrieve container logs"}), "unable to retrieve container logs"),
        ([POD], (200, ""), "its pod wrote nothing"),
    ],
)
def test_it_is_said_why_there_is_no_log(
    server: Server, cluster: Cluster, pods: list[Any], log: tuple[int, Any], told: str
) -> None:
    server.answers |= {PODS: [(200, {"items": pods})], LOG: [log]}
    text = summarize(cluster, failed(), "argosight")
    assert f"  │ (no log: {told})\n" in text
    assert "all of its log:  argo -n argosight logs r\n" in text
