"""`docs/add-a-step.md`, followed word for word on a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workflows.argo.site import ROOT

HOW_TO = ROOT / "docs" / "add-a-step.md"
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COPIED = (
    "steps",
    "workflows",
    "config",
    "argo",
    "docs",
    "pyproject.toml",
    "tests/__init__.py",
    "tests/unit/__init__.py",
)
CHECKS = ("test_contracts.py", "test_walls.py")
GENERATED = ("argo/rendered/", "docs/reference/")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in CHECKS:
        shutil.copy(ROOT / "tests" / "unit" / name, tmp_path / "tests" / "unit")
    _run("argosight render", tmp_path)
    return tmp_path


@pytest.mark.timeout(120)
def test_how_to_works_when_followed_word_for_word(project: Path) -> None:
    before = _content(project)
    for language, title, body in _blocks(HOW_TO.read_text()):
        if language == "python":
            (project / title).parent.mkdir(exist_ok=True)
            (project / title).write_text(body)
        elif language == "diff":
            _apply(project / title, body)
        else:
            for line in body.splitlines():
                _run(line.removeprefix("$ "), project)
    written = "steps/tally workflows/train_detector.py tests/unit/test_tally.py"
    _run(f"ruff check {written} && ruff format --check {written}", project)
    after = _content(project)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    by_hand = {path for path in changed if not path.startswith(GENERATED)}
    assert {path for path in by_hand if not path.startswith("steps/tally/")} == {
        "tests/unit/test_tally.py",
        "workflows/train_detector.py",
    }


def test_new_parameter_touches_only_the_folder_of_its_step() -> None:
    text = HOW_TO.read_text()
    last = text[text.index("## 5.") :]
    touched = {title for _, title, _ in _blocks(last) if title}
    assert touched == {"steps/tally/contract.py", "steps/tally/run.py"}


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    for found in BLOCK.finditer(text):
        yield found[1], found[2] or "", found[3]


def _apply(path: Path, diff: str) -> None:
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] or "\n" for line in lines if not line.startswith("+"))
    new = "".join(line[1:] or "\n" for line in lines if not line.startswith("-"))
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has changed; mend the page:\n{diff}"
    path.write_text(text.replace(old, new))


def _run(command: str, project: Path) -> None:
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, "PYTHONPATH": str(project), "PATH": f"{binaries}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"


def _content(project: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and not {"__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"} & set(path.parts)
    }
