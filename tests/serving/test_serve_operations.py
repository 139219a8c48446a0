"""docs/serving-operations.md: its commands work as they stand there, and its tables are what the server tells."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from steps.detection import Detections
from steps.serve.admission import Admission
from steps.serve.contract import ServeInputs
from steps.serve.service import Prediction
from steps.serve.telemetry.metrics import Metrics
from steps.serve.telemetry.middleware import _REASONS
from tests.factories_model import BOXES, Fixed, publish_model, write_model
from tests.serving.engines import registry_shelf
from tests.serving.pictures import picture

PAGE = (Path(__file__).parents[2] / "docs" / "serving-operations.md").read_text()
BLOCKS = [block.splitlines() for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)]
SECTIONS = ("this machine", "models", "keys", "capture", "health")
SERVER = re.compile(r"\b(argosight serve|python -m steps serve)\b")
CLEAN = ("ARGOSIGHT_HOME", "ARGOSIGHT_API_KEY", "ARGOSIGHT_API_KEYS", "AWS_ENDPOINT_URL_S3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody stands who ran `argosight run` twice for one model, and has some pictures."""
    registry = tmp_path / ".argosight" / "buckets" / "argosight" / "models"
    publish_model(registry, write_model(tmp_path / "made" / "ships"), name="ships")
    publish_model(
        registry, write_model(tmp_path / "made" / "ships-2", boxes=[Fixed((1, 1, 9, 9), 0, 0.8)]), name="ships"
    )
    publish_model(registry, write_model(tmp_path / "made" / "planes"))
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "photos/a.jpg", "photos/b.jpg"):
        (tmp_path / name).write_bytes(picture(64, 64))
    return tmp_path


def typed(section: str, folder: Path) -> str:
    """Type in the block of a section, its server beside the rest, and return what was printed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = ["set -emuo pipefail", "trap 'kill %1 2>/dev/null; cat server.log' EXIT"]
    for line in BLOCKS[SECTIONS.index(section)]:
        command = line.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
        if SERVER.search(command):
            ready = f"curl -so ready.json http://127.0.0.1:{port}/readyz"
            lines.append(f"{command} --port={port} >server.log 2>&1 &")
            # `jobs` fails, and ends it all, when the server has.
            lines.append(f"for _ in $(seq 600); do {ready} && break; jobs %1 >/dev/null; sleep 0.1; done")
        else:
            lines.append(
                f"{command} --url=http://127.0.0.1:{port}" if "argosight predict" in command else f"{command}; echo"
            )
    lines += ["kill -TERM %1", "wait %1", "trap - EXIT"]
    environment = {name: value for name, value in os.environ.items() if name not in CLEAN}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def told(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_every_block_is_typed_in() -> None:
    assert len(BLOCKS) == len(SECTIONS)
    assert all(sum(bool(SERVER.search(line)) for line in block) == 1 for block in BLOCKS)


def test_pictures_are_answered_and_drawn_when_a_server_runs_on_this_machine(folder: Path) -> None:
    (line,) = told(typed("this machine", folder))
    assert (line["model"], line["version"]) == ("planes", 1)
    assert len((folder / "found.jsonl").read_text().splitlines()) == 2
    assert {path.name for path in (folder / "drawn").iterdir()} == {"a.jpg", "b.jpg"}


def test_models_answer_by_name_when_several_are_served(folder: Path) -> None:
    names, line, about = told(typed("models", folder))
    assert names["models"] == ["planes", "ships"]
    assert (line["model"], line["version"]) == ("ships", 1)
    assert (about["name"], about["version"]) == ("ships", 1)


def test_key_is_asked_for_and_given_when_keys_are_set(folder: Path) -> None:
    output = typed("keys", folder)
    assert [line["model"] for line in told(output)] == ["planes"]
    assert 'argosight_pictures_total{model="planes",version="1"} 1.0' in output


def test_picture_is_kept_when_the_samplers_of_the_page_look_at_it(folder: Path) -> None:
    typed("capture", folder)
    (document,) = (folder / "kept" / "planes").rglob("*.json")
    kept = json.loads(document.read_text())
    assert kept["reasons"][-1] == "count"
    assert (document.parent / kept["picture"]["file"]).is_file()


def test_server_is_well_and_ends_well_when_it_is_asked_and_told(folder: Path) -> None:
    assert [line["status"] for line in told(typed("health", folder))] == ["ok", "ok"]


def test_flags_exist_when_the_page_names_them() -> None:
    named = set(re.findall(r"--([a-z][a-z-]+)", PAGE))
    known = {name.replace("_", "-") for name in ServeInputs.model_fields}
    assert named - known == {"save", "concurrency", "url", "protocol", "model"}, "flags of `argosight predict` apart"


def rows(head: str) -> Iterator[list[str]]:
    """Return the cells of the table whose first column is called `head`."""
    table = PAGE.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_metrics_are_those_of_the_page(tmp_path: Path) -> None:
    publish_model(tmp_path / "models", write_model(tmp_path / "model"))
    shelf, metrics = registry_shelf(tmp_path / "models"), Metrics()
    admission = Admission(workers=1, most_waiting=1, deadline_s=1)
    metrics.watch_line(admission)
    admission.close()
    metrics.look(shelf, shelf.refresh())
    box = BOXES[0]
    found = Detections(np.array([box.xyxy], np.float32), np.array([box.score], np.float32), np.array([0], np.int64))
    metrics.answer((Prediction(found, ("plane",), "planes", 1, {"queue": 1.0}, "id", (64, 64)),))
    metrics.reject("overload")
    metrics.request("GET", "/model", 200, 0.1)
    metrics.capture("planes", "near", "kept")
    there = {}
    for family in metrics.registry.collect():
        if family.name.startswith("argosight_"):
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = {name for sample in family.samples for name in sample.labels} - {"le"}
            kind = "gauge" if family.type == "info" else family.type
            there[family.name + suffix] = (kind, labels)
    page = {name.strip("`"): (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows("metric")}
    assert page == there


def test_reasons_of_refusals_are_those_of_the_page() -> None:
    page = {reason.strip("`"): re.findall(r"\d{3}", statuses) for reason, statuses in rows("`reason`")}
    there: dict[str, list[str]] = {"bug": ["500"]}
    for status, reason in _REASONS.items():
        there.setdefault(reason, []).append(str(status))
    assert page == there
