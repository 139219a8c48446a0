"""An earlier result stands in for the work exactly where all that it follows from is the same."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest

from steps import reuse
from steps.contract import CACHE, REUSE, Artifact, Internal, Model, Reuse, Step
from steps.runner import run
from steps.workspace import Workspace
from tests.factories_store import EVERYDAY, make_place


class Inputs(Model):
    """Copy a folder, loudly."""

    thing: Annotated[Path, Artifact()]
    """A folder."""

    volume: int = 1
    """How loud."""

    base: str = "tiny"
    """What to start from; a URL says nothing of what is there."""

    workers: Annotated[int, Internal()] = 0
    """Processes."""


class Outputs(Model):
    """What it leaves."""

    copy_of: Annotated[Path, Artifact()]
    """A folder."""

    loudness: int
    """How loud it was."""


CALLS: list[int] = []


def copy(inputs: Inputs, work: Workspace) -> Outputs:
    CALLS.append(inputs.volume)
    shutil.copytree(inputs.thing, work.out / "copy-of")
    return Outputs(copy_of=work.out / "copy-of", loudness=inputs.volume)


STEP = Step(
    name="copy",
    image="core",
    inputs=Inputs,
    outputs=Outputs,
    entry="tests.unit.test_kernel_reuse:copy",
    example="",
    reuse=Reuse(beside=("workers",), depends_on_more=lambda inputs: "://" in inputs.base),
)


@pytest.fixture(params=EVERYDAY)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    place = f"{make_place(request.param, tmp_path, monkeypatch)}/cache"
    monkeypatch.setenv(CACHE, place)
    return place


@pytest.fixture(autouse=True)
def thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "work"))
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    folder = tmp_path / "work" / "in" / "thing"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "sub" / "b").write_text("2")
    CALLS.clear()
    yield folder
    CALLS.clear()


def out(thing: Path) -> Path:
    return thing.parents[1] / "out"


def record(thing: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((thing.parents[1] / "record.json").read_text())
    return found


def test_work_is_done_once_when_nothing_changed(place: str, thing: Path) -> None:
    assert run(STEP, ["--volume=3"]) == 0
    assert "reused" not in record(thing)
    shutil.rmtree(out(thing))
    assert run(STEP, ["--volume=3", "--workers=2"]) == 0
    assert CALLS == [3]
    assert record(thing)["reused"]
    assert record(thing)["outputs"] == {"loudness": "3"}
    assert (out(thing) / "loudness").read_text() == "3"
    assert (out(thing) / "copy-of" / "sub" / "b").read_text() == "2"


@pytest.mark.parametrize("change", ["parameter", "content", "name", "gone", "code", "packages"])
def test_work_is_done_again_when_what_it_follows_from_changed(
    change: str, thing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(STEP, []) == 0
    flags: list[str] = []
    if change == "parameter":
        flags = ["--volume=2"]
    elif change == "content":
        (thing / "sub" / "b").write_text("3")
    elif change == "name":
        (thing / "a").rename(thing / "c")
    elif change == "gone":
        (thing / "a").unlink()
    elif change == "code":
        monkeypatch.setattr("steps.reuse._code", lambda _step: "other")
    else:
        monkeypatch.setattr("steps.reuse._packages", lambda: ["torch==99"])
    assert run(STEP, flags) == 0
    assert len(CALLS) == 2
    kept = sorted(path.name for path in (out(thing) / "copy-of").rglob("*") if path.is_file())
    assert kept == sorted(path.name for path in thing.rglob("*") if path.is_file())


def test_code_of_other_steps_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("reuse.py", "copy/contract.py", "copy/run.py", "other/contract.py", "other/run.py", "shared/boxes.py"):
        (tmp_path / "steps" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "steps" / name).touch()
    monkeypatch.setattr("steps.reuse.__file__", str(tmp_path / "steps" / "reuse.py"))

    def code_after(change: str) -> str:
        (tmp_path / "steps" / change).write_text("changed")
        return reuse._code(STEP)

    before = reuse._code(STEP)
    assert code_after("other/run.py") == code_after("other/contract.py") == before
    assert len({before, code_after("copy/run.py"), code_after("shared/boxes.py"), code_after("reuse.py")}) == 4


def test_work_is_done_again_when_that_was_asked_for(thing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(STEP, []) == 0
    monkeypatch.setenv(REUSE, "false")
    assert run(STEP, []) == 0
    assert len(CALLS) == 2


def test_nothing_is_kept_when_inputs_name_what_may_change(thing: Path) -> None:
    for _ in range(2):
        assert run(STEP, ["--base=s3://bucket/weights.pt"]) == 0
    assert len(CALLS) == 2


@pytest.mark.parametrize("damage", ["content", "gone", "document", "path"])
def test_work_is_done_when_the_kept_result_is_damaged(damage: str, thing: Path, tmp_path: Path) -> None:
    assert run(STEP, []) == 0
    (document,) = (tmp_path / "cache").rglob("result.json")
    file = next(path for path in document.parent.iterdir() if path != document)
    if damage == "content":
        file.write_text("other")
    elif damage == "gone":
        file.unlink()
    elif damage == "document":
        document.write_text("{")
    else:
        document.write_text(document.read_text().replace("copy-of/a", "../../escaped"))
    assert run(STEP, []) == 0
    assert len(CALLS) == 2
    assert (out(thing) / "copy-of" / "a").read_text() == "1"
    assert not list(tmp_path.rglob("escaped"))


def test_work_is_done_when_the_store_may_not_be_written(
    thing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE, str(tmp_path / "file" / "cache"))
    assert run(STEP, []) == 0
    assert "the result is not kept" in capsys.readouterr().err
