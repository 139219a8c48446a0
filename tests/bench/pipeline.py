"""The whole of `argosight run` against a bare script that calls ultralytics' train, val and export once.

The script gets what ours has to find out: unpacked images, already divided, with labels known to be good. It neither
validates the data, nor scores the export, publishes, serves or reports. Both get the same arguments. One run prints
the ratio of wall times; goal: at most 1.05 on the demo, at most 1.0 on a training of ten minutes (`--long`).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
BARE = """
import json, sys
from ultralytics import YOLO
told = json.load(open(sys.argv[1]))
model = YOLO(told.pop('model'))
model.train(**told)
best = YOLO(model.trainer.best)
scores = best.val(data=told['data'], split='test', imgsz=told['imgsz'], batch=told['batch'], workers=0, plots=False, verbose=False)
best.export(format='onnx', imgsz=told['imgsz'])
print('mAP50', float(scores.box.map50))
"""


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="60 images, 1 epoch: does the script still run")
    parser.add_argument("--long", action="store_true", help="a training of about ten minutes")
    chosen = parser.parse_args()
    images, epochs = (60, 1) if chosen.smoke else (1500, 20) if chosen.long else (400, 10)
    with tempfile.TemporaryDirectory(prefix="argosight-bench-") as folder:
        root = Path(folder)
        archive = draw(root / "draw", images)
        ours, our_score = run_ours(root, archive, epochs)
        bare, bare_score = run_bare(root, archive, epochs)
    print(f"pipeline, {images} images, {epochs} epochs")
    print(f"  argosight run   {ours:7.1f} s   test mAP50 of the exported model {our_score:.3f}")
    print(f"  bare script     {bare:7.1f} s   test mAP50 of the checkpoint     {bare_score:.3f}")
    print(f"  ratio           {ours / bare:7.3f}     goal {1.0 if chosen.long else 1.05:.2f}")


def draw(work: Path, images: int) -> Path:
    """Draw the data set and return its zip."""
    step(work, "draw", f"--images={images}")
    return work / "out" / "archive"


def step(work: Path, name: str, *flags: str) -> None:
    """Run one step in the folder `work`."""
    subprocess.run(
        [sys.executable, "-m", "steps", name, *flags], cwd=ROOT, env=os.environ | {"STEP_WORK": str(work)}, check=True
    )


def run_ours(root: Path, archive: Path, epochs: int) -> tuple[float, float]:
    """Return the seconds that `argosight run` takes, and the test mAP50 it reports."""
    home = root / "home"
    flags = ["-f", "config/runs/demo.yaml", "-p", f"source={archive}", "-p", f"epochs={epochs}"]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "workflows.cli", "run", "train-detector", *flags, "-p", f"cpu-epochs={epochs}"],
        cwd=ROOT,
        env=os.environ | {"ARGOSIGHT_HOME": str(home)},
        check=True,
        stdout=sys.stderr,
    )
    seconds = time.perf_counter() - began
    version = json.loads(next(home.glob("buckets/argosight/models/planes/1/version.json")).read_text())
    return seconds, float(version["lineage"]["metrics"]["map50"])


def run_bare(root: Path, archive: Path, epochs: int) -> tuple[float, float]:
    """Return the seconds that the bare script takes, and the test mAP50 it prints."""
    told = root / "arguments.json"
    told.write_text(json.dumps(arguments(root, divide(root / "data", archive), epochs)))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(told)],
        cwd=root,
        env=os.environ | {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - began
    return seconds, float(done.stdout.rsplit("mAP50 ", 1)[1])


def divide(folder: Path, archive: Path) -> Path:
    """Unpack the drawn zip into ultralytics' layout, 70/15/15, and return its YAML."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder / "all")
    labels = {path.stem: path for path in (folder / "all").rglob("*.txt")}
    pictures = sorted(path for path in (folder / "all").rglob("*") if path.suffix in {".jpg", ".png"})
    random.Random(0).shuffle(pictures)
    for place, picture in enumerate(pictures):
        share = place / len(pictures)
        split = "train" if share < 0.7 else "valid" if share < 0.85 else "test"
        for kind, source in (("images", picture), ("labels", labels.get(picture.stem))):
            target = folder / split / kind
            target.mkdir(parents=True, exist_ok=True)
            if source:
                source.rename(target / source.name)
    description = folder / "data.yaml"
    names = yaml.safe_load((folder / "all" / "data.yaml").read_text())["names"]
    paths = {"train": "train/images", "val": "valid/images", "test": "test/images"}
    description.write_text(yaml.safe_dump({"path": str(folder), **paths, "names": names}))
    return description


def arguments(root: Path, data: Path, epochs: int) -> dict[str, Any]:
    """Return what the train step tells ultralytics for the demo, for the bare script to tell it too."""
    from steps.train.arguments import arguments_for
    from steps.train.base_model import find_base_model
    from steps.train.contract import TrainInputs

    demo = yaml.safe_load((ROOT / "config/runs/demo.yaml").read_text())
    inputs = TrainInputs(
        dataset=root, splits=root, epochs=epochs, cpu_epochs=epochs, image_size=demo["image-size"], batch=demo["batch"]
    )
    model = find_base_model(demo["base-model"], "", root / "base")
    told = arguments_for(inputs, model, device="cpu", data=data, save_dir=root / "bare", cache=True)
    return {**told, "model": str(model.file), "nbs": demo["batch"], "mode": "train"}


if __name__ == "__main__":
    main()
