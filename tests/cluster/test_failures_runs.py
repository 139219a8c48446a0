"""What people do to a run: two of one model, stop, terminate, suspend, resume, retry, resubmit."""

import json
import re
import secrets
import shutil
import subprocess
import time
from typing import Any

import pytest

from tests.cluster.runs import SMALL, ClusterRun, Workflow, manifest, named, nodes, phase, submitted, tries
from tests.conformance.cluster import NAMESPACE, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(1800), pytest.mark.usefixtures("cluster")]


def argo(*words: str) -> str:
    """Run Argo's own command in the namespace of the tests."""
    if not shutil.which("argo"):
        pytest.skip("argo is not on the PATH")
    done = subprocess.run(["argo", "-n", NAMESPACE, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def running(name: str) -> Any:
    """Return whether a pod of the node `name` runs."""
    return lambda workflow: any(one["phase"] == "Running" for one in tries(workflow, name))


def started(workflow: Workflow, name: str) -> bool:
    return any(named(name)(node) for node in nodes(workflow))


def record(run: ClusterRun, workflow: Workflow, name: str) -> dict[str, Any]:
    """Return `record.json` of the last try of the node `name`."""
    told: dict[str, Any] = json.loads(run.artifact(tries(workflow, name)[-1], "record"))
    return told


def test_two_trainings_of_one_model_follow_each_other_and_others_do_not_wait(source: str) -> None:
    one, other = ({"source": source, "model-name": f"mutex-{secrets.token_hex(3)}"} for _ in range(2))
    with submitted(SMALL | one) as first:
        first.wait("started", lambda workflow: phase(workflow) == "Running")
        with submitted(SMALL | one) as second, submitted(SMALL | other) as third:
            third.wait("started", lambda workflow: phase(workflow) == "Running")
            waiting = second.wait("waiting", lambda workflow: phase(workflow) == "Pending")
            assert "lock" in waiting["status"]["message"]
            assert not nodes(waiting)
            argo("terminate", third.name)
            argo("terminate", first.name)
            ended = first.ended()
            assert phase(ended) == "Failed"
            assert not started(ended, "report"), "terminate runs no exit handler"
            second.wait("started", lambda workflow: phase(workflow) == "Running")
            argo("terminate", second.name)
            second.ended()


def test_a_run_that_was_suspended_and_stopped_goes_on_and_again_takes_what_is_unchanged(source: str) -> None:
    parameters = SMALL | {"source": source, "model-name": "failures-stopped", "seed": str(secrets.randbelow(10**6))}
    # Enough for the stop to come before the end, however quick the machine is.
    parameters |= {"epochs": "150", "cpu-epochs": "150", "reuse": "true"}
    document = manifest()
    document["spec"]["suspend"] = True
    with submitted(parameters, document) as run:
        time.sleep(10)
        assert not started(run.look(), "ingest"), "it was submitted suspended"
        argo("resume", run.name)

        workflow = run.wait("training", running("cpu"))
        split = tries(workflow, "split")[-1]
        pod = tries(workflow, "cpu")[-1]
        # A line comes every ten seconds, whichever epoch that is.
        run.wait("past an epoch", lambda _: re.search(r"epoch ([2-9]|\d{2,}) of", log(run, pod["id"])) is not None)
        argo("stop", run.name)
        stopped = run.ended()
        assert phase(stopped) == "Failed"
        assert len(tries(stopped, "cpu")) == 1, "what was stopped is not tried again"
        assert run.summary(stopped)["status"] == "Failed"

        # The next try's pod has the same name, and would be deleted in the place of this one.
        for name in pods_of(run, pod["id"]):
            kubectl("wait", "--for=delete", f"pod/{name}", "--timeout=120s", timeout_s=150)
        argo("retry", run.name)
        run.wait("training again", lambda one: phase(one) == "Running" and running("cpu")(one))
        argo("suspend", run.name)
        run.wait("trained", lambda workflow: tries(workflow, "cpu")[-1]["phase"] == "Succeeded")
        time.sleep(10)
        assert not started(run.look(), "export"), "it was suspended"
        argo("resume", run.name)
        workflow = run.ended()
        assert phase(workflow) == "Succeeded"
        assert tries(workflow, "split")[-1]["finishedAt"] == split["finishedAt"], "what succeeded is not done again"
        assert run.training(workflow)["attempts"] == 2

        again = ClusterRun(argo("resubmit", run.name, "-o", "name").strip().rpartition("/")[2])
        try:
            workflow = again.ended()
            assert phase(workflow) == "Succeeded"
            for name in ("cpu", "export", "evaluate"):
                assert record(again, workflow, name)["reused"], f"{name} was done again"
            assert "reused" not in record(again, workflow, "ingest"), "a source may change behind its name"
            assert again.training(workflow) == run.training(run.look())
        finally:
            kubectl("delete", "workflow", again.name, "--wait=false")


def pods_of(run: ClusterRun, node_id: str) -> list[str]:
    """Return the names of the pods of a node."""
    ids = "workflows.argoproj.io/node-id"
    return [pod["metadata"]["name"] for pod in run.pods() if pod["metadata"]["annotations"][ids] == node_id]


def log(run: ClusterRun, node_id: str) -> str:
    """Return what the pod of a node has said so far."""
    names = pods_of(run, node_id)
    return kubectl("logs", names[-1], "-c", "main") if names else ""
