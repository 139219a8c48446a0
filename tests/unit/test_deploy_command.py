"""`argosight deploy`: what it hands to the step, and how it is stopped."""

import os
import signal
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from workflows.argo.site import read_site
from workflows.cli import deploy

STEP = """
import sys, time
from pathlib import Path
try:
    print("started", flush=True)
    while True:
        time.sleep(0.05)  # short: a signal just before a sleep is only seen after it
except KeyboardInterrupt:
    time.sleep(1)  # longer than subprocess.run waits
    Path(sys.argv[1]).write_text("put back")
    raise SystemExit(130)
"""
COMMAND = """
import os, sys
from workflows.cli.deploy import run_to_its_end
raise SystemExit(run_to_its_end([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ))
"""


def handed(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, str]:
    """Return what `argosight deploy planes` gives to the step."""
    given: dict[str, str] = {}

    def keep(_model: str, inputs: dict[str, str]) -> tuple[int, str]:
        given.update(inputs)
        return 2, ""

    monkeypatch.setattr(deploy, "run_step", keep)
    parser = ArgumentParser()
    deploy.configure(parser)
    deploy.run(parser.parse_args(["planes", *words]))
    return given


def test_put_back_is_waited_for_when_the_command_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COMMAND, STEP, str(tmp_path / "done")]
    # A group of its own, all of which gets the signal, as from a terminal.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as running:
        assert running.stdout
        assert running.stdout.readline() == "started\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(30) == 130
    assert (tmp_path / "done").read_text() == "put back"


def test_settings_are_kept_and_the_server_is_this_releases_when_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    image = read_site().image("serve")
    assert handed(monkeypatch) == {"keep_settings": "true", "image": image, "first_registry": "s3://argosight/models"}
    given = handed(monkeypatch, "--canary=10", "--registry=s3://a/b", "--image=mine", "--version=2")
    assert given == {
        "keep_settings": "true",
        "first_registry": "s3://argosight/models",
        "image": "mine",
        "registry": "s3://a/b",
        "canary": "10",
        "version": "2",
    }


def test_gpus_are_found_as_a_run_finds_them_when_servers_want_one(monkeypatch: pytest.MonkeyPatch) -> None:
    given = handed(monkeypatch, "--serving-gpus=1")
    assert given == {
        "deploy_target": "deployment",
        "image": read_site().image("serve"),
        "gpu_resource": "nvidia.com/gpu",
        "node_selector": "accelerator=nvidia",
        "tolerations": "nvidia.com/gpu:NoSchedule",
        "registry": "s3://argosight/models",
        "serving_gpus": "1",
    }


def test_all_that_is_given_reaches_the_step_when_a_canary_is_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    given = handed(monkeypatch, "--promote", "--cpu=2", "--version=3")
    assert given == {"change": "promote", "cpu": "2", "version": "3"}
