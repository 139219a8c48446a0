"""With and without a GPU: the cluster's GPUs are taken away for a minute, and put back whatever happens."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.runs import SMALL, last, manifest, named, nodes, phase, site, submitted, tries
from tests.conformance.cluster import ClusterError, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(1200), pytest.mark.usefixtures("cluster")]


def gpus() -> dict[str, str]:
    """Return how many GPUs each node has, where it has one."""
    items = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    held = {node["metadata"]["name"]: node["status"]["capacity"].get(site().gpu.resource, "0") for node in items}
    return {name: count for name, count in held.items() if count != "0"}


def offer(node: str, count: str) -> None:
    held = {site().gpu.resource: count}
    patch = json.dumps({"status": {"capacity": held, "allocatable": held}})
    kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", patch)


@contextmanager
def no_gpu() -> Iterator[None]:
    """Take every GPU away, and put it back."""
    before = gpus()
    try:
        for node in before:
            offer(node, "0")
        yield
    finally:
        for node, count in before.items():
            offer(node, count)


@pytest.fixture
def gpu() -> None:
    """Skip where there is no GPU, or it may not be taken away."""
    try:
        found = gpus()
        for node, count in found.items():
            offer(node, count)
    except (ClusterError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"nodes may not be changed: {error}")
    if not found:
        pytest.skip("no node has a GPU")


def test_training_goes_on_on_the_cpu_when_no_gpu_can_be_had_in_time(gpu: None, source: str) -> None:
    asked = {"device": "auto", "gpu-timeout": "15s", "epochs": "5", "cpu-epochs": "2", "source": source}
    with no_gpu(), submitted(SMALL | asked | {"model-name": "failures-auto"}) as run:
        workflow = run.wait("trained", lambda one: any(map(named("export"), nodes(one))))
        (probe,) = tries(workflow, "auto")
        assert probe["phase"] in {"Failed", "Error"}
        run.until_gone(probe)  # Else it would take a GPU that appears later.
        assert last(workflow, named("cpu"))["phase"] == "Succeeded"
        assert not tries(workflow, "gpu")
        training = run.training(workflow)
        assert (training["device"], training["epochs_planned"], training["epochs_done"]) == ("cpu", 2, 2)


def test_the_run_fails_and_says_why_when_a_gpu_is_asked_for_and_none_can_be_had(gpu: None, source: str) -> None:
    asked = {"device": "gpu", "gpu-timeout": "15s", "source": source, "model-name": "failures-gpu"}
    with no_gpu(), submitted(SMALL | asked) as run:
        workflow = run.ended()
        assert phase(workflow) == "Failed"
        (probe,) = tries(workflow, "gpu-within-timeout")
        assert probe["phase"] == "Failed"
        run.until_gone(probe)
        assert not tries(workflow, "gpu")
        assert not tries(workflow, "cpu")
        summary = run.summary(workflow)
        assert "GPU" in summary["reason"]["message"], summary
        assert "gpu-timeout" in summary["reason"]["hint"], summary


def test_pods_of_the_gpu_branch_go_where_gpus_are(gpu: None, source: str) -> None:
    document = manifest()
    for template in document["spec"]["templates"]:
        if template["name"] == "train-gpu":
            # A pretended GPU trains nothing: it is the pod that is looked at.
            template["container"]["resources"]["requests"] |= {"cpu": "100m", "memory": "256Mi"}
    asked = {"device": "gpu", "gpu-timeout": "3m", "source": source, "model-name": "failures-pod"}
    seen: dict[str, Any] = {}
    with submitted(SMALL | asked, document) as run:

        def looked(_: object) -> bool:
            for pod in run.pods():
                node = pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"]
                seen[node.rpartition(".")[2].partition("(")[0]] = pod
            return "gpu" in seen

        run.wait("training on a GPU", looked)
        run.patch({"shutdown": "Terminate"})
    for name in ("gpu-within-timeout", "gpu"):
        spec = seen[name]["spec"]
        wanted = site().gpu
        assert spec["nodeSelector"].items() >= wanted.node_selector.items()
        main = next(one for one in spec["containers"] if one["name"] == "main")
        assert main["resources"]["limits"][wanted.resource] == "1"
        for toleration in wanted.tolerations:
            assert any(one.get("key") == toleration.key for one in spec["tolerations"])
