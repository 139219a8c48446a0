"""Logs of runs on the cluster: of a pod that is there, of one that is gone, and what is said where there is none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.factories_cluster import (
    PODS,
    SECRETS,
    WORKFLOWS,
    Server,
    connected,
    pod,
    pod_node,
    serving,
    workflow,
    write_kubeconfig,
)
from tests.factories_store import make_place
from workflows.cli.__main__ import main
from workflows.cluster import following, log_lines
from workflows.cluster.client import Cluster
from workflows.cluster.errors import MissingError
from workflows.cluster.following import summarize
from workflows.cluster.keys import secret_document
from workflows.cluster.log_lines import LogLine, find_workflow, read_lines
from workflows.cluster.status import run_of

ARCHIVE = "ingest: no object and no prefix at s3://a/b.zip\n  hint: é\n"
KEY = "runs/r/logs/r-ingest-1/main.log"
INGEST = pod_node("ingest(0)", "Failed", key=KEY, message="main: Error (exit code 2)")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.01)
    monkeypatch.setattr(log_lines, "POLL_INTERVAL_S", 0.01)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return Argo's settings of a store, with an archived log in it; the keys are in the Secret `keys`."""
    bucket = make_place("moto", tmp_path, monkeypatch).split("/")[2]
    client = boto3.Session().client("s3")
    client.put_object(Bucket=bucket, Key=KEY, Body=ARCHIVE.encode())
    client.close()
    return {
        "bucket": bucket,
        "endpoint": os.environ["AWS_ENDPOINT_URL_S3"].removeprefix("http://"),
        "insecure": True,
        "keyFormat": "runs/{{workflow.name}}/logs/{{pod.name}}",
        "accessKeySecret": {"name": "keys", "key": "access"},
        "secretKeySecret": {"name": "keys", "key": "secret"},
    }


