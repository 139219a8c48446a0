"""docs/deploying.md, typed in: on the cluster of `KUBECONFIG`, for a model of its own.

What differs from what a reader types stands in `INSTEAD` and in `_names`, with the reason.
"""

import json
import re
import secrets
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.console import Console
from tests.cluster.deployments import SMALL, Model, a_model, why_absent
from tests.cluster.pages import call, commands, shell
from tests.cluster.runs import ClusterRun, site
from tests.cluster.triggers import released
from tests.conformance.cluster import NAMESPACE, ClusterError, kubectl
from workflows.argo.site import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

PAGE = ROOT / "docs" / "deploying.md"
INSTEAD = {
    # The store of the tests is reached as the environment says.
    "kubectl port-forward service/minio 9000 >port-forward.log &": "true",
    "export AWS_ENDPOINT_URL_S3=http://127.0.0.1:9000 AWS_REGION=us-east-1": "export AWS_ENDPOINT_URL_S3 AWS_REGION",
    # Nothing of that name is left in the tests' namespace.
    "kubectl apply --filename planes-ingress.yaml": "kubectl apply --filename planes-ingress.yaml --dry-run=server",
}


@dataclass(frozen=True)
class Place:
    """Where the page is typed in: two versions of a model are published, and a picture is there."""

    model: Model
    console: Console


@pytest.fixture
def place(cluster: None, tmp_path: Path) -> Iterator[Place]:
    if why_absent():
        pytest.skip(why_absent())
    with a_model(tmp_path, versions=2) as model:
        (tmp_path / "photo.jpg").write_bytes((tmp_path / "1" / "golden" / "image.jpg").read_bytes())
        yield Place(model, Console(tmp_path, shell(tmp_path), INSTEAD, _names(model)))


def _names(model: Model) -> list[tuple[str, str]]:
    """Return how names and sizes differ, so that the tests keep out of the way of others."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return [
        (r"\bplanes\b(?!\.log)", model.name),
        (r"--namespace=argosight\b", f"--namespace={NAMESPACE}"),
        (r"\bsecret argosight-store\b", f"secret {site().store_secret}"),
        # The image of this cluster, and little of its CPU.
        (r"^(argosight deploy .*--version=1\b.*)", rf"\1 {shlex.join(SMALL)}"),
        (r"^(argosight deploy (?!.*--promote|.*--image=).*)", rf"\1 {SMALL[0]}"),
        (r"^(argosight (deploy|rollback) .*)", rf"\1 --registry={model.registry}"),
        # Something else may listen at 8080; and nobody types so fast that it does not listen yet.
        (
            r"8080:80 >planes.log &",
            f"{port}:80 >planes.log & for _ in $(seq 100); do grep -q F planes.log && break; sleep 0.1; done",
        ),
        (r"^(argosight predict .*)", rf"\1 --url=http://127.0.0.1:{port}"),
        (r"%\?8080", f"%?{port}"),
    ]


def test_version_is_served_tried_promoted_and_rolled_back_when_the_page_is_typed_in(place: Place) -> None:
    sections = (
        "",
        "Deploy, and ask",
        "Try a version on some of the requests, then on all, and go back",
        "Reach it",
        "What is written down",
        "Away with it",
    )
    said = place.console.run(PAGE, *sections)
    assert f"version 1 serves at http://{place.model.name}.{NAMESPACE}.svc and gets all requests" in said
    (answer,) = [json.loads(line) for line in said.splitlines() if line.startswith('{"image"')]
    assert (answer["model"], answer["version"]) == (place.model.name, 1)
    assert "version 2 serves" in said
    assert "gets 1 of 2 servers, so about 50 % of the connections" in said
    assert re.search(r"2 → 1  it misses helicopters", said)
    assert "ingress.networking.k8s.io/planes created (server dry run)" in said
    history = [
        (one["change"], one["version"])
        for one in json.loads(said[said.index('{\n "stable"') :].partition("\n}")[0] + "}")["history"]
    ]
    assert history == [("rollback", 1), ("promote", 2), ("canary", 2), ("deploy", 1)]
    left = kubectl("get", "deployments,services", "-l", f"app.kubernetes.io/instance={place.model.name}", "-o", "name")
    assert left == ""
    assert place.console.used == set(INSTEAD), "the page has no longer what is replaced here"


def test_kserve_serves_and_goes_back_when_the_page_is_typed_in(place: Place) -> None:
    try:
        kubectl("get", "inferenceservices.serving.kserve.io")
    except ClusterError as error:
        pytest.skip(f"no KServe: {error}")
    labels = f"app.kubernetes.io/instance={place.model.name}-kserve"
    try:
        said = place.console.run(PAGE, "", "With KServe")
    finally:
        kubectl("delete", "inferenceservices,services,configmaps", "-l", labels, "--wait=false")
    for number in (1, 2, 1):
        before, found, said = said.partition(f"version {number} serves at http://")
        assert found, before
    assert "gets all requests" in said, said


def test_run_is_taken_with_a_deployment_when_the_page_is_typed_in(cluster: None, tmp_path: Path) -> None:
    (command,) = [one for one in commands("deploying.md") if one.startswith("argosight submit")]
    source = f"s3://{site().bucket}/datasets/{secrets.token_hex(4)}-not-there.zip"
    typed = command.replace("s3://argosight/datasets/planes.zip", source)
    with released():
        done = call(typed, shell(tmp_path), "--detach", f"--namespace={NAMESPACE}")
        assert done.returncode == 0, done.stderr
        name = done.stdout.strip()
        try:
            given = {one["name"]: one["value"] for one in ClusterRun(name).look()["spec"]["arguments"]["parameters"]}
        finally:
            kubectl("delete", "workflow", name, "--wait=false")
    assert (given["deploy"], given["deploy-target"], given["min-replicas"]) == ("true", "deployment", "2")
