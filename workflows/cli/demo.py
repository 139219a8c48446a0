"""`argosight demo`: the whole road, from a drawn data set to an answering detector."""

import json
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import workflows
from workflows.argo.site import SiteError
from workflows.cli.run import FAILED, MISTAKE, conclude, find_manifest
from workflows.cli.site import gpu_node
from workflows.local.display import watcher
from workflows.local.durations import clock_text
from workflows.local.engine import run_workflow
from workflows.local.errors import LocalError
from workflows.local.home import Home
from workflows.local.node import Phase
from workflows.local.run import Run
from workflows.local.submission import read_assignments, read_file
from workflows.local.summary import outputs

WORKFLOW = "train-detector"
PARAMETERS = Path(workflows.__file__).resolve().parent.parent / "config" / "runs" / "demo.yaml"
IMAGES = 400


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--images", type=int, default=IMAGES, help="pictures to draw (default: %(default)s)")
    parser.add_argument(
        "-p", "--parameter", metavar="NAME=VALUE", action="append", default=[], help="set another parameter of the run"
    )
    parser.epilog = (
        "examples:\n"
        "  argosight demo\n"
        "  argosight demo --images=1000 -p image-size=320 -p epochs=30 -p cpu-epochs=30\n\n"
        "Draws pictures of planes and helicopters, then does what this does with images of your own:\n"
        f"  argosight run {WORKFLOW} -f config/runs/demo.yaml -p source=images.zip\n\n"
        "exit codes: 0 succeeded, 1 the run failed, 2 a mistake in the call, 130 stopped"
    )


def run(arguments: Namespace) -> int:
    """Draw, run, and show what came of it."""
    home = Home.default()
    try:
        given = read_file(PARAMETERS) | read_assignments(arguments.parameter)
        source = draw(home, arguments.images)
        if not source:
            return FAILED
        given.setdefault("source", str(source))
        sys.stderr.write(f"\n2/2  argosight run {WORKFLOW} -f config/runs/demo.yaml -p source={_near(source)}\n\n")
        with watcher(sys.stderr) as observer:
            finished = run_workflow(
                find_manifest(WORKFLOW), given, home.root, name="", observer=observer, gpu_node=gpu_node()
            )
    except (LocalError, SiteError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return MISTAKE
    if finished.phase != Phase.SUCCEEDED:
        return conclude(finished, home)
    sys.stdout.write("\n".join(tell(finished)) + "\n")
    return 0


def draw(home: Home, images: int) -> Path | None:
    """Return the zip of `images` drawn pictures, made by the `draw` step; None if it failed, having said why."""
    place = home.root / "demo" / f"{images}-images"
    archive = place / "out" / "archive"
    named = place.with_suffix(".zip")
    sys.stderr.write(f"1/2  python -m steps draw --images={images}\n")
    if not named.exists():
        place.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "steps", "draw", f"--images={images}"]
        if subprocess.run(command, env={**os.environ, "STEP_WORK": str(place)}, check=False).returncode:
            return None
        archive.replace(named)
    sys.stderr.write(f"     {_near(named)}\n")
    return named


def tell(run: Run) -> Iterator[str]:
    """Yield the lines that a finished demo ends with: scores, version, report, picture, and what to type next."""
    yield f"{run.name} {run.phase} in {clock_text(run.seconds)}"
    yield ""
    metrics = _json(_artifact(run, "metrics") / "metrics.json")
    published = _json(_artifact(run, "published"))
    name, version = published["name"], published["version"]
    yield (
        f"  test scores  mAP50 {metrics['map50']:.3f}, mAP50-95 {metrics['map50_95']:.3f}"
        f" on {metrics['images']} images that the training never saw, by the exported model"
    )
    yield f"  published    {name} version {version}"
    answered = _artifact(run, "answer")
    if answered.name:
        answer = _json(answered / "answer.json")
        boxes = answer["boxes"]
        found = ", ".join(f"{one['name']} {one['confidence']:.2f}" for one in boxes) or "nothing"
        yield f"  answered     {found}, in {answer['latency_ms']:.0f} ms a request"
        yield f"  its picture  {_near(answered / 'picture.jpg')}"
    *_, (_, report) = outputs(run)
    yield f"  the report   {_near(report)}"
    yield ""
    command = _near(Path(sys.executable).parent / "argosight")
    yield "next, ask the model yourself; then open http://127.0.0.1:8080 and drop a picture"
    yield f"  {command} serve {name}"
    yield "or train on images of your own"
    yield f"  {command} run {WORKFLOW} -f config/runs/laptop.yaml -p source=YOUR.zip -p model-name=mine"


def _artifact(run: Run, name: str) -> Path:
    found = (node.outputs.artifact(name) for node in run.nodes.values())
    return next((Path(one.path) for one in found if one and one.path), Path())


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _near(path: Path) -> Path:
    """Return `path` as it is seen from the current folder, where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
