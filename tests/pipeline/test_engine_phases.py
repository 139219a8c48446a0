"""Whole workflows: every node gets the phase and the outputs that Argo gives it."""

import json
from pathlib import Path

import pytest

from workflows.local.engine import run_workflow
from workflows.local.node import Node
from workflows.local.run import Run, load_run

MANIFESTS = Path(__file__).parent / "manifests"


def play(name: str, home: Path, **parameters: str) -> Run:
    return run_workflow(MANIFESTS / f"{name}.yaml", parameters, home)


def phases(run: Run) -> dict[str, str]:
    return {node.name.removeprefix(run.name): str(node.phase) for node in run.nodes.values()}


def node(run: Run, name: str) -> Node:
    return run.nodes[f"{run.name}{name}"]


def outputs(run: Run, name: str) -> dict[str, str | None]:
    return {one.name: one.value for one in node(run, name).outputs.parameters}


def assert_one_by_one(run: Run, *names: str) -> None:
    """Assert that of two nodes one began when the other had ended."""
    first, second = sorted((node(run, name) for name in names), key=lambda one: one.finished or one.started)
    assert second.began
    assert first.finished
    assert second.began >= first.finished


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.mark.parametrize(("resize", "data"), [("true", "small"), ("false", "hello")])
def test_values_and_files_arrive_when_passed_on_in_every_way(home: Path, resize: str, data: str) -> None:
    run = play("diamond", home, resize=resize)
    assert run.phase == "Succeeded"
    assert phases(run)[".left.run"] == ("Succeeded" if resize == "true" else "Skipped")
    assert outputs(run, ".right") == {"size": "5", "absent": "nothing"}
    assert outputs(run, ".last") == {"summary": f"{data} 5 a 'quoted' \"word\""}
    assert [one.name for one in node(run, ".last").outputs.artifacts] == ["report"]
    assert outputs(run, ".onExit") == {
        "status": "Succeeded",
        "failures": '"null"',
        "seen": f"{data} 5 a 'quoted' \"word\"",
    }
    assert (home / "runs" / run.name / "report.txt").read_text().startswith(data)
    assert (home / "runs" / run.name / "artifacts" / "first" / "data" / "sub" / "file").read_text() == "deep\n"
    assert load_run(home / "runs" / run.name) == run


@pytest.mark.parametrize("greeting", ["a \"b\" 'c'", "{{workflow.name}}\n$HOME `x` \\", "é/work"])
def test_parameter_is_untouched_when_it_looks_like_something_else(home: Path, greeting: str) -> None:
    run = play("diamond", home, greeting=greeting, resize="false")
    expected = greeting.replace("{{workflow.name}}", run.name)  # as in Argo, where arguments are part of the template
    text = home / "runs" / run.name / "artifacts" / "first" / "data" / "text"
    assert text.read_text() == expected


def test_failures_go_their_way_when_depends_and_continue_on_say_so(home: Path) -> None:
    run = play("failures", home)
    assert phases(run) == {
        "": "Failed",
        ".by-results": "Succeeded",
        ".by-results.bad": "Failed",
        ".by-results.good": "Succeeded",
        ".by-results.not-run": "Skipped",
        ".by-results.after-bad": "Succeeded",
        ".by-results.after-good": "Omitted",
        ".by-results.after-all": "Succeeded",
        ".by-continue": "Failed",
        ".by-continue.bad": "Failed",
        ".by-continue.next": "Succeeded",
        ".by-continue.told": "Skipped",
        ".omitted": "Failed",
        ".omitted.bad": "Failed",
        ".omitted.second": "Omitted",
        ".omitted.third": "Omitted",
        ".missing": "Error",
        ".missing.forgetful": "Error",
        ".missing.careful": "Succeeded",
        ".missing.reader": "Succeeded",
    }
    assert node(run, ".by-results.bad").outputs.exit_code == "3"


def test_groups_have_phases_and_outputs_when_tasks_are_expanded(home: Path) -> None:
    run = play("loops", home)
    found = phases(run)
    assert run.phase == "Succeeded"
    assert outputs(run, ".maps(1:name:y,size:2)") == {"text": "y-2"}
    assert (found[".chosen(0:a)"], found[".chosen(1:b)"], found[".chosen"]) == ("Succeeded", "Skipped", "Succeeded")
    assert (found[".not-now"], found[".not-now(0:a)"], found[".none"]) == ("Succeeded", "Skipped", "Skipped")
    assert (found[".some-fail"], found[".some-fail(0:a)"], found[".after-some"]) == ("Failed", "Succeeded", "Succeeded")
    gathered = str(outputs(run, ".gathered")["text"])
    assert gathered == '["a","2","true"] [{"got":"one"},{"got":"2"}]'
    assert outputs(run, ".collect") == {"found": "onnx torchscript by hand"}


def test_steps_follow_in_groups_when_their_conditions_hold(home: Path) -> None:
    run = play("steps", home)
    found = phases(run)
    assert found[""] == found["[1]"] == found["[2].inner.b"] == "Succeeded"
    assert (found["[1].right"], found["[1].tolerated"]) == ("Skipped", "Failed")
    assert outputs(run, "") == {"word": "left", "way": "left"}
    assert outputs(run, "[2].inner.a") == {"text": '["x","y"]'}


