"""Which versions of Argo Workflows `argosight doctor` takes, and how it reads them off the cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories_cluster import Server, connected
from workflows.argo.site import read_site
from workflows.argo.versions import ArgoVersion, read_version
from workflows.cluster.doctor import check_cluster
from workflows.cluster.finding import Finding
from workflows.cluster.patient import Patient

IMAGE = "quay.io/argoproj/workflow-controller"
DIGEST = f"@sha256:{'0' * 64}"


def controller(image: str, label: str = "", executor: str = "") -> dict[str, Any]:
    """Return a Deployment of Argo's controller."""
    words = ["--executor-image", executor] if executor else []
    return {
        "metadata": {
            "name": "workflow-controller",
            "namespace": "argo",
            "labels": {"app.kubernetes.io/version": label} if label else {},
        },
        "spec": {"template": {"spec": {"containers": [{"image": image, "args": words}]}}},
        "status": {"readyReplicas": 1},
    }


@pytest.fixture
def deployments() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def patient(deployments: list[dict[str, Any]]) -> Iterator[Patient]:
    """Return a cluster that knows Argo's kinds and `deployments`, and has nothing else."""
    server = Server()
    server.answers |= {
        "/version": [(200, {"gitVersion": "v1.35.4"})],
        "/api/v1/nodes": [(200, {"items": []})],
        "/apis/apps/v1/deployments": [(200, {"items": deployments})],
    }
    with connected(server) as cluster:
        yield Patient(cluster, "argosight", read_site(), Path("argo/rendered"))


def looked(patient: Patient) -> Finding:
    """Return what the doctor says of Argo."""
    return next(one for one in check_cluster(patient) if one.title == "Argo Workflows")


@pytest.mark.parametrize(
    ("tag", "state", "told"),
    [
        ("v3.7.11", "wrong", "v3.7.11 in argo is older than 4.0, the oldest that is supported"),
        ("v3.10.0", "wrong", "v3.10.0 in argo is older than 4.0, the oldest that is supported"),
        ("v4.0.0", "ok", "v4.0.0 in argo"),
        ("v4.0.5", "ok", "v4.0.5 in argo"),
        ("v4.1.0-rc1", "ok", "v4.1.0-rc1 in argo"),
        ("v4.1.2", "ok", "v4.1.2 in argo"),
        ("v4.2.0", "unknown", "v4.2.0 in argo is newer than 4.1, the newest that is tested"),
        ("v4.10.0", "unknown", "v4.10.0 in argo is newer than 4.1, the newest that is tested"),
        ("v5.0.1", "unknown", "v5.0.1 in argo is newer than 4.1, the newest that is tested"),
        ("latest", "unknown", "latest in argo: its image does not say which version it is"),
    ],
)
def test_version_is_judged_when_the_image_has_a_tag(
    patient: Patient, deployments: list[dict[str, Any]], tag: str, state: str, told: str
) -> None:
    deployments.append(controller(f"{IMAGE}:{tag}"))
    found = looked(patient)
    assert (found.state, found.found) == (state, told)
    assert bool(found.hint) == (state != "ok")


@pytest.mark.parametrize(
    ("deployment", "told"),
    [
        (controller(f"registry.example.com:5000/argo/controller:v4.1.2{DIGEST}"), "v4.1.2 in argo"),
        (controller(f"{IMAGE}{DIGEST}", label="v4.0.3"), "v4.0.3 in argo"),
        (controller(f"{IMAGE}:patched", executor="quay.io/argoproj/argoexec:v4.0.5"), "v4.0.5 in argo"),
        (
            controller(f"registry.example.com:5000/argo/controller{DIGEST}"),
            "no version in argo: its image does not say which version it is",
        ),
    ],
    ids=["tag and digest", "Helm's label", "executor's image", "digest alone"],
)
def test_version_is_read_where_the_installation_says_it(
    patient: Patient, deployments: list[dict[str, Any]], deployment: dict[str, Any], told: str
) -> None:
    deployments.append(deployment)
    assert looked(patient).found == told


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v4.1.2", ArgoVersion(4, 1)),
        ("4.0.5", ArgoVersion(4, 0)),
        ("v3.10.0", ArgoVersion(3, 10)),
        ("v4.1", ArgoVersion(4, 1)),
        ("v4.2.0-rc1", ArgoVersion(4, 2)),
        ("v4", None),
        ("latest", None),
        ("sha-4.1", None),
        ("", None),
    ],
)
def test_tag_is_read_as_the_version_that_it_names(tag: str, version: ArgoVersion | None) -> None:
    assert read_version(tag) == version