@pytest.fixture
def server(repository: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return an API server with a failed run whose pods are gone."""
    held = {"access": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    server = Server()
    server.answers |= {
        f"{WORKFLOWS}/r": [(200, workflow(INGEST, s3=repository))],
        PODS: [(200, {"items": []})],
        f"{SECRETS}/keys": [(200, secret_document("keys", "argosight", held))],
    }
    return server


@pytest.fixture
def cluster(server: Server) -> Iterator[Cluster]:
    with connected(server) as cluster:
        yield cluster


def read(cluster: Cluster, wanted: str = "", *, follow: bool = False) -> list[LogLine]:
    return list(read_lines(cluster, "r", "argosight", wanted=wanted, follow=follow))


def lines(*texts: str, node: str = "ingest(0)") -> list[LogLine]:
    return [LogLine(node, text) for text in texts]


def test_what_a_failed_step_said_is_shown_when_its_pod_is_gone(server: Server, cluster: Cluster) -> None:
    told = summarize(cluster, run_of(server.answers[f"{WORKFLOWS}/r"][0][1]), "argosight")
    assert [line for line in told.splitlines() if "│" in line] == [f"  │ {line}" for line in ARCHIVE.splitlines()]
    assert "all of its log:  argosight logs r 'ingest(0)' --namespace=argosight\n" in told


def test_archived_log_is_read_when_the_pod_is_gone(cluster: Cluster) -> None:
    assert read(cluster) == lines(*ARCHIVE.splitlines())


def test_archived_log_is_read_when_the_pod_does_not_answer_any_more(server: Server, cluster: Cluster) -> None:
    server.answers[PODS] = [(200, {"items": [pod(INGEST)]})]
    server.answers[f"{PODS}/r-ingest(0)-1/log"] = [(500, {"message": "unable to retrieve container logs"})]
    assert read(cluster) == lines(*ARCHIVE.splitlines())


def test_nothing_is_told_twice_when_the_pod_goes_while_it_is_followed(
    server: Server, cluster: Cluster, repository: dict[str, Any]
) -> None:
    running = pod_node("ingest(0)", "Running")
    runs = [(200, workflow(one, phase="Running", s3=repository)) for one in (running, running, running)]
    server.answers[f"{WORKFLOWS}/r"] = [*runs, (200, workflow(INGEST, s3=repository))]
    server.answers[PODS] = [(200, {"items": [pod(running)]})] * 3 + [(200, {"items": []})]
    first, second = ARCHIVE.splitlines()
    executor = 'time=2026-11-21T11:17:14.630Z level=INFO msg="capturing logs" argo=true\n'
    server.answers[f"{PODS}/r-ingest(0)-1/log"] = [
        (400, {"message": "container main is waiting to start: PodInitializing"}),
        (200, f"{executor}{first[:9]}"),
        (200, f"{executor}{first}\n{second[:3]}"),
    ]
    assert read(cluster, follow=True) == lines(first, second)


def test_following_ends_when_the_node_that_is_wanted_has_ended(
    server: Server, cluster: Cluster, repository: dict[str, Any]
) -> None:
    server.answers[f"{WORKFLOWS}/r"] = [(200, workflow(INGEST, phase="Running", s3=repository))]
    assert read(cluster, "ingest", follow=True) == lines(*ARCHIVE.splitlines())


def test_it_is_said_why_when_a_node_left_no_log(server: Server, cluster: Cluster, repository: dict[str, Any]) -> None:
    probe = pod_node("device.auto", "Failed", message="timeout")
    lost = pod_node("split(0)", "Failed", key="runs/r/logs/cleared/main.log")
    server.answers[f"{WORKFLOWS}/r"] = [(200, workflow(probe, lost, s3=repository))]
    place = f"s3://{repository['bucket']}/runs/r/logs/cleared/main.log"
    assert read(cluster) == [
        LogLine("device.auto", "(no log: its pod is gone, and left no log)", missing=True),
        LogLine("split(0)", f"(no log: its log is no longer at {place})", missing=True),
    ]


def test_keys_of_the_environment_are_taken_when_the_secret_may_not_be_read(
    server: Server, cluster: Cluster, repository: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers[f"{SECRETS}/keys"] = [(403, {"message": "secrets is forbidden"})]
    (told,) = read(cluster)
    endpoint = f"http://{repository['endpoint']}"
    assert told.text == (
        f"(no log: its log is s3://{repository['bucket']}/{KEY} in the store {endpoint}, whose keys you may not read; "
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to keys that may read the bucket)"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
    assert read(cluster) == lines(*ARCHIVE.splitlines())


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("cpu", ["train.cpu(0)", "train.cpu(1)"]),
        ("train.cpu", ["train.cpu(0)", "train.cpu(1)"]),
        ("train.cpu(1)", ["train.cpu(1)"]),
        ("ingest", ["ingest(0)"]),
    ],
)
def test_node_is_found_when_it_is_named_as_people_do(
    server: Server, cluster: Cluster, wanted: str, names: list[str]
) -> None:
    found = [pod_node(one) for one in ("ingest(0)", "train.cpu(0)", "train.cpu(1)")]
    server.answers[f"{WORKFLOWS}/r"] = [(200, workflow(*found))]
    assert [line.node for line in read(cluster, wanted)] == names


def test_close_name_is_offered_when_no_node_has_that_name(cluster: Cluster) -> None:
    with pytest.raises(MissingError, match="no node 'ingset' with a log in r") as caught:
        read(cluster, "ingset")
    assert caught.value.hint == "did you mean ingest(0)?"


@pytest.mark.parametrize(
    ("text", "name"), [("train-b", "train-b"), ("latest", "train-c"), ("train-c", "train-c"), ("watch", "watch-a")]
)
def test_run_is_found_when_it_is_named_as_on_this_machine(
    server: Server, cluster: Cluster, text: str, name: str
) -> None:
    found = [workflow(name=one) for one in ("train-b", "train-bb", "train-c", "watch-a")]
    found[2]["metadata"]["creationTimestamp"] = "2026-11-22T06:58:29Z"
    server.answers[WORKFLOWS] = [(200, {"items": found})]
    server.answers[f"{WORKFLOWS}/train-b"] = [(200, found[0])]
    assert find_workflow(cluster, text, "argosight")["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("names", "text", "told"),
    [
        ([], "latest", "no runs in argosight"),
        (["train-b", "train-c"], "train", "'train' is the beginning of 2 runs: train-b, train-c"),
        (["train-b"], "trian-b", "no run 'trian-b' in argosight"),
    ],
)
def test_it_is_said_which_runs_there_are_when_the_name_fits_none(
    server: Server, cluster: Cluster, names: list[str], text: str, told: str
) -> None:
    server.answers[WORKFLOWS] = [(200, {"items": [workflow(name=one) for one in names]})]
    with pytest.raises(MissingError) as caught:
        find_workflow(cluster, text, "argosight")
    assert caught.value.message == told


@pytest.mark.parametrize("words", [["--cluster"], ["--namespace=argosight"], ["ingest", "-n", "argosight"]])
def test_command_writes_the_log_when_the_run_is_on_the_cluster(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    server.answers["/version"] = [(200, {"gitVersion": "v1.35.4"})]
    with serving(server) as url:
        monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", url)))
        assert main(["logs", "r", *words]) == 0
    prefix = "" if "ingest" in words else "ingest(0): "
    assert capsys.readouterr().out == "".join(f"{prefix}{line}\n" for line in ARCHIVE.splitlines())
