"""A run that failed, was stopped or lost its engine goes on where it was."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workflows.local.engine import retry_workflow, run_workflow
from workflows.local.errors import RunLookupError, SubmissionError
from workflows.local.home import Home
from workflows.local.machine import Machine
from workflows.local.process import birth_of
from workflows.local.run import INTERRUPTED, Run, load_run

MANIFESTS = Path(__file__).parent / "manifests"
PATIENCE_S = 60


class Bench:
    """A home, a folder in which the steps leave marks, and engines in processes of their own."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root / "home")
        self.marks = root / "marks"
        self.marks.mkdir()
        self.engines: list[subprocess.Popen[bytes]] = []

    def run(self, **parameters: str) -> Run:
        given = {"marks": str(self.marks), **parameters}
        return run_workflow(MANIFESTS / "resumable.yaml", given, self.home.root, name="r")

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "workflows.cli", *words]
        environment = {**os.environ, "ARGOSIGHT_HOME": str(self.home.root), "COLUMNS": "200"}
        engine = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.engines.append(engine)
        return engine

    def start_run(self, pause: str = "30") -> "subprocess.Popen[bytes]":
        manifest = str(MANIFESTS / "resumable.yaml")
        return self.start("run", manifest, "--name=r", "-p", f"marks={self.marks}", "-p", f"pause={pause}")

    def marked(self, name: str) -> list[str]:
        path = self.marks / name
        return path.read_text().split() if path.exists() else []

    def state(self) -> Run:
        return load_run(self.home.runs / "r", Machine(self.home.locks))

    def wait_for(self, met: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not met():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    def counting(self) -> bool:
        """Whether the middle step runs and the journal knows its process."""
        try:
            return bool(self.marked("count")) and self.state().nodes["r.count"].pid > 0
        except (RunLookupError, KeyError):
            return False


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    for engine in one.engines:
        engine.kill()
        engine.communicate()


def test_run_goes_on_when_retried_after_a_failure(bench: Bench) -> None:
    (bench.marks / "stumble").touch()
    assert bench.run().phase == "Failed"
    (bench.marks / "stumble").unlink()
    run = retry_workflow(bench.home.runs / "r")
    assert run.phase == "Succeeded"
    assert run.attempt == 2
    assert bench.marked("before") == ["x"]
    assert bench.marked("count") == ["1", "2", "3"]
    assert bench.marked("bye") == ["Failed", "Succeeded"]
    assert run.nodes["r.before"].reused
    assert not run.nodes["r.count"].reused


def test_parameter_is_changed_when_nothing_finished_has_read_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert run_workflow(MANIFESTS / "changes.yaml", {}, home.root, name="c").phase == "Failed"
    run = retry_workflow(home.runs / "c", {"code": "0", "wait": "6", "first": "a"})
    assert run.phase == "Succeeded"
    assert (run.parameters["code"], load_run(home.runs / "c").parameters["code"]) == ("0", "0")
    kept = {node.folder for node in run.nodes.values() if node.reused}
    assert kept == {"read", "sized", "greet"}
    assert run.nodes["c.probe"].outputs.exit_code == "6"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"first": "b"}, "first='b' cannot be changed: read has finished with 'a'"),
        ({"resize": "true"}, "resize='true' cannot be changed: sized has finished with 'false'"),
        ({"greeting": "hi", "code": "0"}, "greeting='hi' cannot be changed: greet has finished with 'hello'"),
        ({"frist": "b"}, "did you mean 'first'"),
        ({"resize": "maybe"}, "should be one of true, false"),
    ],
)
def test_change_is_refused_when_it_comes_too_late_or_fits_nowhere(
    tmp_path: Path, changes: dict[str, str], told: str
) -> None:
    home = Home(tmp_path)
    before = run_workflow(MANIFESTS / "changes.yaml", {}, home.root, name="c")
    with pytest.raises(SubmissionError, match=re.escape(told)):
        retry_workflow(home.runs / "c", changes)
    assert load_run(home.runs / "c") == before


