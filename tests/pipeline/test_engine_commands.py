"""`argosight run`, `retry`, `list` and `logs`, as a person calls them."""

import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from workflows.cli.__main__ import main

MANIFESTS = Path(__file__).parent / "manifests"
DIAMOND = str(MANIFESTS / "diamond.yaml")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGOSIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_run_tells_where_things_are_when_it_succeeds(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, err = call(capsys, "run", DIAMOND, "--name=mine", "-p", "resize=false")
    assert code == 0
    assert out.startswith("mine Succeeded in ")
    assert str(home / "runs" / "mine" / "report.txt") in out
    assert " left.run Skipped – when ''false' == 'true'' evaluated false" in err
    assert " last Succeeded in " in err


def test_run_names_the_node_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "run", str(MANIFESTS / "failures.yaml"), "--name=f")
    assert code == 1
    assert "argosight retry f" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([DIAMOND, "-p", "greting=x"], "did you mean 'greeting'"),
        ([DIAMOND, "-p", "resize=maybe"], "should be one of true, false"),
        ([DIAMOND, "-p", "resize"], "name=value"),
        (["train-detectr"], "did you mean train-detector"),
        (["no/such.yaml"], "No such file"),
        ([DIAMOND, "-f", "none.yaml"], "none.yaml"),
        ([str(MANIFESTS / "resumable.yaml")], "parameter 'marks' is required"),
    ],
)
def test_mistake_is_told_and_nothing_starts_when_called_wrongly(
    capsys: pytest.CaptureFixture[str], home: Path, words: list[str], told: str
) -> None:
    code, _, err = call(capsys, "run", *words)
    assert code == 2
    assert told in err
    assert "hint:" in err
    assert not (home / "runs").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_every_value_that_no_step_can_use_is_told_before_anything_starts(
    capsys: pytest.CaptureFixture[str], home: Path, dry: list[str]
) -> None:
    bad = {"source": "a.zip", "model-name": "My Model", "formats": "onyx", "device": "tpu", "gpu-timeout": "12 minutes"}
    code, _, err = call(
        capsys, "run", "train-detector", *dry, *(word for one in bad.items() for word in ("-p", "=".join(one)))
    )
    assert code == 2
    assert "parameter model-name='My Model': string should match pattern" in err
    assert "parameter formats='onyx': no format 'onyx'; did you mean 'onnx'?" in err
    assert "parameter device='tpu' should be one of auto, gpu, cpu" in err
    assert "parameter gpu-timeout='12 minutes' should be a duration" in err
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("canary=10", "--canary=10: a test has no requests to share"),
        ("canary=10 deploy-target=kserve", "--canary=10: KServe's Standard mode splits requests"),
        ("min-replicas=3 max-replicas=2 deploy-target=deployment", "--min-replicas=3 is more than --max-replicas=2"),
        ("registry=./models deploy-target=deployment", "cannot read a folder of this machine"),
    ],
)
def test_settings_of_a_deployment_are_held_together_before_a_training_when_it_will_deploy(
    capsys: pytest.CaptureFixture[str], words: str, told: str
) -> None:
    given = [part for word in ("source=a.zip", *words.split()) for part in ("-p", word)]
    assert call(capsys, "run", "train-detector", "--dry-run", *given)[0] == 0
    code, _, err = call(capsys, "run", "train-detector", "--dry-run", *given, "-p", "deploy=true")
    assert (code, told in err, "hint:" in err) == (2, True, True)


def test_retry_changes_a_parameter_when_no_finished_node_has_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "run", str(MANIFESTS / "changes.yaml"), "--name=c")
    code, _, err = call(capsys, "retry", "c", "-p", "first=b")
    assert (code, "read has finished with 'a'" in err) == (2, True)
    code, _, err = call(capsys, "retry", "c", "-p", "code=0")
    assert code == 0
    assert " read Succeeded in " in err
    assert ", kept" in err


