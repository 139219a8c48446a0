"""Starting a run by hand: `argo submit` and `argosight submit`, typed as `docs/triggers.md` says."""

import json
import re
import secrets
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import draw
from tests.cluster.pages import call, commands, shell
from tests.cluster.runs import ClusterRun, phase, site
from tests.cluster.triggers import bucket, forget, released
from tests.conformance.cluster import NAMESPACE, kubectl
from workflows.argo.site import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(900)]

MODELS = "s3://argosight/models"
"""The registry, unless another is given."""
COMMANDS = commands("triggers.md")


@pytest.fixture(scope="module", autouse=True)
def _templates(cluster: None) -> Iterator[None]:
    with released():
        yield


@pytest.fixture(scope="module")
def token() -> Iterator[str]:
    """What stands for `planes` in the commands, so that nobody's planes are touched; an archive of that name is there."""
    chosen = f"planes-{secrets.token_hex(4)}"
    draw(f"{bucket()}/datasets/{chosen}.zip", 40)
    yield chosen
    forget(f"datasets/{chosen}")
    forget(chosen, place=MODELS)


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> dict[str, str]:
    return shell(tmp_path)


def typed(start: str, token: str) -> list[str]:
    """Return the one command of the page that begins with `start`, for this cluster's names."""
    (command,) = [line for line in COMMANDS if line.startswith(start)]
    return shlex.split(
        command.replace("planes", token)
        .replace("s3://argosight/", f"s3://{site().bucket}/")
        .replace("--namespace=argosight", f"--namespace={NAMESPACE}")
    )


def runs_of(token: str) -> list[str]:
    found = json.loads(kubectl("get", "workflows", "-o", "json"))["items"]
    return [one["metadata"]["name"] for one in found if token in json.dumps(one["spec"].get("arguments", {}))]


@pytest.mark.parametrize(
    "command", ["argo submit --from clusterworkflowtemplate/train-detector", "argosight submit train-detector"]
)
def test_run_succeeds_when_the_command_is_typed_as_the_page_says(
    command: str, token: str, shell: dict[str, str]
) -> None:
    assert call(typed("kubectl config", token), shell).returncode == 0
    words = typed(command, token)
    if words[0] == "argosight":
        words.append(f"--namespace={NAMESPACE}")
    done = call(words, shell)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout
    if words[0] == "argosight":
        assert re.search(rf"publish: url +{MODELS}/{token}/\d+", done.stdout)
        assert "publish Succeeded in" in done.stderr
    for name in runs_of(token):
        assert phase(ClusterRun(name).look()) == "Succeeded"
        kubectl("delete", "workflow", name, "--wait=false")


def test_failed_run_says_why_and_how_to_go_on(token: str, shell: dict[str, str]) -> None:
    name = f"submit-{secrets.token_hex(4)}"
    words = ["argosight", "submit", "train-detector", "-p", f"source={bucket()}/datasets/{token}-not-there.zip"]
    try:
        done = call([*words, f"--namespace={NAMESPACE}", f"--name={name}"], shell)
        assert done.returncode == 1, done.stdout + done.stderr
        assert f"{name} Failed in" in done.stdout
        assert re.search(r"ingest.* Failed: main: Error \(exit code 2\)", done.stdout)
        assert "no object and no prefix" in done.stdout, done.stdout
        assert f"argo -n {NAMESPACE} retry {name}" in done.stdout
        again = call([*words, f"--namespace={NAMESPACE}", f"--name={name}"], shell)
        assert again.returncode == 2
        assert "already exists" in again.stderr
    finally:
        kubectl("delete", "workflow", name, "--ignore-not-found", "--wait=false")


def test_run_goes_on_when_nobody_follows_it_any_more(token: str, shell: dict[str, str]) -> None:
    words = [
        "argosight",
        "submit",
        "train-detector",
        "-p",
        f"source={bucket()}/datasets/{token}.zip",
        "-p",
        "device=cpu",
    ]
    name = f"submit-{secrets.token_hex(4)}"
    process = subprocess.Popen(
        [*words, f"--namespace={NAMESPACE}", f"--name={name}"], env=shell, cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr
        seen = ""
        while "ingest" not in seen:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=90)
        assert process.returncode == 130
        assert told.endswith(f"stop:    argo -n {NAMESPACE} stop {name}\n")
        assert phase(ClusterRun(name).look()) in {"Pending", "Running"}
    finally:
        process.kill()
        kubectl("delete", "workflow", name, "--ignore-not-found", "--wait=false")


def test_only_the_name_is_printed_when_detached(token: str, shell: dict[str, str]) -> None:
    words = ["argosight", "submit", "train-detector", "-p", f"source={bucket()}/datasets/{token}.zip", "--detach"]
    done = call([*words, f"--namespace={NAMESPACE}"], shell)
    assert done.returncode == 0, done.stderr
    name = done.stdout.removesuffix("\n")
    found = ClusterRun(name).look()
    assert found["spec"]["arguments"]["parameters"] == [{"name": "source", "value": f"{bucket()}/datasets/{token}.zip"}]
    assert found["metadata"]["labels"]["workflows.argoproj.io/cluster-workflow-template"] == "train-detector"
    kubectl("delete", "workflow", name, "--wait=false")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["train-detecter", "-p", "source=s3://a/b.zip"],
            "no template 'train-detecter'\n  hint: did you mean train-detector",
        ),
        (["train-detector"], "parameter 'source' is required"),
        (["train-detector", "-p", "source=s3://a/b.zip", "-p", "epochs=0"], "parameter epochs='0': input should be"),
        (["train-detector", "-f", "nowhere.yaml"], "nowhere.yaml: No such file"),
    ],
)
def test_mistakes_start_nothing(words: list[str], told: str, shell: dict[str, str]) -> None:
    before = set(kubectl("get", "workflows", "-o", "name").split())
    done = call(["argosight", "submit", *words, f"--namespace={NAMESPACE}"], shell)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    after = set(kubectl("get", "workflows", "-o", "name").split())
    assert not {name for name in after - before if "train-detector" in name}
