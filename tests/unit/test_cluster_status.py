"""A Workflow's status, shown as a run on this machine is."""

import gzip
import io
import json
from base64 import b64encode
from typing import Any

from rich.console import Console

from workflows.cluster.status import has_ended, run_of
from workflows.local.display import Lines, draw
from workflows.local.node import NodeType, Phase

ITEM = json.dumps({"name": "planes", "parameters": "x" * 200, "run": "train-planes-1"})


def node(name: str, kind: str, phase: str, **more: Any) -> dict[str, Any]:
    times = {"startedAt": "2026-11-21T06:58:30Z", "finishedAt": "2026-11-21T06:58:50Z"}
    if phase in ("Pending", "Running"):
        times["finishedAt"] = ""
    return (
        {"id": f"id-{name}", "name": name, "displayName": name.rpartition(".")[2], "type": kind, "phase": phase}
        | times
        | more
    )


def workflow(*nodes: dict[str, Any], **status: Any) -> dict[str, Any]:
    found = {one["id"]: one for one in nodes}
    return {
        "metadata": {"name": "r", "uid": "u", "creationTimestamp": "2026-11-21T06:58:29Z"},
        "spec": {
            "workflowTemplateRef": {"name": "train-detector", "clusterScope": True},
            "arguments": {"parameters": [{"name": "epochs", "value": "2"}]},
        },
        "status": {"phase": "Running", "startedAt": "2026-11-21T06:58:30Z", "nodes": found} | status,
    }


FAILED = workflow(
    node("r", "DAG", "Failed", startedAt="2026-11-21T06:58:29Z"),
    node("r.ingest", "Retry", "Failed", boundaryID="id-r", children=["id-r.ingest(0)", "id-r.ingest(1)"], message="No more retries left"),
    node("r.ingest(0)", "Pod", "Failed", boundaryID="id-r", nodeFlag={"retried": True}),
    node("r.ingest(1)", "Pod", "Failed", boundaryID="id-r", nodeFlag={"retried": True}, message="main: Error (exit code 2)"),
    node("r.train", "Skipped", "Omitted", boundaryID="id-r"),
    phase="Failed",
    finishedAt="2026-11-21T06:59:30Z",
)  # fmt: skip


def tree(document: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(draw(run_of(document)))
    return console.export_text()


def test_run_says_what_ran_and_for_how_long() -> None:
    run = run_of(FAILED)
    assert (run.name, run.workflow, run.phase, run.seconds) == ("r", "train-detector", "Failed", 60)
    assert run.parameters == {"epochs": "2"}
    assert has_ended(run)
    assert run.nodes["r.ingest(1)"].boundary == "r"
    assert run.nodes["r.ingest"].children == ["r.ingest(0)", "r.ingest(1)"]


def test_culprit_is_the_pod_that_failed_last() -> None:
    culprit = run_of(FAILED).culprit
    assert culprit
    assert culprit.type is NodeType.POD
    assert culprit.phase is Phase.FAILED


def test_tries_are_one_line_of_the_tree() -> None:
    shown = tree(FAILED)
    assert "✖  ingest (try 2)  20.0 s  No more retries left" in shown
    assert "ingest(1)" not in shown


def test_run_is_pending_when_the_controller_has_not_seen_it() -> None:
    document = workflow()
    del document["status"]
    run = run_of(document)
    assert (run.phase, run.nodes, run.finished) == ("Pending", {}, None)
    assert not has_ended(run)


def test_message_says_what_a_run_waits_for() -> None:
    waits = workflow(message="Waiting for ns/Mutex/train-detector-planes lock", phase="Pending", startedAt=None)
    assert "Waiting for ns/Mutex/train-detector-planes lock" in tree(waits)


def test_progress_is_shown_when_the_step_tells_it() -> None:
    pods = [
        node("r.train", "Pod", "Running", boundaryID="id-r", progress="3/10"),
        node("r.x", "Pod", "Running", boundaryID="id-r", progress="0/1"),
    ]
    run = run_of(workflow(node("r", "DAG", "Running", startedAt="2026-11-21T06:58:29Z", progress="3/11"), *pods))
    assert {one.name: one.progress for one in run.nodes.values()} == {"r": "", "r.train": "3/10", "r.x": ""}


def test_nodes_are_unpacked_when_they_were_too_many() -> None:
    packed = workflow(
        nodes=None, compressedNodes=b64encode(gzip.compress(json.dumps(FAILED["status"]["nodes"]).encode())).decode()
    )
    assert run_of(packed).nodes.keys() == run_of(FAILED).nodes.keys()


def test_unknown_kinds_of_node_are_shown_as_pods() -> None:
    run = run_of(workflow(node("r", "DAG", "Running"), node("r.wait", "Suspend", "Running", boundaryID="id-r")))
    assert run.nodes["r.wait"].type is NodeType.POD


def test_items_are_cut_short_when_they_are_long() -> None:
    name = f"r.start(0:{ITEM})"
    nodes = [
        node("r", "DAG", "Running"),
        node("r.start", "TaskGroup", "Running", boundaryID="id-r", children=[f"id-{name}"]),
    ]
    run = run_of(workflow(*nodes, node(name, "Pod", "Running", boundaryID="id-r")))
    short = next(one for one in run.nodes if one.startswith("r.start("))
    assert len(short) < 50
    assert short.endswith("…)")
    assert "planes" in short
    assert run.nodes["r.start"].children == [short]
    stream = io.StringIO()
    Lines(stream).show(run)
    assert "xxxx" not in stream.getvalue()
