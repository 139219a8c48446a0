import io
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from workflows.local.display import Lines, draw
from workflows.local.lineage import link
from workflows.local.node import Node, NodeType, Phase
from workflows.local.outline import outline
from workflows.local.run import Run
from workflows.local.summary import summarize
from workflows.local.values import Artifact, Outputs


def node(run: Run, name: str, kind: NodeType, phase: Phase, boundary: str = "", **more: object) -> Node:
    display = name.rpartition(".")[2]
    one = Node.model_validate(
        {"name": name, "display_name": display, "type": kind, "phase": phase, "boundary": boundary, **more}
    )
    if phase.fulfilled:
        one.finished = one.started
    run.nodes[name] = one
    return one


@pytest.fixture
def run() -> Run:
    """A run with a nested DAG, a retried step, an expanded task, and an exit handler."""
    one = Run(name="w", workflow="w", uid="u", parameters={}, working_folder="/", phase="Running")
    node(one, "w", NodeType.DAG, Phase.RUNNING)
    node(one, "w.a", NodeType.POD, Phase.SUCCEEDED, "w", folder="a")
    node(one, "w.b", NodeType.RETRY, Phase.RUNNING, "w")
    node(one, "w.b(0)", NodeType.POD, Phase.FAILED, "w", folder="b", message="Error (exit code 75)")
    node(one, "w.b(1)", NodeType.POD, Phase.RUNNING, "w", folder="b", progress="3/4")
    node(one, "w.c", NodeType.TASK_GROUP, Phase.RUNNING, "w")
    node(one, "w.c(0:x)", NodeType.POD, Phase.PENDING, "w", folder="c", message="waiting for a GPU")
    node(one, "w.d", NodeType.DAG, Phase.SUCCEEDED, "w")
    node(one, "w.d.e", NodeType.SKIPPED, Phase.SKIPPED, "w.d", message="when 'a' == 'b' evaluated false")
    node(one, "w.onExit", NodeType.POD, Phase.RUNNING, folder="onExit")
    for child in ("w.b(0)", "w.b(1)"):
        link(one.nodes, "w.b", child)
    link(one.nodes, "w.c", "w.c(0:x)")
    return one


def test_tries_are_one_line_when_outlined(run: Run) -> None:
    lines = [(line.depth, line.label, line.tries, str(line.node.phase)) for line in outline(run)]
    assert lines == [
        (0, "w", 1, "Running"),
        (1, "a", 1, "Succeeded"),
        (1, "b", 2, "Running"),
        (1, "c", 1, "Running"),
        (2, "c(0:x)", 1, "Pending"),
        (1, "d", 1, "Succeeded"),
        (2, "e", 1, "Skipped"),
        (0, "onExit", 1, "Running"),
    ]


def test_kept_success_has_its_own_time_when_outlined(run: Run) -> None:
    retried, last = run.nodes["w.b"], run.nodes["w.b(1)"]
    retried.finish(Phase.SUCCEEDED)
    last.finish(Phase.SUCCEEDED)
    last.reused = True
    last.started -= timedelta(seconds=90)
    line = next(line for line in outline(run) if line.label == "b")
    assert line.node.reused
    assert line.node.seconds >= 90


def test_tree_shows_phases_and_progress_when_drawn(run: Run) -> None:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(draw(run))
    text = console.export_text()
    assert "✔  a" in text
    assert "b (try 2)" in text
    assert "████████████░░░░ 75%" in text
    assert "c(0:x)" in text
    assert "waiting for a GPU" in text
    assert text.count("Error (exit code 75)") <= 1
    assert text.rstrip().splitlines()[-1].startswith("└── ●  onExit")


def test_line_is_written_once_when_nothing_changes(run: Run) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.show(run)
    lines.show(run)  # phases first, then progress
    first = stream.getvalue()
    lines.show(run)
    assert stream.getvalue() == first
    assert "c-pending" not in first
    assert " c Pending – waiting for a GPU" in first
    run.nodes["w.c(0:x)"].finish(Phase.FAILED, "timeout")
    lines.show(run)
    assert stream.getvalue().removeprefix(first).strip().endswith("c Failed in 0.0 s – timeout")


def test_lines_say_units_and_score_when_the_process_does(run: Run) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.show(run)
    run.nodes["w.b(1)"].progress, run.nodes["w.b(1)"].progress_words = (
        "225/700",
        "epoch 4 of 10, mAP50 0.71, 2 min left",
    )
    lines.show(run)
    assert stream.getvalue().splitlines()[-1].endswith(" b: epoch 4 of 10, mAP50 0.71, 2 min left")
    assert "225/700" not in stream.getvalue()


def test_lines_say_a_share_when_the_process_says_no_words(run: Run) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.show(run)
    lines.show(run)
    assert stream.getvalue().splitlines()[-1].endswith(" b: 75%")


def test_summary_names_the_node_and_its_words_when_the_run_failed(run: Run, tmp_path: Path) -> None:
    run.phase = "Failed"
    for one in run.nodes.values():
        if one.name in {"w", "w.b", "w.b(1)"}:
            one.finish(Phase.FAILED, "Error (exit code 2)")
    (tmp_path / "nodes" / "b").mkdir(parents=True)
    (tmp_path / "nodes" / "b" / "log.txt").write_text("one\nlast words\n")
    text = summarize(run, tmp_path)
    assert "b Failed: Error (exit code" in text
    assert "│ last words" in text
    assert "argosight logs w b" in text
    assert "argosight retry w" in text
    record = tmp_path / "record.json"
    record.write_text('{"error": {"message": "no boxes", "hint": "label some"}}')
    run.nodes["w.b(0)"].outputs = Outputs(artifacts=[Artifact(name="record", path=str(record))])
    run.nodes["w.b(1)"].outputs = run.nodes["w.b(0)"].outputs
    text = summarize(run, tmp_path)
    assert "  no boxes\n  hint: label some" in text
    assert "last words" not in text


def test_culprit_is_not_who_was_put_up_with_when_something_else_failed(run: Run) -> None:
    node(run, "w.d.f", NodeType.POD, Phase.FAILED, "w.d", folder="d.f")
    run.nodes["w.b"].phase = Phase.SUCCEEDED
    run.nodes["w"].phase = Phase.FAILED
    late = node(run, "w.z", NodeType.POD, Phase.ERROR, "w", folder="z")
    assert run.culprit is late


def test_report_is_last_when_outputs_are_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").touch()
    run.phase = "Succeeded"
    run.nodes["w.a"].outputs = Outputs(
        artifacts=[Artifact(name="data", path="/x/data"), Artifact(name="record", path="/x/r")]
    )
    run.nodes["w.onExit"].outputs = Outputs(artifacts=[Artifact(name="report", path=str(tmp_path / "report"))])
    lines = summarize(run, tmp_path).splitlines()
    assert lines[-1].endswith("/report/report.html")
    assert any(line.split() == ["a:", "data", "/x/data"] for line in lines)
    assert not any("/x/r" in line.split() for line in lines)
