"""What a node's process sees and leaves: variables, GPUs, its group, inputs, the machine it needs."""

import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.local.engine import run_workflow
from workflows.local.home import Home
from workflows.local.machine import GpuNode, Loan, Machine
from workflows.local.outline import outline
from workflows.local.process import birth_of
from workflows.local.run import Run

WORK = {"volumes": [{"name": "work", "emptyDir": {}}]}
MOUNT = {"volumeMounts": [{"name": "work", "mountPath": "/work"}]}


def play(
    folder: Path,
    template: dict[str, Any],
    *,
    more: list[dict[str, Any]] | None = None,
    gpu_node: GpuNode | None = None,
    **spec: Any,
) -> Run:
    manifest = folder / "manifest.yaml"
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", **template}, *(more or [])], **WORK, **spec},
    }
    manifest.write_text(yaml.safe_dump(document))
    return run_workflow(manifest, {}, folder / "home", name="w", gpu_node=gpu_node)


def shell(text: str, *outputs: str, **container: Any) -> dict[str, Any]:
    values = [{"name": name, "valueFrom": {"path": f"/work/{name}"}} for name in outputs]
    return {"container": {"command": ["sh", "-c", text], **MOUNT, **container}, "outputs": {"parameters": values}}


def value(run: Run, name: str, node: str = "w") -> str:
    found = run.nodes[node].outputs.parameter(name)
    assert found, run.nodes[node].message
    return found.value or ""


def test_python_is_the_one_that_runs_the_engine_when_called(tmp_path: Path) -> None:
    code = "import sys, pydantic; open('/work/exe', 'w').write(sys.executable)"
    template = shell("", "exe", command=["python", "-c", code])
    assert value(play(tmp_path, template), "exe") == sys.executable


def test_buckets_are_folders_when_no_endpoint_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    template = shell("printf %s $AWS_ENDPOINT_URL_S3 > /work/e", "e")
    assert value(play(tmp_path, template), "e") == (tmp_path / "home" / "buckets").as_uri()


def test_endpoint_is_the_persons_when_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000")
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    template = shell("printf '%s|%s' $AWS_ENDPOINT_URL $AWS_ENDPOINT_URL_S3 > /work/e", "e")
    assert value(play(tmp_path, template), "e") == "http://minio:9000|"


def test_secret_is_the_hosts_variable_and_nowhere_written_when_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    env = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "ABSENT", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "PLACE", "value": "/work/x"},
    ]
    text = "printf '%s|%s|%s|%s' ${#TOKEN} ${ABSENT-unset} $(PLACE) $$(PLACE) > /work/e || true"
    template = shell("", "e", command=["sh", "-c", text.replace("$$(PLACE)", "'$$(PLACE)'")], env=env)
    run = play(tmp_path, template)
    place = tmp_path / "home" / "runs" / "w" / "nodes" / "main" / "work" / "x"
    assert value(run, "e") == f"6|unset|{place}|$(PLACE)"
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes()


def test_node_is_an_error_when_its_secret_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    template = shell("true", env=[{"name": "NO_SUCH", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])
    run = play(tmp_path, template)
    assert run.phase == "Error"
    assert "NO_SUCH" in run.nodes["w"].message


def test_command_is_named_when_it_is_not_on_this_machine(tmp_path: Path) -> None:
    run = play(tmp_path, {"container": {"command": ["no-such-program"]}})
    assert run.phase == "Failed"
    assert "no-such-program" in run.nodes["w"].message
    assert run.nodes["w"].outputs.exit_code == "64"


def test_group_is_ended_when_the_command_has_left_something_running(tmp_path: Path) -> None:
    run = play(tmp_path, shell("sleep 60 & echo $! > /work/pid", "pid"))
    assert run.phase == "Succeeded"
    pid, deadline = int(value(run, "pid")), time.monotonic() + 20
    while birth_of(pid) and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel ends it in its own time
    assert not birth_of(pid)


def test_result_is_whole_when_something_keeps_the_stream_open(tmp_path: Path) -> None:
    say = {"name": "say", "container": {"command": ["sh", "-c", "echo one; echo no >&2; sleep 60 & echo two"]}}
    hear = {
        "name": "hear",
        "inputs": {"parameters": [{"name": "x"}]},
        **shell('printf %s "$X" > /work/x', "x", env=[{"name": "X", "value": "{{inputs.parameters.x}}"}]),
    }
    passing = {"parameters": [{"name": "x", "value": "{{tasks.say.outputs.result}}"}]}
    tasks = [
        {"name": "say", "template": "say"},
        {"name": "hear", "template": "hear", "depends": "say", "arguments": passing},
    ]
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[say, hear])
    assert value(run, "x", "w.hear") == "one\ntwo"
    log = tmp_path / "home" / "runs" / "w" / "nodes" / "say" / "log.txt"
    assert sorted(log.read_text().split()) == ["no", "one", "two"]


