"""`argosight release` and `diff` on a real API server: versions stay, aliases move, whoever wrote what is there."""

import copy
import json
import shutil
import subprocess
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.argo.site import ROOT
from workflows.cli import diff, release
from workflows.cluster.client import Cluster, connect
from workflows.cluster.templates import API, TEMPLATE

pytestmark = pytest.mark.cluster

RENDERED = ROOT / "argo" / "rendered" / "train-detector.yaml"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return connect()


@pytest.fixture
def alias(cluster: Cluster) -> Iterator[str]:
    name = f"release-{uuid.uuid4().hex[:8]}"
    yield name
    for one in cluster.list(API, TEMPLATE):
        if one["metadata"]["name"].startswith(name):
            cluster.delete(API, TEMPLATE, one["metadata"]["name"])


@pytest.fixture
def document(alias: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(RENDERED.read_text())
    found["metadata"]["name"] = alias
    found["metadata"]["labels"]["argosight.dev/version"] = "1.2.0"
    return found


@pytest.fixture
def folder(tmp_path: Path, document: dict[str, Any]) -> Path:
    return write(tmp_path, document)


def write(folder: Path, document: dict[str, Any], version: str = "1.2.0", **spec: Any) -> Path:
    changed = copy.deepcopy(document)
    changed["metadata"]["labels"]["argosight.dev/version"] = version
    changed["spec"] |= spec
    (folder / "template.yaml").write_text(yaml.safe_dump(changed, allow_unicode=True))
    return folder


def call(command: Any, *words: str) -> int:
    parser = ArgumentParser()
    command.configure(parser)
    code: int = command.run(parser.parse_args(words))
    return code


def live(cluster: Cluster, name: str) -> dict[str, Any]:
    found = cluster.get(API, TEMPLATE, name)
    assert found, f"no {name}"
    return found


def kubectl(verb: str, document: dict[str, Any]) -> None:
    words = ["kubectl", verb, "-f", "-"]
    subprocess.run(words, input=json.dumps(document), text=True, timeout=60, check=True, capture_output=True)


def test_version_and_alias_are_made_and_labelled_when_released(cluster: Cluster, alias: str, folder: Path) -> None:
    assert call(release, f"--manifests={folder}") == 0
    version, moving = live(cluster, f"{alias}-1-2-0"), live(cluster, alias)
    assert version["spec"] == moving["spec"]
    labels, digest = version["metadata"]["labels"], version["metadata"]["annotations"]["argosight.dev/spec-digest"]
    assert labels["argosight.dev/version"] == "1.2.0"
    assert labels["argosight.dev/template"] == alias
    assert digest.startswith(f"sha256:{labels['argosight.dev/digest']}")


def test_nothing_changes_when_released_again(cluster: Cluster, alias: str, folder: Path, capsys: Any) -> None:
    call(release, f"--manifests={folder}")
    before = live(cluster, alias)["metadata"]["resourceVersion"]
    capsys.readouterr()
    assert call(diff, f"--manifests={folder}") == 0
    assert call(release, f"--manifests={folder}") == 0
    assert capsys.readouterr().out.count("unchanged") == 2
    assert live(cluster, alias)["metadata"]["resourceVersion"] == before


def test_changed_spec_is_refused_under_the_old_version(
    cluster: Cluster, alias: str, folder: Path, document: dict[str, Any], capsys: Any
) -> None:
    call(release, f"--manifests={folder}")
    before = live(cluster, alias)["spec"]
    write(folder, document, activeDeadlineSeconds=1)
    assert call(release, f"--manifests={folder}") == 1
    told = capsys.readouterr().err
    assert f"{alias}-1-2-0 is in the cluster with another spec" in told
    assert "raise VERSION" in told
    assert live(cluster, alias)["spec"] == live(cluster, f"{alias}-1-2-0")["spec"] == before
    assert call(diff, f"--manifests={folder}") == 1
    told = capsys.readouterr().out
    assert "-activeDeadlineSeconds: 172800\n+activeDeadlineSeconds: 1\n" in told
    assert "which would be refused" in told


def test_alias_moves_on_and_back_when_a_new_version_is_released(
    cluster: Cluster, alias: str, folder: Path, document: dict[str, Any], capsys: Any
) -> None:
    call(release, f"--manifests={folder}")
    write(folder, document, "1.3.0", activeDeadlineSeconds=1)
    assert call(diff, f"--manifests={folder}") == 1
    assert f"clusterworkflowtemplate/{alias} would change: 1.2.0 → 1.3.0" in capsys.readouterr().out
    assert call(release, f"--manifests={folder}") == 0
    assert live(cluster, alias)["spec"]["activeDeadlineSeconds"] == 1
    assert live(cluster, f"{alias}-1-2-0")["spec"]["activeDeadlineSeconds"] == 172800
    assert call(release, alias, "--to=1.2.0") == 0
    assert live(cluster, alias)["spec"] == live(cluster, f"{alias}-1-2-0")["spec"]
    assert live(cluster, alias)["metadata"]["labels"]["argosight.dev/version"] == "1.2.0"
    assert call(release, alias, "--to=9.9.9") == 2
    assert "versions are 1.2.0, 1.3.0" in capsys.readouterr().err


@pytest.mark.parametrize("client", ["kubectl", "argo"])
def test_same_spec_passes_whoever_applied_it(
    client: str, cluster: Cluster, alias: str, folder: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    by_hand = copy.deepcopy(document)
    by_hand["metadata"] = {"name": f"{alias}-1-2-0"}
    if client == "argo":
        if not shutil.which("argo"):
            pytest.skip("no argo on PATH")
        path = tmp_path / "by-hand.yml"
        path.write_text(json.dumps(by_hand))
        words = ["argo", "cluster-template", "create", str(path)]
        subprocess.run(words, timeout=60, check=True, capture_output=True)
        assert live(cluster, f"{alias}-1-2-0")["spec"] != by_hand["spec"], "argo writes empty fields"
    else:
        kubectl("apply", by_hand)
    assert call(release, f"--manifests={folder}") == 0
    assert live(cluster, f"{alias}-1-2-0")["metadata"]["labels"]["argosight.dev/version"] == "1.2.0"


@pytest.mark.parametrize("claims", [True, False])
def test_another_spec_is_refused_whoever_applied_it_and_whatever_its_labels_claim(
    claims: bool, cluster: Cluster, alias: str, folder: Path, document: dict[str, Any]
) -> None:
    call(release, f"--manifests={folder}")
    by_hand = live(cluster, f"{alias}-1-2-0")
    by_hand["spec"]["podGC"] = {"strategy": "OnWorkflowCompletion"}
    if not claims:
        by_hand["metadata"] |= {"labels": {}, "annotations": {}}
    kubectl("replace", by_hand)
    assert call(release, f"--manifests={folder}") == 1


def test_alias_is_its_version_and_no_more_when_somebody_added_to_it(
    cluster: Cluster, alias: str, folder: Path, document: dict[str, Any]
) -> None:
    by_hand = copy.deepcopy(document)
    by_hand["spec"] |= {"parallelism": 1, "nodeSelector": {"disk": "ssd"}}
    kubectl("apply", by_hand)
    assert call(release, f"--manifests={folder}") == 0
    assert live(cluster, alias)["spec"] == live(cluster, f"{alias}-1-2-0")["spec"]


def test_what_the_cluster_does_not_take_is_refused_before_anything_changes(
    cluster: Cluster, alias: str, folder: Path, document: dict[str, Any], capsys: Any
) -> None:
    write(folder, document, entrypoint=["no", "text"])
    assert call(release, f"--manifests={folder}") == 2
    assert "spec.entrypoint" in capsys.readouterr().err
    assert cluster.get(API, TEMPLATE, alias) is None


def test_schedule_stays_suspended_when_released_again(cluster: Cluster, alias: str, folder: Path, capsys: Any) -> None:
    cron = yaml.safe_load((ROOT / "argo/rendered/cron/retrain.yaml").read_text())
    cron["metadata"]["name"] = alias
    (folder / "cron.yaml").write_text(yaml.safe_dump(cron))
    words = (f"--manifests={folder}", "--namespace=default")
    try:
        assert call(release, *words) == 0
        kubectl(
            "apply",
            cron | {"metadata": {"name": alias, "namespace": "default"}, "spec": cron["spec"] | {"suspend": True}},
        )
        assert call(release, *words) == 0
        assert call(diff, *words) == 0
        found = cluster.get(API, "CronWorkflow", alias, "default")
        assert found
        assert found["spec"]["suspend"]
        (folder / "cron.yaml").write_text(yaml.safe_dump(cron | {"spec": cron["spec"] | {"timezone": "Asia/Tokyo"}}))
        assert call(diff, *words) == 1
        assert "-timezone: UTC\n" in capsys.readouterr().out
        assert call(release, *words) == 0
        found = cluster.get(API, "CronWorkflow", alias, "default")
        assert found
        assert (found["spec"]["timezone"], found["spec"]["suspend"]) == ("Asia/Tokyo", True)
    finally:
        cluster.delete(API, "CronWorkflow", alias, "default")
