"""How the client of the cluster takes an API server that is busy; the server is a small one that says so."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories_cluster import PODS, WORKFLOWS, Server, connected, pod, pod_node, workflow
from workflows.cluster import client, following
from workflows.cluster.client import Cluster
from workflows.cluster.errors import ConflictError
from workflows.cluster.following import summarize
from workflows.cluster.status import run_of
from workflows.local.run import Run

INGEST = pod_node("ingest", "Failed", message="main: Error (exit code 2)")
LOG = f"{PODS}/r-ingest-1/log"
CONTENTION = (
    'Operation cannot be fulfilled on resourcequotas "argosight": the object has been modified; please try again'
)
STARTUP = (
    '"index config" indexWorkflowSemaphoreKeys=true',
    '"cron config" cronSyncPeriod=10s',
    '"Memoization caches will be garbage-collected if they have not been hit after" gcAfterNotHitDuration=30s',
)
TAKEN = 'workflows.argoproj.io "r" already exists'


@pytest.fixture
def server() -> Server:
    server = Server()
    server.answers[f"{WORKFLOWS}/r"] = [(200, workflow(INGEST))]
    return server


@pytest.fixture
def cluster(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(client, "CONTENTION_WAITS_S", (0.01,) * 3)
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    with connected(server) as cluster:
        yield cluster


def failed() -> Run:
    return run_of(workflow(INGEST))


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
    first = [f"time=2026-11-28T10:01:22.643Z level=INFO msg={one}" for one in STARTUP]
    lines = [*first, *executor[:2], *step[:19], executor[2], step[19], *executor[3:], "Error: exit status 2"]
    server.answers |= {PODS: [(200, {"items": [pod(INGEST)]})], LOG: [(200, "\n".join(lines) + "\n")]}
    told = summarize(cluster, failed(), "argosight")
    assert [line for line in told.splitlines() if "│" in line] == [f"  │ {line}" for line in step[-12:]]


@pytest.mark.parametrize("first", [(500, {"message": "unable to retrieve container logs"}), (200, "")])
def test_log_is_shown_when_the_node_did_not_have_it_at_once(
    server: Server, cluster: Cluster, first: tuple[int, Any]
) -> None:
    server.answers |= {PODS: [(200, {"items": [pod(INGEST)]})], LOG: [first, (200, "no object and no prefix\n")]}
    assert "  │ no object and no prefix\n" in summarize(cluster, failed(), "argosight")


@pytest.mark.parametrize(
    ("pods", "log", "told"),
    [
        ([], (200, ""), "its pod is gone, and left no log"),
        ([pod(INGEST)], (500, {"message": "unable to retrieve container logs"}), "unable to retrieve container logs"),
        ([pod(INGEST)], (200, ""), "its pod wrote nothing"),
    ],
)
def test_it_is_said_why_there_is_no_log(
    server: Server, cluster: Cluster, pods: list[Any], log: tuple[int, Any], told: str
) -> None:
    server.answers |= {PODS: [(200, {"items": pods})], LOG: [log]}
    text = summarize(cluster, failed(), "argosight")
    assert f"  │ (no log: {told})\n" in text
    assert "all of its log:  argosight logs r ingest --namespace=argosight\n" in text
