"""A pod that is lost, a store that is away, input that is wrong: what is tried again, and what it costs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.cluster.runs import SMALL, ClusterRun, manifest, named, phase, submitted, tries
from tests.conformance.cluster import NAMESPACE, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(1500), pytest.mark.usefixtures("cluster")]

INTERVAL = 4


def training_pods(run: ClusterRun) -> list[dict[str, Any]]:
    return [pod for pod in run.pods() if "train" in pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]]


def told_epochs(pod: str) -> Iterator[int]:
    """Yield the epochs that the pod tells of, as they end, until it does."""
    command = ["kubectl", "-n", NAMESPACE, "logs", "-f", pod, "-c", "main"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as logs:
        assert logs.stdout
        for line in logs.stdout:
            found = re.search(r"epoch (\d+) of", line)
            if found:
                yield int(found[1])


def running_training(run: ClusterRun, seen: set[str]) -> str:
    """Return the name of a training pod that is none of `seen`, once it runs."""

    found: list[str] = []

    def fresh(_: object) -> list[str]:
        found[:] = [
            pod["metadata"]["name"]
            for pod in training_pods(run)
            if pod["metadata"]["uid"] not in seen and pod["status"]["phase"] == "Running"
        ]
        return found

    run.wait("training", fresh)
    seen.update(pod["metadata"]["uid"] for pod in training_pods(run))
    return found[-1]


def test_training_goes_on_in_a_new_pod_when_its_pod_is_deleted_and_the_next_evicted(source: str) -> None:
    parameters = SMALL | {"source": source, "epochs": "40", "cpu-epochs": "40", "checkpoint-every": str(INTERVAL)}
    with submitted(parameters | {"model-name": "failures-deleted"}) as run:
        seen: set[str] = set()
        epochs: list[list[int]] = []
        for end in ("delete", "evict", ""):
            pod = running_training(run, seen)
            told: list[int] = []
            for number in told_epochs(pod):
                told.append(number)
                if end and len(told) == 6:
                    lose(pod, end)
            epochs.append(told)
        workflow = run.ended()
        assert phase(workflow) == "Succeeded"
        first, second, third = epochs
        assert third[-1] == 40
        for before, after in ((first, second), (second, third)):
            assert 0 <= before[-1] - (after[0] - 1) <= INTERVAL, epochs
            assert after[0] > 1, "it began anew"
        training = run.training(workflow)
        assert training["attempts"] == 3
        assert training["epochs_done"] == 40


def lose(pod: str, how: str) -> None:
    if how == "delete":
        kubectl("delete", "pod", pod, "--wait=false")
        return
    eviction = f'{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"{pod}","namespace":"{NAMESPACE}"}}}}'
    kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", "-f", "-", text=eviction)


def test_wrong_input_is_tried_once_and_the_report_says_why(source: str) -> None:
    gone = source.replace("planes-", "gone-")
    with submitted(SMALL | {"source": gone, "model-name": "failures-gone"}) as run:
        workflow = run.ended()
        assert phase(workflow) == "Failed"
        (only,) = tries(workflow, "ingest")
        assert only["outputs"]["exitCode"] == "2"
        summary = run.summary(workflow)
        assert summary["status"] == "Failed"
        assert "gone-" in summary["reason"]["message"], summary
        page = run.artifact(tries(workflow, "report")[-1], "report").decode()
        assert "no object and no prefix" in page


def test_what_a_failed_step_said_is_read_when_its_pod_is_gone(source: str) -> None:
    gone = source.replace("planes-", "gone-")
    with submitted(SMALL | {"source": gone, "model-name": "failures-log"}) as run:
        workflow = run.ended()
        (only,) = tries(workflow, "ingest")
        run.until_gone(only)
        assert "no object and no prefix" in run.artifact(only, "main-logs").decode()
        for words, prefix in (["ingest"], ""), ([], "ingest(0): "):
            command = [sys.executable, "-m", "workflows.cli", "logs", run.name, *words, f"--namespace={NAMESPACE}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
            assert re.search(rf"^{re.escape(prefix)}.*no object and no prefix", done.stdout, re.MULTILINE), done.stdout


def test_a_store_that_is_away_is_tried_again_after_a_wait() -> None:
    document = manifest()
    ingest = next(one for one in document["spec"]["templates"] if one["name"] == "ingest")
    ingest["retryStrategy"]["limit"] = 1
    parameters = SMALL | {"source": "http://127.0.0.1:9/planes.zip", "model-name": "failures-away"}
    with submitted(parameters, document) as run:
        workflow = run.ended()
        assert phase(workflow) == "Failed"
        first, second = tries(workflow, "ingest")
        assert [one["outputs"]["exitCode"] for one in (first, second)] == ["75", "75"]
        ended, began = (datetime.fromisoformat(text) for text in (first["finishedAt"], second["startedAt"]))
        assert (began - ended).total_seconds() >= 10
        assert named("report")(tries(workflow, "report")[-1])
