"""The step as the engines start it: a process, which may be stopped at any moment and started again."""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.factories_train import draw_dataset

ROOT = Path(__file__).parents[2]

NO_NETWORK = """
import os, socket

def _refuse(*args, **kwargs):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(repr(args) + "\\n")
    raise OSError("no network in this test")

socket.getaddrinfo = socket.create_connection = socket.socket.connect = _refuse
"""


class Trainings:
    """Starts `train` on one drawn data set, in a folder and a home of its own, without a network."""

    def __init__(self, folder: Path, *, images: int, epochs: int, image_size: int = 64) -> None:
        self.dataset, self.splits = draw_dataset(folder, images)
        self.root, self.home, self.calls = folder / "work", folder / "home", folder / "calls"
        self.home.mkdir()
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(NO_NETWORK)
        self.environment = os.environ | {
            "STEP_WORK": str(self.root),
            "HOME": str(self.home),
            "CALLS": str(self.calls),
            "PYTHONPATH": f"{folder / 'site'}:{ROOT}",
        }
        self.flags = [
            f"--dataset={self.dataset}",
            f"--splits={self.splits}",
            f"--epochs={epochs}",
            f"--cpu-epochs={epochs}",
        ]
        self.flags += [f"--image-size={image_size}", "--learning-rate=0.003"]

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "steps", "train", *self.flags]
        return subprocess.Popen(
            command, env=self.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def rows(self) -> list[dict[str, str]]:
        with (self.root / "out" / "checkpoint" / "results.csv").open() as lines:
            return list(csv.DictReader(lines))


def _epochs(log: str) -> list[int]:
    return [int(number) for number in re.findall(r"epoch (\d+) of", log)]


def _read_until_epoch(process: subprocess.Popen[str]) -> str:
    """Return what the process said, up to its first finished epoch or its end."""
    assert process.stderr
    log = ""
    for line in process.stderr:
        log += line
        if "epoch" in line:
            break
    return log


def _digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_training_goes_on_where_it_was_when_terminated_and_run_again(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path, images=24, epochs=10)
    before = _digests(trainings.dataset)

    process = trainings.start()
    log = _read_until_epoch(process)
    process.send_signal(signal.SIGTERM)
    out, rest = process.communicate()
    assert process.returncode == 143, log + rest
    assert "interrupted; run it again to go on" in rest
    assert not (trainings.root / "out").exists()
    assert out == ""
    done = _epochs(log + rest)

    process = trainings.start()
    out, log = process.communicate()
    assert process.returncode == 0, log
    assert out == ""
    again = _epochs(log)
    assert again[0] - done[-1] in (1, 2)  # 2 where the signal came after an epoch was kept, and before it was told.
    assert again == list(range(again[0], 11))

    checkpoint = trainings.root / "out" / "checkpoint"
    rows, told = trainings.rows(), json.loads((checkpoint / "train.json").read_text())
    assert [int(row["epoch"]) for row in rows] == list(range(1, 11))
    times = [float(row["time"]) for row in rows]
    assert times == sorted(times)
    assert told["attempts"] == 2
    assert (told["epochs_planned"], told["epochs_done"]) == (10, 10)
    assert (told["base_model"], told["device"], told["batch"]) == ("tiny", "cpu", 4)
    assert told["classes"] == ["plane", "helicopter"]
    scores = [float(row["metrics/mAP50-95(B)"]) for row in rows]
    assert told["map50_95"] == scores[told["best_epoch"] - 1] == max(scores)
    assert {"best.pt", "last.pt"} <= {path.name for path in checkpoint.iterdir()}
    assert list(checkpoint.glob("events.out.tfevents.*"))
    assert not (trainings.root / "state").exists()
    assert not list(trainings.root.glob(".scratch*"))
    assert _digests(trainings.dataset) == before
    assert not list(trainings.home.iterdir()), "ultralytics wrote into the home"
    assert not trainings.calls.exists(), trainings.calls.read_text()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_training_ends_whole_when_killed_at_random_moments(tmp_path: Path) -> None:
    trainings, random = Trainings(tmp_path, images=80, epochs=12, image_size=96), Random(0)
    done: list[int] = [0]
    hidden = 0
    for _ in range(8):
        process = trainings.start()
        log = _read_until_epoch(process)
        try:
            process.wait(random.uniform(0, 1.5))
        except subprocess.TimeoutExpired:
            process.kill()
        log += process.communicate()[1]
        # Told after it was kept: of an epoch that was told, nothing is ever done again, and each kill hides one at most.
        again = _epochs(log)
        if again:
            assert again == list(range(again[0], again[0] + len(again))), log
            assert 1 <= again[0] - done[-1] <= 1 + hidden, log
            hidden = 0
        done += again
        hidden += 1
        # Killed while it exits, with its outputs in their place, it is as whole as one that was let go.
        if process.returncode == 0 or (trainings.root / "out").exists():
            break
    else:
        process = trainings.start()
        log = process.communicate()[1]
        assert process.returncode == 0, log
        done += _epochs(log)
    assert 12 - done[-1] <= hidden
    assert len(done) == len(set(done))
    assert [int(row["epoch"]) for row in trainings.rows()] == list(range(1, 13))
    told = json.loads((trainings.root / "out" / "checkpoint" / "train.json").read_text())
    assert told["epochs_done"] == 12
    assert told["attempts"] > 1


@pytest.mark.slow
def test_training_starts_anew_when_the_inputs_are_others(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path, images=24, epochs=4)
    process = trainings.start()
    _read_until_epoch(process)
    process.kill()
    process.communicate()
    trainings.flags.append("--seed=1")
    process = trainings.start()
    log = process.communicate()[1]
    assert process.returncode == 0, log
    assert _epochs(log) == [1, 2, 3, 4]
    assert json.loads((trainings.root / "out" / "checkpoint" / "train.json").read_text())["attempts"] == 1


@pytest.mark.slow
def test_training_gives_the_same_curve_when_repeated_with_the_same_seed(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path, images=24, epochs=2)
    curves = []
    for _ in range(2):
        process = trainings.start()
        log = process.communicate()[1]
        assert process.returncode == 0, log
        curves.append([{name: value for name, value in row.items() if name != "time"} for row in trainings.rows()])
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_divergence_is_explained_when_the_learning_rate_is_absurd(tmp_path: Path) -> None:
    trainings = Trainings(tmp_path, images=24, epochs=3)
    trainings.flags += ["--learning-rate=0.99", "--optimizer=SGD"]
    process = trainings.start()
    log = process.communicate()[1]
    if process.returncode:  # Whether it diverges is the network's luck; a traceback is never the answer.
        assert process.returncode == 2, log
        assert "lower --learning-rate" in log
    assert "Traceback" not in log
