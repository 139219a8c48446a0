from pathlib import Path

import pytest

from workflows.local.durations import clock_text, seconds_of
from workflows.local.errors import RunLookupError, SubmissionError
from workflows.local.home import Home
from workflows.local.manifest import Manifest
from workflows.local.submission import fill, read_assignments, read_file

PARAMETERS = [
    {"name": "source", "description": "Where images come from. A zip."},
    {"name": "epochs", "value": "10"},
    {"name": "cpu-epochs", "default": "3"},
    {"name": "device", "value": "auto", "enum": ["auto", "gpu", "cpu"]},
]
MANIFEST = Manifest.model_validate(
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {"arguments": {"parameters": PARAMETERS}},
    }
)


def test_parameters_have_defaults_when_not_given() -> None:
    assert fill(MANIFEST, {"source": "x"}) == {"source": "x", "epochs": "10", "cpu-epochs": "3", "device": "auto"}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, r"'source' is required \(Where images come from\)"),
        ({"source": "x", "epoch": "1"}, "unknown parameter 'epoch', did you mean 'epochs'"),
        ({"source": "x", "cpu_epochs": "1"}, "did you mean 'cpu-epochs'"),
        ({"source": "x", "device": "tpu"}, "device='tpu' should be one of auto, gpu, cpu"),
        ({"device": "tpu", "zzz": "1"}, "unknown parameter 'zzz'; parameter 'source' .*; parameter device"),
    ],
)
def test_submission_is_refused_when_parameters_do_not_fit(given: dict[str, str], fault: str) -> None:
    with pytest.raises(SubmissionError, match=fault):
        fill(MANIFEST, given)


def test_assignment_keeps_equals_signs_when_in_the_value() -> None:
    assert read_assignments(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(SubmissionError, match="name=value"):
        read_assignments(["a"])


def test_file_gives_texts_when_it_holds_scalars(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: true\nc: 0.5\nd: text\n")
    assert read_file(path) == {"a": "1", "b": "true", "c": "0.5", "d": "text"}


@pytest.mark.parametrize("text", ["a: [1]", "- a", "a: {b: 1}", "a:", "a: ["])
def test_file_is_refused_when_it_holds_anything_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(SubmissionError):
        read_file(path)


def test_file_is_refused_when_it_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match="No such file"):
        read_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400), ("7", 7)])
def test_duration_is_read_when_spelled_as_in_go(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5x", "1h 5m", "-1s"])
def test_duration_is_refused_when_spelled_otherwise(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds_of(text)


def test_bare_number_is_refused_when_a_unit_is_needed() -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds_of("20", bare=False)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.97, "1:00 min"), (185, "3:05 min"), (3785, "1:03:05 h")]
)
def test_span_is_readable_when_spelled(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def make_runs(home: Home, *names: str) -> None:
    for name in names:
        folder = home.create("w-", name)
        (folder / "manifest.yaml").touch()
        (folder / "run.json").touch()


def test_names_are_generated_when_none_is_given(tmp_path: Path) -> None:
    home = Home(tmp_path)
    names = {home.create("train-detector-").name for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("train-detector-") and len(name) == 20 for name in names)


@pytest.mark.parametrize("name", ["A", "a b", "../x", "a/b", "x" * 64])
def test_name_is_refused_when_it_does_not_fit(tmp_path: Path, name: str) -> None:
    with pytest.raises(SubmissionError):
        Home(tmp_path).create("w-", name)


def test_run_is_found_when_named_in_part(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(RunLookupError, match="no runs"):
        home.find("latest")
    make_runs(home, "w-one", "w-two", "x-three")
    assert home.find("w-one").name == "w-one"
    assert home.find("x").name == "x-three"
    assert home.find("latest").name == "x-three"
    with pytest.raises(RunLookupError, match="beginning of 2 runs"):
        home.find("w")
    with pytest.raises(RunLookupError) as caught:
        home.find("wone")
    assert "w-one" in caught.value.hint
    with pytest.raises(SubmissionError, match="there is a run"):
        home.create("w-", "w-one")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("bell \x07", "control character"),
        ("{{=1 + 1}}", "Argo would evaluate"),
        ("{{tasks.a.status}}", "has no value"),
        ("{{ workflow.parameters.nothing }}", "has no value"),
    ],
)
def test_value_is_refused_when_argo_would_read_it_otherwise(value: str, why: str) -> None:
    with pytest.raises(SubmissionError, match=why):
        fill(MANIFEST, {"source": value})


@pytest.mark.parametrize("value", ["{{x}}", "{{ }}", "}} {{", "{{workflow.name}}", "{{itemize}}"])
def test_braces_are_let_pass_when_argo_takes_them_too(value: str) -> None:
    assert fill(MANIFEST, {"source": value})["source"] == value
