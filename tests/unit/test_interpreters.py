"""The interpreters that are supported: named alike wherever they are named, and found where a machine has them."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from workflows.argo.site import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MARK = "Programming Language :: Python :: "
SUPPORTED = [name.removeprefix(MARK) for name in PROJECT["classifiers"] if name.startswith(MARK)]


def test_readme_makefile_and_package_name_the_same_interpreters() -> None:
    assert [f"3.{minor}" for minor in range(11, 11 + len(SUPPORTED))] == SUPPORTED
    oldest, newest = SUPPORTED[0], int(SUPPORTED[-1].split(".")[1])
    assert PROJECT["requires-python"] == f">={oldest},<3.{newest + 1}"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"You need Python {', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}," in readme
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"\((3), (\d+)\)", makefile) == [("3", "11"), ("3", str(newest))]
    assert f"Python {oldest} to 3.{newest} is needed" in makefile


def install(folder: Path, name: str, answer: str) -> Path:
    """Write a program that answers as an interpreter does; it fails where there is no answer."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\nprintf '%s\\t%s\\n' '{answer}' \"$0\"\n" if answer else "#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    return program


def found(tmp_path: Path, *folders: Path) -> list[str]:
    environment = os.environ | {
        "PATH": ":".join([*map(str, folders), "/usr/bin", "/bin"]),
        "PYENV_ROOT": str(tmp_path / "pyenv"),
    }
    script = tmp_path / "project" / ".ci" / "interpreters"
    script.parent.mkdir(parents=True)
    script.write_text((ROOT / ".ci" / "interpreters").read_text(encoding="utf-8"))
    # In a project that knows other versions than this machine has.
    (tmp_path / "project" / "pyproject.toml").write_text(
        "".join(f'    "{MARK}3.{minor}",\n' for minor in range(91, 100))
    )
    return subprocess.run(
        ["bash", script], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_oldest_and_newest_are_found_in_path_and_in_pyenv(tmp_path: Path) -> None:
    here = tmp_path / "a folder"
    install(here, "python3", "3.95")
    install(here, "python3.90", "3.90")
    install(here, "python3.98", "")
    oldest = install(here, "python3.92", "3.92")
    newest = install(tmp_path / "pyenv" / "versions" / "3.99.1" / "bin", "python3.99", "3.99")
    install(tmp_path / "pyenv" / "versions" / "3.100.0" / "bin", "python3", "3.100")
    assert found(tmp_path, here) == [f"3.92\t{oldest}", f"3.99\t{newest}"]


def test_one_is_found_when_oldest_and_newest_are_the_same(tmp_path: Path) -> None:
    first = install(tmp_path / "a", "python3", "3.93")
    install(tmp_path / "a", "python3.93", "3.93")
    install(tmp_path / "b", "python3", "3.93")
    assert found(tmp_path, tmp_path / "a", tmp_path / "b") == [f"3.93\t{first}"]


def test_none_is_found_when_the_machine_has_none_that_is_supported(tmp_path: Path) -> None:
    install(tmp_path / "a", "python3", "3.90")
    assert found(tmp_path, tmp_path / "a") == []


@pytest.mark.parametrize(("version", "code"), [("3.10", 2), ("3.15", 2)])
def test_setup_names_what_is_needed_when_the_interpreter_is_another(tmp_path: Path, version: str, code: int) -> None:
    program = tmp_path / "python3"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {version}.1"\n[ "$1" = --version ]\n')
    program.chmod(0o755)
    words = ["make", "setup", f"PYTHON={program}", f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, f"is needed; found Python {version}.1. Set PYTHON=" in done.stdout) == (code, True)
    assert not (tmp_path / "venv").exists()
