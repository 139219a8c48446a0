"""Commands of a page of the docs, run as they are typed, in a shell of their own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from workflows.argo.site import ROOT

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[str]:
    """Return the commands of the page, in order."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [line for block in BLOCK.findall(text) for line in block.splitlines()]


def shell(folder: Path) -> dict[str, str]:
    """Return an environment with a kubeconfig of its own in `folder`, whose context a command may change."""
    config = folder / "kubeconfig"
    shutil.copy(os.environ["KUBECONFIG"], config)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "KUBECONFIG": str(config), "PATH": path}


def call(
    command: str | list[str], environment: dict[str, str], *more: str, folder: Path = ROOT, timeout_s: float = 600
) -> "subprocess.CompletedProcess[str]":
    """Run a command, `more` words at its end, and return how it went."""
    words = [*(shlex.split(command) if isinstance(command, str) else command), *more]
    return subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