def test_inputs_cannot_be_changed_for_others_when_linked(tmp_path: Path) -> None:
    make = {
        "name": "make",
        **shell("mkdir /work/d && echo 1 > /work/d/f"),
        "outputs": {"artifacts": [{"name": "d", "path": "/work/d"}]},
    }
    take = {"artifacts": [{"name": "d", "path": "/work/d"}]}
    spoil = {
        "name": "spoil",
        "inputs": take,
        **shell("rm /work/d/f && echo 2 > /work/d/f"),
        "outputs": {"artifacts": [{"name": "d", "path": "/work/d"}]},
    }
    read = {"name": "read", "inputs": take, **shell("cat /work/d/f > /work/x", "x")}
    passing = {"arguments": {"artifacts": [{"name": "d", "from": "{{tasks.make.outputs.artifacts.d}}"}]}}
    tasks = [
        {"name": "make", "template": "make"},
        {"name": "spoil", "template": "spoil", "depends": "make", **passing},
        {"name": "read", "template": "read", "depends": "make && spoil", **passing},
    ]
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[make, spoil, read])
    assert value(run, "x", "w.read") == "1"


def test_gpus_are_lent_one_by_one_when_nodes_ask_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: NVIDIA'\n")
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    show = "printf '%s' \"[$CUDA_VISIBLE_DEVICES]\" > /work/g; sleep 0.2"
    gpu = {
        "name": "gpu",
        "nodeSelector": {"pool": "big"},
        **shell(show, "g", resources={"limits": {"example.com/gpu": "1"}}),
    }
    plain = {"name": "plain", **shell(show, "g")}
    tasks = [{"name": name, "template": template} for name, template in (("a", "gpu"), ("b", "gpu"), ("c", "plain"))]
    node = GpuNode("example.com/gpu", {"pool": "big"})
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[gpu, plain], gpu_node=node)
    assert [value(run, "g", f"w.{name}") for name in "abc"] == ["[0]", "[0]", "[]"]
    first, second = sorted((run.nodes["w.a"], run.nodes["w.b"]), key=lambda node: node.began or node.started)
    assert first.finished
    assert second.began
    assert second.began >= first.finished


def test_workflow_ends_when_its_time_is_over(tmp_path: Path) -> None:
    bye = {"name": "bye", **shell("echo {{workflow.status}} > /work/s", "s")}
    nap = {"name": "nap", "container": {"command": ["sleep", "60"]}}
    tasks = [{"name": "a", "template": "nap"}, {"name": "b", "template": "nap", "depends": "a"}]
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[nap, bye], activeDeadlineSeconds=1, onExit="bye")
    assert run.phase == "Failed"
    assert (run.nodes["w.a"].phase, run.nodes["w.b"].phase) == ("Failed", "Omitted")
    assert run.nodes["w.a"].message == "Step exceeded its deadline"
    assert value(run, "s", "w.onExit") == "Failed"


@pytest.mark.parametrize(
    ("source", "result"),
    [("echo one; exit 0", "one"), ("#!/bin/sh\necho $0\n", "script"), (f"#!{sys.executable}\nprint(1 + 1)\n", "2")],
)
def test_script_runs_itself_when_its_folder_has_an_odd_name(tmp_path: Path, source: str, result: str) -> None:
    folder = tmp_path / "Ordner für (a) $b"
    folder.mkdir()
    written = {"name": "written", "script": {"command": ["sh", "-c"], "source": source}}
    told = {"name": "told", "container": {"command": ["true"]}, "inputs": {"parameters": [{"name": "result"}]}}
    given = {"arguments": {"parameters": [{"name": "result", "value": "{{tasks.a.outputs.result}}"}]}}
    tasks = [{"name": "a", "template": "written"}, {"name": "b", "template": "told", "depends": "a", **given}]
    run = play(folder, {"dag": {"tasks": tasks}}, more=[written, told])
    assert run.phase == "Succeeded", run.nodes["w.a"].message
    assert (run.nodes["w.a"].outputs.result or "").rpartition("/")[2] == result


