"""A site with another bucket and other GPUs: all that is rendered, stored, deployed and run here follows it."""

import os
import re
from argparse import ArgumentParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from steps.deploy.cluster.deployment import stable_manifests
from steps.deploy.cluster.settings import Settings
from steps.deploy.contract import DeployInputs
from steps.registry import Registry
from steps.runner import run
from steps.serve.contract import ServeInputs
from steps.serve.settings import origins_of
from steps.store import open_store
from steps.store.listing import listing_digest
from steps.watch.contract import WATCH
from tests.factories_publish import Bench
from tests.factories_store import moto_settings
from workflows.argo.catalog import build_workflows
from workflows.argo.site import SITE, Site, read_site
from workflows.cli import deploy, serve
from workflows.cli import site as cli_site
from workflows.cli.__main__ import main
from workflows.cli.render import render
from workflows.cluster.bucket import connect_store, set_up_bucket
from workflows.cluster.errors import ClusterError
from workflows.cluster.keys import Keys
from workflows.cluster.templates import read_manifests, refuse_other_buckets
from workflows.cluster.tenant import policy
from workflows.local.home import Home

BUCKET = "team-vision"
GPU = {
    "resource": "example.com/gpu",
    "node-selector": {"pool": "big", "zone": "a"},
    "tolerations": [
        {"key": "team", "operator": "Equal", "value": "vision", "effect": "NoExecute"},
        {"key": "example.com/gpu", "effect": "NoSchedule"},
    ],
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The project's site with another bucket and other GPUs, in the place of config/site.yaml."""
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(SITE.read_text()) | {"bucket": BUCKET, "gpu": GPU}))
    monkeypatch.setattr(cli_site, "SITE", path)
    return read_site(path)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Keys:
    """A store that has no bucket yet."""
    settings = moto_settings()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Keys(
        *(settings[f"AWS_{name}"] for name in ("ENDPOINT_URL_S3", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION"))
    )


def written(site: Site, folder: Path) -> Path:
    """Write all that is rendered for `site` below `folder`, and return the folder of the manifests."""
    for path, text in render(site)[0].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder / "argo" / "rendered"


def template(site: Site, workflow: str, name: str) -> dict[str, Any]:
    document = next(one.document for one in build_workflows(site) if one.name == workflow)
    found: dict[str, Any] = next(one for one in document["spec"]["templates"] if one["name"] == name)
    return found


def defaults(site: Site, workflow: str, name: str) -> dict[str, str]:
    parameters = template(site, workflow, name)["inputs"]["parameters"]
    return {one["name"]: one["default"] for one in parameters if "default" in one}


def handed(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, str]:
    """Return what a command gives to the `deploy` step."""
    given: dict[str, str] = {}

    def keep(_model: str, inputs: dict[str, str]) -> tuple[int, str]:
        given.update(inputs)
        return 2, ""

    monkeypatch.setattr(module, "run_step", keep)
    parser = ArgumentParser()
    module.configure(parser)
    module.run(parser.parse_args(["planes", *words]))
    return given


def test_all_that_is_rendered_lies_in_the_bucket_and_the_store_user_may_use_it(site: Site) -> None:
    files, faults = render(site)
    assert not faults
    used = {path: set(re.findall(r"s3://([\w.-]+)/(\w+)", text)) for path, text in files.items()}
    assert not {path for path, found in used.items() if "argosight" in dict(found)}
    manifests = set().union(*(found for path, found in used.items() if path.suffix == ".yaml"))
    assert {prefix for bucket, prefix in manifests if bucket == BUCKET} == {"models", "datasets", "cache", "runs"}
    assert {bucket for bucket, _ in manifests} == {BUCKET, "bucket"}, "`s3://bucket/prefix` stands in descriptions"
    allowed = [one["Resource"] for one in policy(site.bucket)["Statement"] if one["Effect"] == "Allow"]
    assert allowed == [[f"arn:aws:s3:::{BUCKET}"], [f"arn:aws:s3:::{BUCKET}/*"]]


def test_a_version_is_found_and_served_where_it_was_published_when_the_bucket_is_another(
    site: Site, store: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_bucket(connect_store(store, store.host), site.bucket, keep_runs_days=None, dry_run=False)
    where = defaults(site, "retrain", "watch")
    open_store(where["datasets"]).put("planes.zip", b"images")
    listing = listing_digest(f"{where['datasets']}/planes.zip")

    monkeypatch.setenv("STEP_WORK", str(tmp_path / "bench" / "work"))
    bench = Bench(tmp_path / "bench")
    assert bench.publish(defaults(site, "train-detector", "publish")["registry"], f"--listing={listing}") == 0
    assert bench.published()["url"] == f"s3://{BUCKET}/models/planes/1"

    monkeypatch.setenv("STEP_WORK", str(tmp_path / "watch"))
    assert run(WATCH, [f"--{name}={where[name]}" for name in ("datasets", "registry")]) == 0
    assert (tmp_path / "watch/out/verdict").read_text() == "planes: nothing new, version 1 was trained on it"

    for given in (handed(deploy, monkeypatch, "--min-replicas=2"), defaults(site, "train-detector", "deploy")):
        inputs = DeployInputs(registry=given["registry"], model_name="planes", deploy_target="deployment")
        manifests = stable_manifests(Settings(inputs, 1, f"{given['registry']}/planes/1"))
        flags = next(one for one in manifests if one["kind"] == "Deployment")["spec"]["template"]["spec"]
        words = dict(word.lstrip("-").split("=", 1) for word in flags["containers"][0]["args"] if "=" in word)
        (origin,) = origins_of(ServeInputs(registry=words["registry"], model_name=words["model-name"]))
        edition, folder = origin.fetch(tmp_path / "served")
        assert (edition.number, (folder / "onnx/model.onnx").read_bytes()) == (1, b"weights")

    assert handed(deploy, monkeypatch)["first_registry"] == f"s3://{BUCKET}/models"


def test_templates_are_refused_when_they_were_rendered_for_another_bucket(site: Site, tmp_path: Path) -> None:
    folder = written(site, tmp_path)
    refuse_other_buckets(read_manifests(folder)[0], BUCKET)
    with pytest.raises(ClusterError, match=f"keeps things in s3://{BUCKET}/.*, and the site's bucket is argosight"):
        refuse_other_buckets(read_manifests(folder)[0], "argosight")


def test_commands_of_this_machine_use_the_bucket_of_the_site(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")  # `rollback` sets it; what it was comes back after the test.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    monkeypatch.setenv("ARGOSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "bench" / "work"))
    registry = Home.default().buckets / BUCKET / "models"
    bench = Bench(tmp_path / "bench")
    for run_name in ("one", "two"):
        assert bench.publish(str(registry), f"--run={run_name}") == 0

    started: list[list[str]] = []

    def keep(flags: list[str], _work: Path) -> int:
        started.append(flags)
        return 0

    monkeypatch.setattr(serve, "_serve", keep)
    assert main(["serve"]) == 0
    assert started[0][:2] == [f"--registry={registry}", "--model-name=planes"]

    assert main(["rollback", "planes"]) == 0
    assert capsys.readouterr().out.endswith("latest of planes is 1 now, and was 2\n")
    assert Registry.open(str(registry)).latest("planes").number == 1


def test_servers_and_trainings_ask_for_gpus_alike(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    document = next(one.document for one in build_workflows(site) if one.name == "train-detector")
    main_dag = next(one for one in document["spec"]["templates"] if one["name"] == "main")["dag"]
    arguments = next(one for one in main_dag["tasks"] if one["name"] == "deploy")["arguments"]["parameters"]
    in_run = {one["name"].replace("-", "_"): one["value"] for one in arguments}
    by_hand = handed(deploy, monkeypatch, "--serving-gpus=1")
    training = template(site, "train-detector", "train-gpu")
    for given in (in_run, by_hand):
        facts = {name: given[name] for name in ("gpu_resource", "node_selector", "tolerations")}
        inputs = DeployInputs(registry="s3://a/b", deploy_target="deployment", serving_gpus=1, **facts)
        (deployment,) = (
            one for one in stable_manifests(Settings(inputs, 1, "s3://a/b/1")) if one["kind"] == "Deployment"
        )
        pod = deployment["spec"]["template"]["spec"]
        assert pod["nodeSelector"] == training["nodeSelector"] == GPU["node-selector"]
        assert pod["tolerations"] == training["tolerations"]
        assert pod["containers"][0]["resources"]["limits"]["example.com/gpu"] == "1"
        assert "example.com/gpu" in training["container"]["resources"]["limits"]
        assert "nvidia.com/gpu" not in pod["containers"][0]["resources"]["limits"]


def test_a_machine_with_a_gpu_stands_for_the_gpu_nodes_of_the_site(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = written(site, tmp_path) / "train-detector.yaml"
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: one (UUID: GPU-1)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("ARGOSIGHT_HOME", str(tmp_path / "home"))
    asked = ["run", str(manifest), "--dry-run", "-p", "source=images.zip", "-p", "device=gpu"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert main(asked) == 0
    assert "unschedulable" not in capsys.readouterr().out
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert main(asked) == 0
    assert "1 example.com/gpu wanted, it has 0" in capsys.readouterr().out


@pytest.mark.parametrize("workflow", ["train-detector", "retrain"])
def test_reference_states_the_retries_that_templates_have(site: Site, workflow: str) -> None:
    files, _ = render(site)
    document = next(one.document for one in build_workflows(site) if one.name == workflow)
    for one in document["spec"]["templates"]:
        command = one.get("container", {}).get("command", [])
        if not command:
            continue
        page = files[Path("docs/reference") / f"step-{command[3]}.md"]
        (row,) = (line for line in page.splitlines() if line.startswith("| 75 |"))
        retry = one.get("retryStrategy")
        assert (f"at most {retry['limit']} times" if retry else "not tried again") in row
