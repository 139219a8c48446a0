"""A second run on this machine takes what has not changed, and notices what has."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

REUSED = ("train", "export", "evaluate")


def call(folder: Path, *words: str, **variables: str) -> None:
    environment = os.environ | {"ARGOSIGHT_HOME": str(folder / "home"), **variables}
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def draw(folder: Path, seed: int) -> Path:
    """Draw a small data set, always at the same path."""
    work = folder / "drawn"
    flags = ["--images=40", "--width=96", "--height=64", f"--seed={seed}"]
    call(folder, "steps", "draw", *flags, STEP_WORK=str(work))
    return (work / "out" / "archive").replace(folder / "planes.zip")


def run(folder: Path, name: str, *words: str) -> list[str]:
    """Run the workflow, and return the steps that took an earlier result."""
    given = {"source": folder / "planes.zip", "device": "cpu", "image-size": 64, "epochs": 2, "batch": 4}
    flags = [f"-p={key}={value}" for key, value in given.items()]
    call(folder, "workflows.cli", "run", "train-detector", f"--name={name}", *flags, *words)
    records = (folder / "home").rglob(f"runs/{name}/records/*.json")
    told = {path.stem: json.loads(path.read_text()) for path in records}
    assert told.keys() >= {"ingest", "report", *REUSED}
    return sorted(step for step, record in told.items() if "reused" in record)


def test_a_second_run_takes_what_is_unchanged_and_notices_a_changed_source(tmp_path: Path) -> None:
    draw(tmp_path, seed=1)
    assert run(tmp_path, "first") == []
    assert run(tmp_path, "second") == sorted(REUSED)
    assert run(tmp_path, "anew", "-p=reuse=false") == []
    draw(tmp_path, seed=2)
    assert run(tmp_path, "changed") == []
