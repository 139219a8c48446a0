"""The README: what it tells people to type works, and what it points at is there."""

import re
import shlex
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import pytest

from workflows.argo.site import ROOT
from workflows.cli.__main__ import COMMANDS, main

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMAND_LINES = [line for block in BLOCKS for line in block.splitlines()] + re.findall(
    r"`((?:make|argosight|python -m steps) [^`]+)`", TEXT
)


def lines(program: str) -> list[str]:
    found = [line for line in COMMAND_LINES if line.startswith(program)]
    assert found
    return found


def test_files_exist_when_the_readme_links_to_them() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).is_file()]


@pytest.mark.parametrize("line", lines("make "))
def test_target_exists_when_the_readme_makes_it(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("line", [line for line in lines("argosight ") if line.split()[1] == "run"])
def test_run_would_start_when_it_is_typed_as_in_the_readme(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("ARGOSIGHT_HOME", str(tmp_path))
    words = shlex.split(line)[1:]
    if "--help" in words:
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 0
        assert "cpu-epochs" in capsys.readouterr().out
        return
    assert main([*words, *([] if "--dry-run" in words else ["--dry-run"])]) == 0
    assert "can run here" in capsys.readouterr().out


@pytest.mark.parametrize("line", lines("argosight "))
def test_command_is_understood_when_it_is_typed_as_in_the_readme(line: str) -> None:
    _, name, *words = shlex.split(line)
    assert name in COMMANDS
    if "--help" not in words:
        parser = ArgumentParser(allow_abbrev=False, add_help=False)
        import_module(f"workflows.cli.{name}").configure(parser)
        parser.parse_args(words)
