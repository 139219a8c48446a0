"""A detector trained, exported and scored by the steps, and by the trainer's own validation of its checkpoint."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from steps.dataset import Dataset
from tests.factories_color import write_color_dataset, write_yolo


def _step(folder: Path, name: str, **flags: object) -> Path:
    """Run a step in its own process, and return the folder of its outputs."""
    arguments = [f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items()]
    environment = {**os.environ, "STEP_WORK": str(folder / name)}
    subprocess.run([sys.executable, "-m", "steps", name, *arguments], check=True, env=environment)
    return folder / name / "out"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scores_are_those_of_the_trainers_own_validation_when_a_detector_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both score the same network: the two agree, and the network has learned enough for that to mean something.

    What a training arrives at differs by seed and by processor, whose vector units round in their own order. Over four
    seeds, and with the instructions of SSE, AVX2 and AVX-512, these 12 epochs ended at mAP50 0.68 to 0.76: 0.5 is far
    below all of them, and far above what a network has that learned nothing. Ours and theirs were then at most 0.007
    apart. After half as many epochs it was 0.34 to 0.45 and 0.013, which left no margin.
    """
    splits = write_color_dataset(tmp_path, train=160, valid=30, test=80, jitter=0.01)
    inputs = {"dataset": tmp_path / "dataset", "splits": tmp_path / "splits.json"}
    training = {"epochs": 12, "cpu_epochs": 12, "image_size": 128, "learning_rate": 0.004, "augmentation": "none"}
    trained = _step(tmp_path, "train", **inputs, **training)
    exported = _step(tmp_path, "export", **inputs, checkpoint=trained / "checkpoint")
    scored = _step(tmp_path, "evaluate", **inputs, model=exported / "model")
    metrics = json.loads((scored / "metrics" / "metrics.json").read_text())

    monkeypatch.setenv("YOLO_OFFLINE", "1")
    monkeypatch.setenv("YOLO_AUTOINSTALL", "0")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    yaml = write_yolo(tmp_path / "yolo", Dataset.open(tmp_path / "dataset"), splits)
    from ultralytics import YOLO  # noqa: PLC0415  (it reads the environment when it is imported)

    theirs = YOLO(trained / "checkpoint" / "best.pt").val(
        data=str(yaml), split="test", imgsz=128, plots=False, workers=0, device="cpu", project=str(tmp_path / "runs")
    )
    assert theirs.box.map50 > 0.5
    assert metrics["map50"] == pytest.approx(theirs.box.map50, abs=0.02)
    assert metrics["map50_95"] == pytest.approx(theirs.box.map, abs=0.02)