def test_steps_end_when_a_group_has_failed(home: Path) -> None:
    run = play("steps", home, code="3")
    found = phases(run)
    assert (found[""], found["[1]"], found["[1].left"]) == ("Failed", "Failed", "Failed")
    assert "[2]" not in found


def test_tries_end_when_the_strategy_says_so(home: Path) -> None:
    run = play("retries", home)
    assert phases(run) == {
        "": "Failed",
        ".third-time": "Succeeded",
        ".third-time(0)": "Failed",
        ".third-time(1)": "Failed",
        ".third-time(2)": "Succeeded",
        ".never": "Failed",
        ".never(0)": "Failed",
        ".never(1)": "Failed",
        ".never(2)": "Failed",
        ".wrong": "Failed",
        ".wrong(0)": "Failed",
        ".broken": "Error",
        ".broken(0)": "Error",
        ".broken(1)": "Error",
        ".last": "Succeeded",
    }
    assert run.culprit
    assert run.culprit.name.removeprefix(run.name).split("(")[0] in {".never", ".wrong", ".broken"}


def test_what_is_not_there_is_an_error_when_nothing_stands_in_for_it(home: Path) -> None:
    run = play("references", home)
    found = phases(run)
    dags = {name: phase for name, phase in found.items() if name.count(".") == 1 and not set("([") & set(name)}
    assert dags == {
        ".onExit": "Failed",
        ".arguments": "Error",
        ".conditions": "Succeeded",
        ".items": "Succeeded",
        ".items-of-none": "Error",
        ".defaults": "Error",
        ".no-output": "Error",
        ".default-output": "Succeeded",
        ".optional-output": "Succeeded",
        ".files": "Error",
        ".tried": "Failed",
        ".words": "Error",
    }
    assert (found[".items.take"], found[".conditions.take"]) == ("Skipped", "Skipped")
    assert outputs(run, ".defaults.whole") == {"text": "fallback"}
    assert found[".defaults.part"] == "Error"
    assert outputs(run, ".default-output") == {"text": "none"}
    assert (found[".files.needs"], found[".files.by-key"]) == ("Error", "Error")
    assert [found[f".tried({number})"] for number in (0, 1)] == ["Failed", "Failed"]
    assert (found[".onExit"], found[".onExit[0].told"], found[".onExit[1]"]) == ("Failed", "Succeeded", "Failed")
    assert outputs(run, ".onExit[0].told") == {"text": "Error"}
    assert ".onExit[2]" not in found


def test_limits_hold_when_time_and_place_are_short(home: Path) -> None:
    run = play("limits", home, wait="300ms")
    found = phases(run)
    assert outputs(run, ".choose") == {"device": "cpu"}
    assert (found[".choose"], found[".choose.probe"]) == ("Succeeded", "Failed")
    assert "no label example.com/nowhere=true" in node(run, ".choose.probe").message
    assert (found[".slow"], found[".slow-overall"]) == ("Failed", "Failed")
    assert "longer than the specified deadline" in node(run, ".slow").message
    assert_one_by_one(run, ".one-by-one.a", ".one-by-one.b")


def test_a_lock_lets_one_pod_after_the_other_in(home: Path) -> None:
    run = play("locks", home)
    assert set(phases(run).values()) == {"Succeeded"}
    assert_one_by_one(run, ".locked(0:a)", ".locked(1:b)")


def test_node_fails_at_once_when_this_machine_can_never_run_it(home: Path) -> None:
    run = play("misfits", home)
    assert phases(run) == {
        "": "Failed",
        ".choose": "Succeeded",
        ".choose.probe": "Failed",
        ".goes-on": "Succeeded",
        ".unlimited": "Failed",
        ".tried": "Failed",
        ".tried(0)": "Failed",
    }
    assert outputs(run, ".choose") == {"device": "cpu"}
    probe = node(run, ".choose.probe")
    assert probe.message.startswith("timeout: unschedulable on this machine: 999 nvidia.com/gpu wanted, it has ")
    assert node(run, ".unlimited").message.startswith("unschedulable on this machine: it has no label ")


def test_exit_handler_is_told_when_the_workflow_failed(home: Path, tmp_path: Path) -> None:
    text = (MANIFESTS / "diamond.yaml").read_text().replace("echo small", "exit 9; echo small")
    manifest = tmp_path / "failing.yaml"
    manifest.write_text(text)
    run = run_workflow(manifest, {}, home)
    assert run.phase == "Failed"
    assert phases(run)[".last"] == "Omitted"
    told = outputs(run, ".onExit")
    assert told["status"] == "Failed"
    failures = json.loads(json.loads(str(told["failures"])))
    assert {one["displayName"] for one in failures} == {run.name, "left", "run"}
    assert run.culprit is node(run, ".left.run")


def test_run_fails_when_only_its_exit_handler_does(home: Path, tmp_path: Path) -> None:
    text = (
        (MANIFESTS / "diamond.yaml")
        .read_text()
        .replace("{path: /work/in/report, default: none}", "{path: /work/nothing}")
    )
    manifest = tmp_path / "failing.yaml"
    manifest.write_text(text)
    run = run_workflow(manifest, {}, home)
    assert phases(run)[""] == "Succeeded"
    assert (run.phase, phases(run)[".onExit"]) == ("Error", "Error")
