"""Exit codes mean something, outputs appear all at once, and the record tells what happened."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import pytest

from steps.contract import Artifact, Model, Step, duration_seconds
from steps.errors import DatasetError, StoreUnavailableError
from steps.runner import run
from steps.workspace import Progress, Workspace


class Inputs(Model):
    """Make a thing."""

    mode: str = "fine"
    """How it goes."""


class Outputs(Model):
    """What it leaves."""

    thing: Annotated[Path, Artifact()]
    """A file."""

    is_good: bool
    """A flag."""


def make(inputs: Inputs, work: Workspace) -> Outputs:
    (work.out / "thing").write_text("half")
    if inputs.mode == "data":
        raise DatasetError("no boxes in 'a.zip'", hint="label some")
    if inputs.mode == "store":
        raise StoreUnavailableError("no answer", hint="wait")
    if inputs.mode == "bug":
        raise ZeroDivisionError
    if inputs.mode == "hang":
        (work.state / "seen").touch()
        time.sleep(60)
    if inputs.mode == "resume":
        assert (work.state / "seen").exists()
    return Outputs(thing=work.out / "thing", is_good=True)


STEP = Step(
    name="make", image="core", inputs=Inputs, outputs=Outputs, entry="tests.unit.test_kernel_runner:make", example=""
)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEP_WORK", str(tmp_path))
    return tmp_path


def record(work: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((work / "record.json").read_text())
    return content


def test_outputs_and_record_are_written_when_the_step_returns(work: Path) -> None:
    assert run(STEP, []) == 0

    assert (work / "out" / "thing").read_text() == "half"
    assert (work / "out" / "is-good").read_text() == "true"
    assert record(work)["outputs"] == {"is-good": "true"}
    assert record(work)["parameters"] == {"mode": "fine"}
    assert record(work)["peak_rss_bytes"] > 1_000_000


@pytest.mark.parametrize(("mode", "code"), [("data", 2), ("store", 75), ("bug", 1)])
def test_exit_code_tells_whether_to_try_again_when_the_step_fails(
    work: Path, mode: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(STEP, [f"--mode={mode}"]) == code

    assert not (work / "out").exists()
    assert record(work)["exit_code"] == code
    assert ("Traceback" in capsys.readouterr().err) == (mode == "bug")


@pytest.mark.parametrize("mode", ["https://user:hidden@store/a.zip", "https://store/a.zip?X-Amz-Signature=hidden"])
def test_record_and_log_hide_credentials_when_a_parameter_carries_them(
    work: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(STEP, [f"--mode={mode}"]) == 0
    assert record(work)["parameters"]["mode"].startswith("https://")
    assert run(STEP, [f"--mood={mode}"]) == 2
    assert "hidden" not in (work / "record.json").read_text() + capsys.readouterr().err


def test_error_reaches_the_record_with_its_hint(work: Path) -> None:
    run(STEP, ["--mode=data"])

    assert record(work)["error"] == {"message": "no boxes in 'a.zip'", "hint": "label some"}


def test_earlier_outputs_are_gone_when_the_next_attempt_fails(work: Path) -> None:
    run(STEP, [])
    run(STEP, ["--mode=data"])

    assert not (work / "out").exists()


def _start_hanging(work: Path) -> subprocess.Popen[str]:
    program = "import sys; from tests.unit.test_kernel_runner import *; sys.exit(run(STEP, ['--mode=hang']))"
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"STEP_WORK": str(work)}, stderr=subprocess.PIPE, text=True
    )
    while not (work / "state" / "seen").exists():
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_step_keeps_its_state_and_leaves_no_outputs(work: Path, sent: signal.Signals, code: int) -> None:
    process = _start_hanging(work)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=20)

    assert process.returncode == code
    assert "Traceback" not in stderr
    assert not (work / "out").exists()
    assert run(STEP, ["--mode=resume"]) == 0
    assert not (work / "state").exists()


def test_nothing_looks_finished_when_the_step_is_killed(work: Path) -> None:
    process = _start_hanging(work)
    process.kill()
    process.communicate(timeout=20)

    assert not (work / "out").exists()
    assert run(STEP, ["--mode=resume"]) == 0


def test_misplaced_artifact_is_a_bug(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def misplace(_inputs: Inputs, work: Workspace) -> Outputs:
        return Outputs(thing=work.state, is_good=True)

    monkeypatch.setattr(Step, "load", lambda _self: misplace)

    assert run(STEP, []) == 1
    assert not (work / "out").exists()


def test_progress_reaches_argo_when_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "p"))
    progress = Progress(interval_s=0)

    for _ in progress.over(range(3), total=4, units="images\nscored"):
        pass
    # Argo reads the last line alone.
    assert (tmp_path / "p").read_text() == "3 of 4 images scored\n3/4\n"

    progress(1, 4)
    assert (tmp_path / "p").read_text() == "1/4\n"


def test_lines_say_units_now_and_then_and_at_the_end_when_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(1000, 4)  # Seconds: four an image.
    monkeypatch.setattr("steps.workspace.time.monotonic", lambda: next(clock))

    for _ in Progress(line_interval_s=10).over(range(8), total=8, units="images read"):
        pass

    assert capsys.readouterr().err.splitlines() == [f"{done} of 8 images read" for done in (1, 4, 7, 8)]


def test_every_report_is_a_line_when_none_is_too_soon(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(interval_s=0, line_interval_s=0)
    for epoch in (1, 2):
        progress(epoch, 10, f"epoch {epoch} of 10, mAP50 0.71, 2 min left")
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1 of 10, mAP50 0.71, 2 min left",
        "epoch 2 of 10, mAP50 0.71, 2 min left",
    ]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("12m", 720), ("1h30m", 5400), ("0s", 0)])
def test_duration_is_read_as_argo_reads_it(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "12", "m", "1 h", "-5s", "1m1h"])
def test_duration_is_refused_when_it_is_of_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        duration_seconds(text)