def test_retry_checks_what_the_run_has_before_anything_starts(
    capsys: pytest.CaptureFixture[str], home: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "publish.yaml"
    step = {"image": "x", "command": ["python", "-m", "steps", "publish"]}
    task = {"name": "b", "template": "publish", "depends": "a"}
    names = {"parameters": [{"name": "model-name", "value": "{{workflow.parameters.name}}"}]}
    manifest.write_text(
        json.dumps(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "metadata": {"generateName": "p-"},
                "spec": {
                    "entrypoint": "main",
                    "arguments": {"parameters": [{"name": "name"}]},
                    "templates": [
                        {
                            "name": "main",
                            "dag": {"tasks": [{"name": "a", "template": "no"}, task | {"arguments": names}]},
                        },
                        {"name": "no", "container": {"image": "x", "command": ["false"]}},
                        {"name": "publish", "inputs": {"parameters": [{"name": "model-name"}]}, "container": step},
                    ],
                },
            }
        )
    )
    code, _, err = call(capsys, "run", str(manifest), "-p", "name=Bad Name")
    assert (code, "parameter name='Bad Name': string should match pattern" in err) == (2, True)
    call(capsys, "run", str(manifest), "--name=p", "-p", "name=good")
    code, _, err = call(capsys, "retry", "p", "-p", "name=Bad Name")
    assert (code, "parameter name='Bad Name': string should match pattern" in err) == (2, True)
    assert json.loads((home / "runs" / "p" / "run.json").read_text())["parameters"] == {"name": "good"}


def test_file_of_parameters_is_read_when_given_and_flags_win(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("resize: false\ngreeting: hi\n")
    _, out, _ = call(capsys, "run", DIAMOND, "-f", "p.yaml", "-p", "greeting=ho", "--dry-run")
    assert "resize    'false'\n" in out
    assert "greeting  'ho'\n" in out


def test_dry_run_shows_the_plan_and_starts_nothing_when_asked(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = call(capsys, "run", DIAMOND, "-p", "resize=false", "--dry-run")
    assert code == 0
    assert "greeting  'hello'  (default)" in out
    assert "  left (maybe-resize) after first\n    run (resize) skipped: 'false' == 'true'" in out
    assert "at the end, whatever happened:\nfarewell" in out
    assert not (home / "runs").exists()


def test_dry_run_tells_what_would_fail_when_the_machine_lacks_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "run", str(MANIFESTS / "limits.yaml"), "-p", "wait=7s", "--dry-run")
    assert "probe – fails at once, unschedulable on this machine: it has no label example.com/nowhere=true" in out


def test_runs_are_listed_the_newest_first_when_there_are_some(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert "no runs in" in call(capsys, "list")[1]
    for name in ("one", "two"):
        call(capsys, "run", DIAMOND, f"--name={name}")
    lines = call(capsys, "list")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["RUN", "two", "one"]
    records = json.loads(call(capsys, "list", "--json")[1])
    assert [(one["name"], one["phase"]) for one in records] == [("two", "Succeeded"), ("one", "Succeeded")]
    assert records[0]["folder"] == str(home / "runs" / "two")


def test_logs_are_shown_when_a_node_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "run", DIAMOND, "--name=mine")
    assert call(capsys, "logs", "mi", "right")[1] == "a 'quoted' \"word\"\n"
    assert call(capsys, "logs")[1] == "right: a 'quoted' \"word\"\n"
    code, _, err = call(capsys, "logs", "mine", "rihgt")
    assert code == 2
    assert "did you mean right?" in err
    assert "no run 'yours'" in call(capsys, "logs", "yours")[2]


def test_retry_is_refused_when_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "retry")
    assert code == 2
    assert "no runs" in err
    call(capsys, "run", DIAMOND, "--name=mine")
    assert "has succeeded" in call(capsys, "retry")[2]


def test_tree_is_drawn_when_on_a_terminal() -> None:
    primary, secondary = pty.openpty()
    seen = bytearray()

    def read() -> None:
        with suppress(OSError):  # the other end is closed, and nothing is left
            while chunk := os.read(primary, 65536):
                seen.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "workflows.cli", "run", DIAMOND, "--name=mine"]
    with subprocess.Popen(command, stderr=secondary, stdout=subprocess.PIPE) as engine:
        os.close(secondary)
        out, _ = engine.communicate(timeout=60)
    reader.join(timeout=60)
    os.close(primary)
    assert engine.returncode == 0
    assert out.startswith(b"mine Succeeded")
    assert "✔".encode() in seen


@pytest.mark.parametrize("command", ["run", "retry", "list", "logs"])
def test_help_has_an_example_when_asked_for(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"  argosight {command}" in capsys.readouterr().out