class Releasing:
    """Watches a run, and gives a lock back once the run has said that it waits for it."""

    def __init__(self, loan: Loan) -> None:
        self.loan = loan
        self.said: list[str] = []

    def show(self, run: Run) -> None:
        if "waiting" in run.message and run.message not in self.said:
            self.said.append(run.message)
            self.loan.release()


def test_runs_share_a_lock_when_the_parameter_in_its_name_is_the_same(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": "model"}]},
        "synchronization": {"mutexes": [{"name": "train-{{workflow.parameters.model}}"}]},
        "templates": [{"name": "main", "container": {"command": ["true"]}}],
    }
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}}
    manifest.write_text(yaml.safe_dump({**head, "spec": spec}))
    loan = Machine(Home(tmp_path / "home").locks).lend("mutex-train-m-a")
    assert loan
    watcher = Releasing(loan)
    assert run_workflow(manifest, {"model": "m-b"}, tmp_path / "home", observer=watcher).phase == "Succeeded"
    assert not watcher.said
    assert run_workflow(manifest, {"model": "m-a"}, tmp_path / "home", observer=watcher).phase == "Succeeded"
    assert watcher.said == ["waiting for the lock 'train-m-a'"]


def test_node_is_shown_by_its_templates_name_when_that_has_one(tmp_path: Path) -> None:
    annotations = {"workflows.argoproj.io/display-name": "for-{{inputs.parameters.who}}", "note": "a {{strange}} one"}
    named = {
        "name": "named",
        "annotations": annotations,
        "inputs": {"parameters": [{"name": "who"}]},
        "container": {"command": ["true"]},
    }
    given = {"arguments": {"parameters": [{"name": "who", "value": "{{item}}"}]}}
    tasks = [{"name": "a", "template": "named", "withItems": ["m", "no way"], **given}]
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[named])
    assert run.nodes["w.a(0:m)"].display_name == "for-m"
    assert "for-m" in [line.label for line in outline(run)]
    odd = run.nodes["w.a(1:no way)"]
    assert (odd.phase, odd.display_name) == ("Error", "a(1:no way)")
    assert "displayName must match the regex" in odd.message


def test_resource_is_recorded_when_it_cannot_be_made(tmp_path: Path) -> None:
    template = {
        "inputs": {"parameters": [{"name": "id", "default": "x"}]},
        "outputs": {"parameters": [{"name": "url", "valueFrom": {"jsonPath": "{.url}", "default": "none"}}]},
        "resource": {
            "action": "apply",
            "manifest": "kind: Thing\nname: {{inputs.parameters.id}}\n",
            "successCondition": "a == b",
        },
    }
    run = play(tmp_path, template)
    assert run.phase == "Succeeded"
    assert value(run, "url") == "none"
    node = tmp_path / "home" / "runs" / "w" / "nodes" / "main"
    assert (node / "resource.yaml").read_text() == "kind: Thing\nname: x\n"
    assert "not run here" in (node / "log.txt").read_text()


def test_relative_path_starts_where_it_was_submitted_when_a_step_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.txt").write_text("here")
    monkeypatch.chdir(tmp_path)
    assert value(play(tmp_path, shell("cp data.txt /work/x", "x")), "x") == "here"


def test_parallelism_holds_when_the_whole_workflow_is_limited(tmp_path: Path) -> None:
    nap = {"name": "nap", "container": {"command": ["sleep", "0.1"]}}
    tasks = [{"name": name, "template": "nap"} for name in "abc"]
    run = play(tmp_path, {"dag": {"tasks": tasks}}, more=[nap], parallelism=1)
    nodes = sorted((run.nodes[f"w.{name}"] for name in "abc"), key=lambda node: node.began or node.started)
    assert all(before.finished and after.began and before.finished <= after.began for before, after in pairwise(nodes))


def test_failed_step_leaves_what_it_wrote_when_outputs_are_there(tmp_path: Path) -> None:
    template = shell("echo why > /work/record; exit 2")
    template["outputs"] = {"artifacts": [{"name": "record", "path": "/work/record", "optional": True}]}
    run = play(tmp_path, template)
    assert run.phase == "Failed"
    assert Path(run.nodes["w"].outputs.artifacts[0].path or "").read_text() == "why\n"