def test_step_is_done_again_when_its_content_is_gone(bench: Bench) -> None:
    (bench.marks / "stumble").touch()
    failed = bench.run()
    (bench.marks / "stumble").unlink()
    digest = failed.nodes["r.before"].outputs.artifacts[0].digest or ""
    (bench.home.root / "objects" / digest[:2] / digest[2:]).unlink()
    assert retry_workflow(bench.home.runs / "r").phase == "Succeeded"
    assert bench.marked("before") == ["x", "x"]


def test_retry_is_refused_when_the_run_has_succeeded(bench: Bench) -> None:
    bench.run()
    with pytest.raises(RunLookupError, match="has succeeded"):
        retry_workflow(bench.home.runs / "r")


def test_run_goes_on_when_its_engine_was_killed(bench: Bench) -> None:
    engine = bench.start_run()
    bench.wait_for(bench.counting)
    leftover = bench.state().nodes["r.count"].pid
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert bench.state().phase == INTERRUPTED
    assert birth_of(leftover)
    manifest = bench.home.runs / "r" / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("sleep {{workflow.parameters.pause}}", "true"))
    run = retry_workflow(bench.home.runs / "r")
    assert run.phase == "Succeeded"
    assert not birth_of(leftover)
    assert bench.marked("before") == ["x"]
    assert bench.marked("count") == ["1", "2", "3"]
    assert "again," in (bench.home.runs / "r" / "nodes" / "count" / "log.txt").read_text()


@pytest.mark.slow
def test_run_ends_well_when_its_engine_is_killed_again_and_again(bench: Bench) -> None:
    chance = random.Random(7)
    engine = bench.start_run(pause="0.2")
    for _ in range(12):
        time.sleep(chance.uniform(0.3, 1.2))
        engine.kill()
        engine.wait()
        if not (bench.home.runs / "r" / "run.json").exists():
            engine = bench.start_run(pause="0.2")
        elif bench.state().phase == "Succeeded":
            break
        else:
            engine = bench.start("retry", "r")
    output, _ = engine.communicate(timeout=PATIENCE_S)
    assert bench.state().phase == "Succeeded", output.decode()
    assert bench.marked("count") == ["1", "2", "3"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_stops_cleanly_when_interrupted(bench: Bench, number: signal.Signals) -> None:
    engine = bench.start_run()
    bench.wait_for(bench.counting)
    pid = bench.state().nodes["r.count"].pid
    engine.send_signal(number)
    output, _ = engine.communicate(timeout=PATIENCE_S)
    assert engine.returncode == 130
    assert b"argosight retry r" in output
    assert not birth_of(pid)
    run = bench.state()
    assert run.phase == "Stopped"
    assert all(node.phase.fulfilled for node in run.nodes.values())
    assert run.nodes["r.before"].phase == "Succeeded"
    assert bench.marked("bye") == []


def test_second_engine_is_refused_when_one_is_at_work(bench: Bench) -> None:
    bench.start_run()
    bench.wait_for(bench.counting)
    with pytest.raises(RunLookupError, match="is going on"):
        retry_workflow(bench.home.runs / "r")


def test_progress_is_noted_when_a_step_tells_it(bench: Bench) -> None:
    bench.start_run()
    bench.wait_for(bench.counting)
    bench.wait_for(lambda: bench.state().nodes["r.count"].progress == "1/3")
    assert bench.state().nodes["r.count"].progress_words == "1 of 3 counted"


def test_log_is_followed_when_the_run_goes_on(bench: Bench) -> None:
    bench.start_run(pause="0.3")
    bench.wait_for(bench.counting)
    output, _ = bench.start("logs", "r", "count", "-f").communicate(timeout=PATIENCE_S)
    assert output.decode().split("\n")[:3] == ["counted 1", "counted 2", "counted 3"]
