"""Servers that ask for a GPU. The cluster's may be pretended: where the pods go is looked at, not what they do there."""

import json
from pathlib import Path

import pytest

from tests.cluster.deployments import a_model, why_absent
from tests.cluster.runs import site
from tests.cluster.test_failures_gpu import gpus
from tests.conformance.cluster import kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900), pytest.mark.usefixtures("cluster")]


def test_deploy_warns_of_a_gpu_that_the_image_does_not_use(tmp_path: Path) -> None:
    if why := why_absent():
        pytest.skip(why)
    if not gpus():
        pytest.skip("no node has a GPU")
    wanted = site().gpu
    selector = ",".join(f"{name}={value}" for name, value in wanted.node_selector.items())
    with a_model(tmp_path) as model:
        model.start("--deploy-target=deployment", "--serving-gpus=1", f"--node-selector={selector}")
        pods = json.loads(kubectl("get", "pods", "-l", f"app.kubernetes.io/instance={model.name}", "-o", "json"))
        (spec,) = [pod["spec"] for pod in pods["items"]]
        assert spec["containers"][0]["resources"]["limits"][wanted.resource] == "1"
        assert spec["nodeSelector"].items() >= wanted.node_selector.items()
        backend = json.loads((tmp_path / "work/out/answer/answer.json").read_text())["backend"]
        assert backend.endswith("CPUExecutionProvider")
        again = model.deploy("--deploy-target=deployment", "--serving-gpus=0", "--version=1")
        assert "warning" not in again.stderr
        warned = model.deploy("--deploy-target=deployment", "--serving-gpus=1", f"--node-selector={selector}")
        told = f"warning: each server has a GPU and does not use it, {site().image('serve')} has {backend}: see --image"
        assert told in warned.stderr
