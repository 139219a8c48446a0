import json
from pathlib import Path

import pytest

from steps.report.contract import REPORT
from steps.report.evidence import gather
from steps.report.outcome import Outcome, judge
from tests.factories_report import failed_node, write_failed_run, write_run
from tests.factories_report_artifacts import write_json


def outcome_of(flags: dict[str, str]) -> Outcome:
    return judge(gather(REPORT.inputs.model_validate_strings(flags)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The report's flags for a run that succeeded."""
    return write_run(tmp_path_factory.mktemp("run"))


def without(flags: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in flags.items() if name not in names}


def failed_record(folder: Path, step: str, message: str, started: str) -> None:
    folder.mkdir(exist_ok=True)
    error = {"message": message, "hint": f"mend {step}"}
    write_json(folder / f"{step}.json", {"step": step, "started": started, "exit_code": 2, "error": error})


@pytest.mark.parametrize(
    ("missing", "headline"),
    [
        ([], "Version 3 of planes is published and answers"),
        (["answer"], "Version 3 of planes is published"),
        (["answer", "published"], "The model is trained and scored, but not published"),
        (["answer", "published", "metrics"], "The run succeeded"),
    ],
)
def test_headline_says_how_far_it_came_when_the_run_succeeded(
    run: dict[str, str], missing: list[str], headline: str
) -> None:
    outcome = outcome_of(without(run, *missing))
    assert outcome.good
    assert outcome.headline == headline
    assert outcome.reason is None


def test_step_speaks_for_itself_when_its_record_tells_why(tmp_path: Path) -> None:
    outcome = outcome_of(write_failed_run(tmp_path))
    assert outcome.headline == "Train failed"
    assert outcome.reason is not None
    assert outcome.reason.message.startswith("--base-model=")
    assert (outcome.reason.node, outcome.reason.exit_code) == ("cpu", 2)
    assert outcome.explanation == "Finished before: ingest, split."


def test_last_failure_is_blamed_when_an_earlier_one_was_allowed(tmp_path: Path) -> None:
    failed_record(tmp_path / "records", "probe", "no GPU", "2026-01-01T00:00:01+00:00")
    nodes = [
        failed_node("cpu", "train-cpu", "OOMKilled (exit code 137)", after=9),
        failed_node("auto", "probe", "main: Error (exit code 2)", after=2),
        failed_node("main", "main", "child 'x' failed", after=10),
    ]
    flags = {"status": "Failed", "failures": json.dumps(nodes), "records": str(tmp_path / "records")}
    reason = outcome_of(flags).reason
    assert reason is not None
    assert (reason.step, reason.message, reason.exit_code) == ("train", "OOMKilled (exit code 137)", 137)
    assert "memory" in reason.hint


def test_step_is_blamed_when_the_engine_names_its_groups_and_attempts_too(tmp_path: Path) -> None:
    failed_record(tmp_path / "records", "ingest", "no file or folder at '/nope.zip'", "2026-01-01T00:00:00+00:00")
    nodes = [
        failed_node("planes-xw6xz", "main", "", after=3),
        failed_node("ingest", "ingest", "retryStrategy.expression evaluated to false: Error (exit code 2)", after=3),
        failed_node("ingest(0)", "ingest", "Error (exit code 2)", after=3),
    ]
    flags = {"status": "Failed", "failures": json.dumps(nodes), "records": str(tmp_path / "records")}
    outcome = outcome_of(flags)
    assert outcome.reason is not None
    assert (outcome.headline, outcome.reason.node) == ("Ingest failed", "ingest")
    assert outcome.reason.message == "no file or folder at '/nope.zip'"
    reason = outcome_of(without(flags, "records")).reason
    assert reason is not None
    assert (reason.step, reason.message, reason.exit_code) == ("ingest", "Error (exit code 2)", 2)


def test_the_try_is_blamed_when_argo_says_of_the_retry_only_that_it_ended(tmp_path: Path) -> None:
    nodes = [
        failed_node("cpu", "train-cpu", "retryStrategy.expression evaluated to false", after=3),
        failed_node("cpu(0)", "train-cpu", "main: OOMKilled (exit code 137)", after=3),
    ]
    reason = outcome_of({"status": "Failed", "failures": json.dumps(nodes)}).reason
    assert reason is not None
    assert (reason.step, reason.message, reason.exit_code) == ("train", "main: OOMKilled (exit code 137)", 137)


def test_a_gpu_that_could_not_be_had_is_named_when_the_probe_never_ran(tmp_path: Path) -> None:
    nodes = [failed_node("gpu-within-timeout", "probe", "Step exceeded its deadline", after=3)]
    parameters = json.dumps([{"name": "gpu-timeout", "value": "90s"}])
    reason = outcome_of({"status": "Failed", "failures": json.dumps(nodes), "parameters": parameters}).reason
    assert reason is not None
    assert reason.message.startswith("No node with a GPU could be had within gpu-timeout=90s")
    assert "device=auto" in reason.hint


def test_machine_is_named_when_it_has_no_gpu_to_wait_for(tmp_path: Path) -> None:
    why = "timeout: unschedulable on this machine: 1 nvidia.com/gpu wanted, it has 0"
    nodes = [failed_node("gpu-within-timeout", "probe", why, after=3)]
    reason = outcome_of({"status": "Failed", "failures": json.dumps(nodes)}).reason
    assert reason is not None
    assert reason.message == "This machine has no GPU to train on (1 nvidia.com/gpu wanted, it has 0)."
    assert "device=cpu" in reason.hint


def test_last_record_is_blamed_when_the_engine_names_no_node(tmp_path: Path) -> None:
    failed_record(tmp_path / "records", "train", "no epochs", "2026-01-01T00:00:09+00:00")
    failed_record(tmp_path / "records", "probe", "no GPU", "2026-01-01T00:00:01+00:00")
    reason = outcome_of({"status": "Failed", "records": str(tmp_path / "records")}).reason
    assert reason is not None
    assert (reason.step, reason.hint) == ("train", "mend train")


def test_version_stays_named_when_a_later_step_failed(run: dict[str, str]) -> None:
    outcome = outcome_of(without(run, "answer") | {"status": "Failed"})
    assert not outcome.good
    assert "Version 3 of planes had been published" in outcome.explanation
