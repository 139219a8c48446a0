"""`argosight demo`, on few and small pictures: what it says at the end is there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--images=40", "-p", "epochs=1", "-p", "image-size=64"]


def demo(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workflows.cli", "demo", *words],
        cwd=ROOT,
        env=os.environ | {"ARGOSIGHT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_scores_version_report_and_picture_are_told_when_the_demo_ends(tmp_path: Path) -> None:
    done = demo(tmp_path, *SMALL)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"mAP50 [01]\.\d{3}, mAP50-95 [01]\.\d{3} on 6 images", done.stdout)
    assert "planes version 1" in done.stdout
    for what in ("its picture", "the report"):
        found = re.search(rf"{what} +(\S+)", done.stdout)
        assert found
        assert Path(found[1]).stat().st_size > 1000
    assert "argosight run train-detector -f config/runs/laptop.yaml -p source=YOUR.zip" in done.stdout


def test_the_value_is_named_and_nothing_is_left_when_the_drawing_is_refused(tmp_path: Path) -> None:
    done = demo(tmp_path, "--images=0")
    assert done.returncode == 1
    assert "--images" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_the_parameter_is_named_when_it_is_unknown(tmp_path: Path) -> None:
    done = demo(tmp_path, "--images=2", "-p", "epocs=3")
    assert done.returncode == 2
    assert "did you mean 'epochs'" in done.stderr
