import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories_report import run_report, write_run
from tests.factories_report_artifacts import write_json
from tests.page_reader import PageReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A whole run's artifacts and the report's flags; copy before you change."""
    folder = tmp_path_factory.mktemp("run")
    return folder, write_run(folder)


def copied(run: tuple[Path, dict[str, str]], to: Path) -> tuple[Path, dict[str, str]]:
    folder, flags = run
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return to, {name: value.replace(str(folder), str(to)) for name, value in flags.items()}


@pytest.mark.parametrize("content", ["", "null", "[]", '{"a": ', "{}", "\x00\x01", "[" * 100_000, '{"boxes": NaN}'])
def test_page_notes_the_damage_when_every_file_is_broken(
    run: tuple[Path, dict[str, str]], tmp_path: Path, content: str
) -> None:
    folder, flags = copied(run, tmp_path / "run")
    for path in folder.rglob("*.*"):
        if path.suffix in {".json", ".csv", ".jpg"}:
            path.write_text(content)
    page, summary = run_report(flags, tmp_path / "work")
    assert PageReader(page).faults == []
    assert summary["notes"]
    assert "Not everything could be read" in page


def test_page_notes_the_damage_when_folders_are_files_and_files_are_folders(
    run: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("{}")
    (tmp_path / "folder").mkdir()
    flags = run[1] | dict.fromkeys(("intake", "checkpoint", "metrics", "answer", "records"), str(tmp_path / "file"))
    page, summary = run_report(flags | dict.fromkeys(("splits", "published"), str(tmp_path / "folder")), tmp_path / "w")
    assert PageReader(page).faults == []
    assert summary["version"] is None
    assert len(summary["notes"]) >= 5


def test_other_sections_stay_when_one_is_broken(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, flags = copied(run, tmp_path / "run")
    metrics = json.loads((folder / "metrics/metrics.json").read_text())
    metrics["confusion"]["matrix"] = [[1, 2], [3]]
    metrics["map50"] = "good"
    metrics["per_class"].append(7)
    write_json(folder / "metrics/metrics.json", metrics)
    (folder / "metrics/examples/best-1.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (folder / "intake/thumbnails/00.jpg").unlink()
    reader = PageReader(run_report(flags, tmp_path / "work")[0])
    assert "confusion" not in reader.ids
    assert {"scores", "curves", "examples", "data"} <= set(reader.ids)
    for words in ("matrix does not fit", "'map50' is a text", "best-1.jpg' is damaged", "00.jpg' is missing"):
        assert words in reader.text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_report_is_written_when_any_value_of_any_artifact_is_something_else(
    run: tuple[Path, dict[str, str]], tmp_path: Path, data: st.DataObject
) -> None:
    folder, flags = run
    target = tmp_path / "run"
    if not target.exists():
        copied(run, target)
        shutil.rmtree(target / "intake/thumbnails")
    flags = {name: value.replace(str(folder), str(target)) for name, value in flags.items()}
    originals = {path: path.read_text() for path in sorted(target.rglob("*.json"))}
    try:
        for path in data.draw(st.lists(st.sampled_from(sorted(originals)), min_size=1, max_size=4, unique=True)):
            value = json.loads(originals[path])
            for _ in range(data.draw(st.integers(1, 4))):
                value = mutated(value, data)
            write_json(path, value)
        flags["status"] = data.draw(st.sampled_from(["Succeeded", "Failed", "Error", ""]))
        flags |= {"failures": json.dumps(data.draw(JSON)), "parameters": json.dumps(data.draw(JSON))}
        flags["duration"] = data.draw(st.sampled_from(["nan", "inf", "", "12.5", "x", "-1"]))
        page, _ = run_report(flags, tmp_path / "work")
        assert PageReader(page).faults == []
    finally:
        for path, text in originals.items():
            path.write_text(text)


def mutated(value: Any, data: st.DataObject) -> Any:
    """Replace one value somewhere in `value`."""
    if not value or not isinstance(value, dict | list) or data.draw(st.integers(0, 5)) == 0:
        return data.draw(JSON)
    key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    value[key] = mutated(value[key], data)
    return value
