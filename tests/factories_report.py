"""Artifacts of a run, as the steps write them: what `report` reads, without running the steps."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from steps.report.contract import REPORT
from steps.report.run import report
from steps.workspace import Workspace
from tests.factories_report_artifacts import (
    DEFAULTS,
    DIGEST,
    SOURCE,
    write_answer,
    write_checkpoint,
    write_duplicates,
    write_intake,
    write_json,
    write_metrics,
    write_splits,
)

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PARAMETERS = {
    "source": SOURCE,
    "format": "auto",
    "epochs": "30",
    "cpu-epochs": "30",
    "image-size": "320",
    "base-model": "tiny",
    "seed": "7",
    "device": "auto",
    "model-name": "planes",
    "registry": "s3://argosight/models",
    "deploy": "true",
}
STEPS: tuple[tuple[str, float, float, int], ...] = (
    ("ingest", 3.4, 5.6, 310),
    ("split", 0.5, 0.5, 92),
    ("train", 141.2, 268.0, 1480),
    ("export", 7.9, 9.1, 890),
    ("evaluate", 4.6, 8.0, 355),
    ("publish", 0.9, 0.7, 120),
    ("deploy", 2.8, 3.3, 240),
)
"""Name, seconds, CPU seconds and peak megabytes."""


def write_run(folder: Path) -> dict[str, str]:
    """Write every artifact of a run that succeeded under `folder`; return the flags of `report`."""
    write_intake(folder / "intake")
    write_splits(folder / "splits.json")
    write_duplicates(folder / "duplicates")
    write_checkpoint(folder / "checkpoint")
    write_metrics(folder / "metrics")
    write_published(folder / "published.json")
    write_answer(folder / "answer")
    write_records(folder / "records")
    return {
        "run": "planes-7k2xq",
        "status": "Succeeded",
        "failures": "null",
        "parameters": argo_parameters(PARAMETERS),
        "duration": "164.812",
        "records": str(folder / "records"),
        "intake": str(folder / "intake"),
        "splits": str(folder / "splits.json"),
        "duplicates": str(folder / "duplicates"),
        "checkpoint": str(folder / "checkpoint"),
        "metrics": str(folder / "metrics"),
        "published": str(folder / "published.json"),
        "answer": str(folder / "answer"),
    }


def write_failed_run(folder: Path) -> dict[str, str]:
    """Write what a run leaves that stopped in `train`; return the flags of `report`."""
    write_intake(folder / "intake")
    write_splits(folder / "splits.json")
    error = {
        "message": "--base-model='s3://weights/yolo26n.pt': the file has sha256 9f2b…c1, not 41d0…7e",
        "hint": "give --base-model-sha256 the digest of the file that you trust, or fetch the file anew",
    }
    write_records(folder / "records", upto="train", error=error)
    nodes = [
        failed_node("planes-9d4vw", "main", "child 'planes-9d4vw-1287' failed", after=12.0),
        failed_node("cpu", "train-cpu", "main: Error (exit code 2)", after=11.0),
    ]
    return {
        "run": "planes-9d4vw",
        "status": "Failed",
        "failures": json.dumps(json.dumps(nodes)),
        "parameters": argo_parameters(PARAMETERS),
        "duration": "12.402",
        "records": str(folder / "records"),
        "intake": str(folder / "intake"),
        "splits": str(folder / "splits.json"),
    }


def argo_parameters(values: dict[str, str]) -> str:
    """Spell parameters as Argo's `workflow.parameters.json`."""
    return json.dumps([{"name": name, "value": value} for name, value in values.items()])


def failed_node(name: str, template: str, message: str, *, after: float) -> dict[str, str]:
    """Return a node as in Argo's `workflow.failures`; it failed `after` seconds."""
    return {
        "displayName": name,
        "message": message,
        "templateName": template,
        "phase": "Failed",
        "podName": f"pod-{name}",
        "finishedAt": (STARTED + timedelta(seconds=after)).isoformat(),
    }


def write_records(folder: Path, *, upto: str = "deploy", error: dict[str, str] | None = None) -> None:
    """Write a record of every step to the one called `upto`, which fails with `error` where that is given."""
    folder.mkdir(parents=True)
    at = STARTED
    for name, usual_seconds, usual_cpu_seconds, megabytes in STEPS:
        fails = error is not None and name == upto
        seconds, cpu_seconds = (1.2, 1.1) if fails else (usual_seconds, usual_cpu_seconds)
        record: dict[str, Any] = {
            "step": name,
            "version": "0.1.0",
            "started": at.isoformat(timespec="milliseconds"),
            "parameters": {},
            "outputs": {"digest": DIGEST} if name == "ingest" else {},
            "finished": (at + timedelta(seconds=seconds)).isoformat(timespec="milliseconds"),
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "peak_rss_bytes": megabytes * 1_000_000,
            "exit_code": 2 if fails else 0,
        }
        if fails:
            record["error"] = error
        write_json(folder / f"{name}.json", record)
        if name == upto:
            return
        at += timedelta(seconds=seconds + 0.4)


def write_published(path: Path) -> None:
    """Write that version 3 of planes is published, after version 2."""
    lineage = {
        "run": "planes-7k2xq",
        "source": SOURCE,
        "data_digest": DIGEST,
        "parameters": PARAMETERS,
        "code_version": "0.1.0+sha256.1f2e3d4c5b6a",
        "metrics": {"map50": 0.9437, "map50_95": 0.6381},
        "created": "2026-03-14T09:29:35+00:00",
    }
    url = "s3://argosight/models/planes/3"
    published = {"name": "planes", "version": 3, "url": url, "previous": 2, "lineage": lineage, "files": 9}
    published["defaults"] = DEFAULTS
    write_json(path, {**published, "bytes": 3_412_008})


def run_report(flags: dict[str, str], work: Path) -> tuple[str, dict[str, Any]]:
    """Run `report` with `flags` and return the page and the summary."""
    work.mkdir(parents=True, exist_ok=True)
    outputs = report(REPORT.inputs.model_validate_strings(flags), Workspace(out=work, state=work))
    return outputs.report.read_text(encoding="utf-8"), json.loads(outputs.summary.read_text(encoding="utf-8"))
