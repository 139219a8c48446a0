"""The commands of a page of the docs, run in one shell, from top to bottom."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
DEADLINE_S = 900


@dataclass
class Console:
    """A shell that stands in a folder.

    Attributes:
        folder: Where commands run.
        environment: Its variables.
        instead: Commands that cannot be run as typed, in full, and what is run instead. One that no page has is an error.
        rewritten: Patterns and replacements, for names that differ in a test.
        used: The commands of `instead` that were met.
    """

    folder: Path
    environment: Mapping[str, str]
    instead: Mapping[str, str]
    rewritten: list[tuple[str, str]]
    used: set[str] = field(default_factory=set)

    def run(self, page: Path, *sections: str, before: str = "", after: str = "") -> str:
        """Run the commands of a page, or of some of its sections, and return what they printed.

        The first that fails ends it with an AssertionError that names it.

        Args:
            page: A page of the docs.
            sections: Headings; an empty one is what stands before the first. All of them, if none is named.
            before: Commands to run first, as they are.
            after: Commands to run last, as they are.
        """
        text = "".join(_section(page, name) for name in sections) if sections else page.read_text(encoding="utf-8")
        lines = ["set -emuo pipefail", before]
        for language, title, body in BLOCK.findall(text):
            if language == "yaml" and title:
                target = self.folder / title
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(body, encoding="utf-8")
            for command in body.splitlines() if language == "console" else ():
                lines += [f"echo {_quoted('$ ' + command)}", self._real(command)]
        script = "\n".join([*lines, after])
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"{page.name}: exit code {done.returncode}\n{done.stdout}"
        return done.stdout

    def _real(self, command: str) -> str:
        if command in self.instead:
            self.used.add(command)
            return self.instead[command]
        for pattern, replacement in self.rewritten:
            command = re.sub(pattern, replacement, command)
        return command


def _section(page: Path, name: str) -> str:
    head = rf"^## {re.escape(name)}\n" if name else r"\A"
    found = re.search(rf"{head}(.*?)(?=^## |\Z)", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found, f"{page.name} has no section {name!r}"
    return found[1]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
