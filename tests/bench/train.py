"""The train step against bare ultralytics with the same arguments: seconds, ratio, and what each learned.

Both are whole processes, from start to exit, on the same drawn images, taking turns; each turn has a seed of its own,
because from seed to seed a training this short scatters by 0.015 in mAP50-95. All best weights are then scored by
ultralytics' own `val` on the same images, and the means told.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from steps.dataset import Dataset, Splits
from steps.train.arguments import arguments_for
from steps.train.base_model import TINY, BaseModel
from steps.train.contract import TrainInputs
from steps.train.layout import write_layout
from tests.factories_train import draw_dataset

GOAL = 0.85

EPOCHS = {160: 10, 320: 6}
"""Image size in pixels, and epochs: enough to learn by. At 160 one thread does all the work of either way."""

BARE = """
import json, sys
from ultralytics import YOLO
arguments = json.loads(sys.argv[1])
YOLO(arguments.pop("model")).train(**arguments)
"""

SCORE = """
import json, sys
from ultralytics import YOLO
data, image_size, *weights = sys.argv[1:]
scores = [YOLO(path).val(data=data, imgsz=int(image_size), plots=False, verbose=False).box for path in weights]
print(json.dumps([(score.map50, score.map) for score in scores]))
"""


def main() -> None:
    """Run both in turns and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few images, one turn: only that it works")
    parser.add_argument("--turns", type=int, default=2)
    chosen = parser.parse_args()
    images, turns, plan = (40, 1, {64: 2}) if chosen.smoke else (336, chosen.turns, EPOCHS)
    for size, epochs in plan.items():
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), images=images, image_size=size, epochs=epochs, turns=turns)


def compare(folder: Path, *, images: int, image_size: int, epochs: int, turns: int) -> None:
    """Train `turns` times each way in `folder`, on 5 of 7 images."""
    dataset, splits = draw_dataset(folder, images, size=(320, 240), holdout=7)  # About 70/15/15.
    seconds: dict[str, list[float]] = {"bare": [], "ours": []}
    weights: dict[str, list[Path]] = {"bare": [], "ours": []}
    for turn in range(turns):
        inputs = TrainInputs(
            dataset=dataset, splits=splits, epochs=epochs, image_size=image_size, learning_rate=0.003, seed=turn
        )
        for way in ("bare", "ours") if turn % 2 == 0 else ("ours", "bare"):
            place = folder / f"{way}-{turn}"
            place.mkdir()
            command = _bare(inputs, place) if way == "bare" else _ours(inputs)
            began = time.perf_counter()
            _run(command, place)
            seconds[way].append(time.perf_counter() - began)
            weights[way].append(place / ("run/weights/best.pt" if way == "bare" else "out/checkpoint/best.pt"))
            print(f"  {image_size} px, turn {turn + 1}, {way}: {seconds[way][-1]:.1f} s", flush=True)
    data = folder / "bare-0" / "data" / "data.yaml"
    both = map(str, (*weights["bare"], *weights["ours"]))
    scores = json.loads(_run([sys.executable, "-c", SCORE, str(data), str(image_size), *both], folder).splitlines()[-1])
    bare50, bare95 = map(statistics.mean, zip(*scores[:turns], strict=True))
    ours50, ours95 = map(statistics.mean, zip(*scores[turns:], strict=True))
    ratios = [ours / bare for ours, bare in zip(seconds["ours"], seconds["bare"], strict=True)]
    print(
        f"train at {image_size} px: ours {statistics.mean(seconds['ours']):.1f} s, bare ultralytics {statistics.mean(seconds['bare']):.1f} s, "
        f"ratio {statistics.mean(ratios):.2f} (each turn {', '.join(f'{ratio:.2f}' for ratio in ratios)}; goal {GOAL}); "
        f"mAP50 {ours50:.3f} against {bare50:.3f}, mAP50-95 {ours95:.3f} against {bare95:.3f}"
    )


def _bare(inputs: TrainInputs, place: Path) -> list[str]:
    data = write_layout(Dataset.open(inputs.dataset), Splits.read(inputs.splits), place / "data")
    arguments = arguments_for(
        inputs, BaseModel(TINY, "tiny"), device="cpu", data=data, save_dir=place / "run", cache=True
    )
    return [sys.executable, "-c", BARE, json.dumps(arguments | {"nbs": arguments["batch"]})]


def _ours(inputs: TrainInputs) -> list[str]:
    names = {"dataset": inputs.dataset, "splits": inputs.splits, "epochs": inputs.epochs}
    names |= {"cpu-epochs": inputs.epochs, "image-size": inputs.image_size, "learning-rate": inputs.learning_rate}
    names["seed"] = inputs.seed
    return [sys.executable, "-m", "steps", "train", *(f"--{name}={value}" for name, value in names.items())]


def _run(command: list[str], place: Path) -> str:
    environment = os.environ | {
        "STEP_WORK": str(place),
        "YOLO_CONFIG_DIR": str(place / "settings"),
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:300]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
