"""The `deploy` step with target `deployment`, on the cluster that KUBECONFIG names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.registry import Registry
from tests.cluster.deployments import KINDS, Model, a_model, secret_with_keys, why_absent
from tests.conformance.cluster import NAMESPACE, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]
TARGET = "--deploy-target=deployment"


@pytest.fixture
def model(cluster: None, tmp_path: Path) -> Iterator[Model]:
    if why_absent():
        pytest.skip(why_absent())
    with a_model(tmp_path, versions=2) as model:
        yield model


def test_version_answers_and_is_recorded_when_deployed(model: Model) -> None:
    done = model.deploy(TARGET, "--version=1")
    assert done.returncode == 0, f"{done.stderr}\n{model.describe()}"
    assert model.served() == ["1"]
    assert (model.output("version"), model.output("url")) == ("1", f"http://{model.name}.{NAMESPACE}.svc")
    answer = json.loads((model.folder / "work/out/answer/answer.json").read_text())
    assert answer["matches_golden"] is True
    record = model.record()
    assert (record["stable"]["version"], record["canary"]) == (1, None)
    managers = kubectl(
        "get", "deployment", model.name, "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager}"
    )
    assert "argosight" in managers.split()


def test_canary_promotion_and_rollback_move_requests_when_asked(model: Model) -> None:
    model.start(TARGET)
    started = model.argosight("deploy", "--canary=50")
    assert started.returncode == 0, started.stderr
    assert "1 of 2 servers, so about 50 %" in started.stderr
    assert model.served() == ["1", "2"]
    promoted = model.argosight("deploy", "--promote")
    assert promoted.returncode == 0, promoted.stderr
    assert model.served() == ["2"]
    back = model.argosight("rollback", "--reason=it misses helicopters")
    assert back.returncode == 0, back.stderr
    assert model.served() == ["1"]
    registry = Registry.open(model.registry)
    assert registry.latest(model.name).number == 1
    assert [(one.left, one.version, one.reason) for one in registry.rollbacks(model.name)] == [
        (2, 1, "it misses helicopters")
    ]
    told = [(one["change"], one["version"], one["percent"]) for one in model.record()["history"]]
    assert told == [("rollback", 1, 100), ("promote", 2, 100), ("canary", 2, 50), ("deploy", 1, 100)]


def test_canary_goes_and_the_others_stay_when_rolled_back(model: Model) -> None:
    model.start(TARGET)
    assert model.argosight("deploy", "--canary=50").returncode == 0
    back = model.argosight("rollback")
    assert back.returncode == 0, back.stderr
    assert model.served() == ["1"]
    assert Registry.open(model.registry).latest(model.name).number == 1


def test_what_served_is_put_back_when_the_next_does_not_start(model: Model) -> None:
    model.start(TARGET)
    before = kubectl("get", "deployment", model.name, "-o", "jsonpath={.spec.template}")
    failed = model.deploy(TARGET, "--image=127.0.0.1:5000/there-is-no:such-image", "--ready-timeout=30s")
    assert failed.returncode == 75
    assert "Err" in failed.stderr or "BackOff" in failed.stderr
    assert "version 1, which served before, is put back and ready" in failed.stderr
    assert kubectl("get", "deployment", model.name, "-o", "jsonpath={.spec.template}") == before
    assert model.served() == ["1"]
    assert model.record()["stable"]["version"] == 1


def test_what_served_is_put_back_when_the_command_is_interrupted(model: Model) -> None:
    model.start(TARGET)
    before = kubectl("get", "deployment", model.name, "-o", "jsonpath={.spec.template}")
    code, said = model.interrupt("0 of 1 servers answer", "--image=127.0.0.1:5000/there-is-no:such-image")
    assert code == 130, said
    assert "version 1, which served before, is put back and ready" in said
    assert kubectl("get", "deployment", model.name, "-o", "jsonpath={.spec.template}") == before
    assert model.served() == ["1"]


def test_servers_want_keys_and_take_flags_when_the_secret_and_the_deployment_say_so(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (TARGET, f"--store-secret={model.name}", "--server-flags=--max-batch=3 --grpc-port=8081")
    with secret_with_keys(model, "one,two"):
        refused = model.deploy("--version=1", *flags)
        assert refused.returncode == 2, refused.stderr
        assert "401" in refused.stderr
        assert "ARGOSIGHT_API_KEYS" in refused.stderr
        monkeypatch.setenv("ARGOSIGHT_API_KEYS", "two")
        model.start(*flags)
        kept = model.argosight("deploy")
        assert kept.returncode == 0, kept.stderr
        assert model.served() == ["2"]
        settings = model.record()["stable"]["settings"]
        assert settings["server-flags"] == "--max-batch=3 --grpc-port=8081"
        ports = kubectl("get", "service", model.name, "-o", "jsonpath={.spec.ports[*].port}")
        assert ports.split() == ["80", "8081"]
        written = kubectl("get", KINDS, "-l", f"app.kubernetes.io/instance={model.name}", "-o", "yaml")
        assert "X-API-Key" not in written
        assert "ARGOSIGHT_API_KEYS" not in written


def test_nothing_is_left_when_the_first_does_not_find_its_model(model: Model) -> None:
    # Servers that lack the store's keys end with exit code 2: waiting for them cannot help.
    failed = model.deploy(TARGET, "--store-secret=there-is-none")
    assert failed.returncode in (2, 75)
    assert "nothing served before: what was made is removed again" in failed.stderr
    assert kubectl("get", "deployments,services", "-l", f"app.kubernetes.io/instance={model.name}", "-o", "name") == ""


def test_strangers_are_not_touched_when_they_have_the_name(model: Model) -> None:
    kubectl("create", "service", "clusterip", model.name, "--tcp=80:80")
    try:
        failed = model.deploy(TARGET)
        assert failed.returncode == 2
        assert f"there is a Service {model.name}" in failed.stderr
    finally:
        kubectl("delete", "service", model.name)


def test_an_autoscaler_is_there_when_servers_may_be_more_than_the_fewest(model: Model) -> None:
    done = model.deploy(TARGET, "--max-replicas=3", "--scale-target=60")
    assert done.returncode == 0, done.stderr
    found = json.loads(kubectl("get", "horizontalpodautoscaler", model.name, "-o", "json"))
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (1, 3)
    assert found["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 60
    assert model.deploy(TARGET, "--max-replicas=1").returncode == 0
    assert (
        kubectl("get", "horizontalpodautoscalers", "-l", f"app.kubernetes.io/instance={model.name}", "-o", "name") == ""
    )
