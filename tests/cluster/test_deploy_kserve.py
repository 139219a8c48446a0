"""The `deploy` step with target `kserve`, in Standard mode, on the cluster that KUBECONFIG names."""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.deployments import Model, a_model, why_absent
from tests.cluster.runs import site
from tests.conformance.cluster import NAMESPACE, ClusterError, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]
TARGET = "--deploy-target=kserve"


@pytest.fixture
def model(cluster: None, tmp_path: Path) -> Iterator[Model]:
    if why_absent():
        pytest.skip(why_absent())
    try:
        kubectl("get", "inferenceservices.serving.kserve.io")
    except ClusterError as error:
        pytest.skip(f"no KServe: {error}")
    with a_model(tmp_path, versions=2) as model:
        yield model


def service(model: Model) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("get", "inferenceservice", model.name, "-o", "json"))
    return found


def test_version_answers_scales_and_goes_back_when_deployed_in_standard_mode(model: Model) -> None:
    model.start(TARGET, "--max-replicas=2", "--scale-target=60")
    assert model.served() == ["1"]
    assert model.output("url") == f"http://{model.name}.{NAMESPACE}.svc"
    scaler = json.loads(kubectl("get", "horizontalpodautoscaler", f"{model.name}-predictor", "-o", "json"))
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 2)
    assert scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    done = model.argosight("deploy")
    assert done.returncode == 0, done.stderr
    assert model.served() == ["2"]
    back = model.argosight("rollback")
    assert back.returncode == 0, back.stderr
    assert model.served() == ["1"]
    told = [(one["change"], one["version"]) for one in model.record()["history"]]
    assert told == [("rollback", 1), ("deploy", 2), ("deploy", 1)]


def test_what_served_is_put_back_when_the_next_does_not_start(model: Model) -> None:
    model.start(TARGET)
    failed = model.deploy(TARGET, "--image=127.0.0.1:5000/there-is-no:such-image", "--ready-timeout=30s")
    assert failed.returncode == 75
    assert "version 1, which served before, is put back and ready" in failed.stderr
    assert model.served() == ["1"]
    assert site().image("serve") in json.dumps(service(model)["spec"])


def test_canary_is_refused_when_the_mode_has_none_for_us(model: Model) -> None:
    model.start(TARGET)
    refused = model.argosight("deploy", "--canary=10")
    assert refused.returncode == 2
    assert "KServe's Standard mode splits requests for its own runtimes only" in refused.stderr
    assert model.served() == ["1"]


def test_service_keeps_its_address_and_goes_over_when_the_target_changes(model: Model) -> None:
    model.start("--deploy-target=deployment", "--max-replicas=2")
    for target, version, other in (("kserve", "2", "deployment"), ("deployment", "1", "inferenceservice")):
        done = model.deploy(f"--deploy-target={target}", f"--version={version}")
        assert done.returncode == 0, f"{done.stderr}\n{model.describe()}"
        wait_until_gone(model, other)
        model.wait_for(version)
        assert model.output("url") == f"http://{model.name}.{NAMESPACE}.svc"
        assert kubectl("get", "service", model.name, "-o", "name")
    assert [one["version"] for one in model.record()["history"]] == [1, 2, 1]


def test_deployment_still_serves_when_kserve_does_not_get_its_image(model: Model) -> None:
    model.start("--deploy-target=deployment")
    failed = model.deploy(TARGET, "--image=127.0.0.1:5000/there-is-no:such-image", "--ready-timeout=30s")
    assert failed.returncode == 75
    assert "version 1, which served before, is put back and ready" in failed.stderr
    assert model.served() == ["1"]
    wait_until_gone(model, "inferenceservice")


def wait_until_gone(model: Model, kind: str) -> None:
    """Wait for the object of that kind, which the step removed without waiting itself."""
    kubectl("wait", "--for=delete", f"{kind}/{model.name}", "--timeout=60s")


def test_what_served_is_put_back_when_knative_does_not_take_its_place(model: Model) -> None:
    # What Knative makes cannot stand beside it: what serves goes first, and comes back.
    model.start(TARGET)
    failed = model.deploy(TARGET, "--kserve-mode=Knative", "--ready-timeout=10s")
    if failed.returncode == 0:
        pytest.skip("this cluster has Knative")
    assert "version 1, which served before, is put back and ready" in failed.stderr
    assert model.served() == ["1"]
    annotations = service(model)["metadata"]["annotations"]
    assert annotations["serving.kserve.io/deploymentMode"] == "Standard"


def test_storage_initializer_brings_the_model_when_asked_to(model: Model) -> None:
    with storage_account(model), restricted_initializer():
        done = model.deploy(
            TARGET,
            "--version=1",
            "--model-source=storage-initializer",
            f"--service-account={model.name}",
            "--ready-timeout=180s",
        )
        if "storage-initializer waits: Err" in done.stderr:
            pytest.skip("KServe's storage initializer cannot be pulled")
        assert done.returncode == 0, f"{done.stderr}\n{model.describe()}"
        assert model.served() == ["1"]
        pods = json.loads(kubectl("get", "pods", "-l", f"app.kubernetes.io/instance={model.name}", "-o", "json"))
        assert [one["name"] for one in pods["items"][0]["spec"]["initContainers"]] == ["storage-initializer"]


@contextlib.contextmanager
def storage_account(model: Model) -> Iterator[None]:
    """Make a service account by which the storage initializer finds the store's keys, as KServe wants it."""
    store = json.loads(kubectl("get", "secret", site().store_secret, "-o", "json"))["data"]
    scheme, _, host = decoded(store["AWS_ENDPOINT_URL_S3"]).partition("://")
    annotations = {
        "serving.kserve.io/s3-endpoint": host,
        "serving.kserve.io/s3-usehttps": "1" if scheme == "https" else "0",
        "serving.kserve.io/s3-region": decoded(store.get("AWS_REGION", "")) or "us-east-1",
    }
    keys = {name: store[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    metadata = {"name": model.name, "labels": {"app.kubernetes.io/instance": model.name}}
    documents: list[dict[str, Any]] = [
        {"kind": "Secret", "metadata": {**metadata, "annotations": annotations}, "data": keys},
        {"kind": "ServiceAccount", "metadata": metadata, "secrets": [{"name": model.name}]},
    ]
    try:
        for document in documents:
            kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", **document}))
        yield
    finally:
        kubectl("delete", "secret,serviceaccount", model.name)


@contextlib.contextmanager
def restricted_initializer() -> Iterator[None]:
    """Confine the storage initializer as KServe's releases do, for a namespace that takes restricted pods only."""
    name = ("clusterstoragecontainers.serving.kserve.io", "default")
    before = json.loads(kubectl("get", *name, "-o", "json"))["spec"]["container"].get("securityContext")
    confined = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "runAsNonRoot": True,
    }

    def patch(value: dict[str, Any] | None) -> None:
        spec = {"spec": {"container": {"securityContext": value}}}
        kubectl("patch", *name, "--type=merge", "-p", json.dumps(spec))

    patch(before or confined)
    try:
        yield
    finally:
        patch(before)


def decoded(text: str) -> str:
    return base64.b64decode(text).decode()
