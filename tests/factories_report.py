"""Artifacts of a run, as the steps write them: what `report` reads, without running the steps."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from steps.detection import Detections, draw
from steps.draw.scene import CLASSES, draw_scene

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
PARAMETERS = {
    "source": "s3://planes/labelled/batch-7.zip",
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
            "outputs": {"digest": "c0ffee" * 10 + "beef"} if name == "ingest" else {},
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


def write_intake(folder: Path) -> None:
    """Write an intake report with 18 thumbnails and issues of every action."""
    thumbnails = []
    (folder / "thumbnails").mkdir(parents=True)
    for index in range(18):
        picture, boxes = _scene(index)
        file = f"thumbnails/{index:02}.jpg"
        cv2.imwrite(str(folder / file), draw(picture, boxes, CLASSES, scores=False))
        thumbnails.append({"file": file, "source": f"images/{index:06}.jpg", "boxes": len(boxes)})
    bad, _ = _scene(90)
    cv2.imwrite(str(folder / "thumbnails/q0.jpg"), cv2.rectangle(bad, (80, 60), (81, 160), (40, 40, 220), 2))
    quarantined = [
        _issue("zero_size", "quarantined", "labels/000090.txt", 2, "0 0.25 0.46 0 0.42", "the box has no width"),
        _issue("out_of_range", "quarantined", "labels/000131.txt", 1, "1 1.2 0.4 0.1 0.1", "coordinates lie outside"),
        _issue("unreadable", "quarantined", "images/000222.jpg", None, "<!doctype html>", "it is no picture"),
    ]
    repaired = [
        _issue(
            "clipped", "repaired", f"labels/{index:06}.txt", 1, "0 0.98 0.5 0.06 0.2", "cut at the edge of the image"
        )
        for index in range(300, 314)
    ]
    counted = [_issue("no_labels", "counted", "images/000017.jpg", None, "", "no label file: background")]
    intake = {
        "source": PARAMETERS["source"],
        "format": "yolo",
        "layout": "YOLO: images/ and labels/ beside each other, names from data.yaml",
        "images": 398,
        "boxes": 871,
        "background": 34,
        "classes": {"plane": 449, "helicopter": 422},
        "sizes": {"min": [320, 240], "median": [320, 240], "max": [640, 480]},
        "counts": {"clipped": 14, "zero_size": 1, "out_of_range": 1, "unreadable": 1, "no_labels": 34},
        "issues": [*quarantined, *repaired, *counted],
        "issues_omitted": 33,
        "box_sizes": {"small": 96, "medium": 688, "large": 87},
        "duplicates": [["images/000004.jpg", "images/000004-copy.jpg"]],
        "thumbnails": thumbnails,
        "quarantine_thumbnails": [
            {"file": "thumbnails/q0.jpg", "source": "images/000090.jpg", "boxes": 1, "reason": "zero size, row 2"}
        ],
    }
    write_json(folder / "intake.json", intake)


def write_splits(path: Path) -> None:
    """Write splits of 279, 60 and 59 images."""
    names = [f"{index:06}.jpg" for index in range(398)]
    fractions = {"train": 0.7, "valid": 0.15, "test": 0.15}
    parts = {"train": names[:279], "valid": names[279:339], "test": names[339:]}
    write_json(path, {"seed": 7, "fractions": fractions, **parts})


def write_checkpoint(folder: Path, *, epochs: int = 30, best: int = 26) -> None:
    """Write `results.csv` and `train.json` of a training that learned."""
    folder.mkdir(parents=True)
    noise = random.Random(7)
    header = "epoch,time,train/box_loss,train/cls_loss,train/dfl_loss,metrics/precision(B),metrics/recall(B),"
    header += "metrics/mAP50(B),metrics/mAP50-95(B),val/box_loss,val/cls_loss,val/dfl_loss,lr/pg0"
    rows = []
    for epoch in range(1, epochs + 1):
        learned = 1 - 0.88 ** max(0, epoch - 1.5)
        map50 = min(0.97, 0.965 * learned + noise.uniform(-0.02, 0.02)) if epoch > 1 else 0.004
        cells = [epoch, epoch * 4.7, 2.9 - 1.9 * learned, 2.6 - 1.9 * learned, 1.8 - 0.7 * learned, map50 * 0.98]
        cells += [map50 * 0.96, map50, 0.67 * map50, 2.7 - 1.5 * learned + noise.uniform(0, 0.08)]
        cells += [2.4 - 1.55 * learned + noise.uniform(0, 0.1), 1.7 - 0.5 * learned, 0.002]
        rows.append(",".join(f"{cell:.5g}" for cell in cells))
    (folder / "results.csv").write_text("\n".join([header, *rows]) + "\n")
    training = {
        "base_model": "tiny",
        "device": "cpu",
        "epochs_planned": epochs,
        "epochs_done": epochs,
        "seconds": 138.4,
        "image_size": 320,
        "batch": 4,
        "seed": 7,
        "parameters": 267_310,
        "best_epoch": best,
        "map50": 0.951,
        "map50_95": 0.642,
        "classes": list(CLASSES),
        "attempts": 1,
        "versions": {"python": "3.11.9", "torch": "2.10.0", "ultralytics": "8.4.190", "onnx": "1.21.0"},
    }
    write_json(folder / "train.json", training)


def write_metrics(folder: Path) -> None:
    """Write the metrics of a good model on 59 images, with three best and three worst examples."""
    (folder / "examples").mkdir(parents=True)
    examples = []
    for kind, scores in (("best", (1.0, 1.0, 0.93)), ("worst", (0.0, 0.4, 0.67))):
        for place, value in enumerate(scores, 1):
            file = f"examples/{kind}-{place}.jpg"
            cv2.imwrite(str(folder / file), _beside(200 + place + 10 * len(kind), value))
            note = "3 of 3 found" if value == 1 else "1 of 2 found, 1 where nothing is"
            examples.append({"file": file, "kind": kind, "image": f"0003{place:02}.jpg", "score": value, "note": note})
    recall = [index / 100 for index in range(101)]
    curves = [
        {"class": name, "recall": recall, "precision": [max(0.0, 1 - (r / edge) ** 14) for r in recall]}
        for name, edge in (("plane", 1.04), ("helicopter", 1.0))
    ]
    f1 = [4 * c * (1 - c) * 0.2 + 0.76 * (1 - abs(c - 0.42) ** 1.7) * (c < 0.96) for c in recall]
    metrics = {
        "split": "test",
        "images": 59,
        "map50": 0.9437,
        "map50_95": 0.6381,
        "threshold": 0.41,
        "threshold_from": "valid",
        "precision": 0.9318,
        "recall": 0.9104,
        "f1": 0.921,
        "per_class": [
            _class("plane", 38, 66, 0.9612, 0.6724, 0.9531, 0.9242),
            _class("helicopter", 35, 61, 0.9262, 0.6038, 0.9104, 0.8966),
        ],
        "sizes": {
            "small": {"ap50_95": 0.4412, "boxes": 14},
            "medium": {"ap50_95": 0.6583, "boxes": 101},
            "large": {"ap50_95": 0.7315, "boxes": 12},
        },
        "confusion": {
            "labels": [*CLASSES, "background"],
            "matrix": [[61, 2, 3], [3, 55, 3], [3, 2, 0]],
        },
        "curves": {"precision_recall": curves, "f1": {"confidence": recall, "f1": f1}},
        "speed_ms": {"preprocess": 0.42, "inference": 5.81, "postprocess": 0.37, "total": 6.6},
        "examples": examples,
        "evaluator": "pycocotools 2.0.10",
    }
    write_json(folder / "metrics.json", metrics)


def write_published(path: Path) -> None:
    """Write that version 3 of planes is published, after version 2."""
    lineage = {
        "run": "planes-7k2xq",
        "source": PARAMETERS["source"],
        "data_digest": "c0ffee" * 10 + "beef",
        "parameters": PARAMETERS,
        "code_version": "0.1.0+sha256.1f2e3d4c5b6a",
        "metrics": {"map50": 0.9437, "map50_95": 0.6381},
        "created": "2026-03-14T09:29:35+00:00",
    }
    url = "s3://argosight/models/planes/3"
    published = {"name": "planes", "version": 3, "url": url, "previous": 2, "lineage": lineage, "files": 9}
    write_json(path, {**published, "bytes": 3_412_008})


def write_answer(folder: Path) -> None:
    """Write a server's answer of a few boxes, with the picture they are drawn on."""
    folder.mkdir(parents=True)
    scene = draw_scene(412, width=640, height=480, seed=7)
    boxes = _detections(scene.objects)
    cv2.imwrite(str(folder / "picture.jpg"), draw(scene.picture, boxes, CLASSES))
    answered = [
        {
            "name": CLASSES[label],
            "class": label,
            "confidence": round(float(score), 4),
            "box": dict(zip(("x1", "y1", "x2", "y2"), map(float, xyxy), strict=True)),
        }
        for xyxy, score, label in zip(boxes.xyxy, boxes.scores, map(int, boxes.labels), strict=True)
    ]
    answer = {"version": 3, "image": "image.jpg", "boxes": answered, "requests": 12, "latency_ms": 11.43}
    write_json(folder / "answer.json", {**answer, "matches_golden": True})


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON."""
    path.write_text(json.dumps(value), encoding="utf-8")


def _class(name: str, images: int, boxes: int, ap50: float, ap50_95: float, precision: float, recall: float) -> Any:
    f1 = 2 * precision * recall / (precision + recall)
    scores = {"ap50": ap50, "ap50_95": ap50_95, "precision": precision, "recall": recall, "f1": f1}
    return {"name": name, "images": images, "boxes": boxes, **scores}


def _issue(code: str, action: str, file: str, row: int | None, found: str, reason: str) -> dict[str, Any]:
    return {"code": code, "action": action, "file": file, "row": row, "found": found, "reason": reason}


def _scene(index: int) -> tuple[Any, Detections]:
    scene = draw_scene(index, width=320, height=240, seed=7)
    return scene.picture, _detections(scene.objects)


def _detections(objects: Any) -> Detections:
    xyxy = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    scores = np.linspace(0.97, 0.71, len(objects), dtype=np.float32)
    return Detections(xyxy, scores, np.array([label for label, _ in objects], np.int64))


def _beside(index: int, score: float) -> Any:
    picture, boxes = _scene(index)
    scaled = cv2.resize(picture, (480, 360), interpolation=cv2.INTER_CUBIC)
    truth = Detections(boxes.xyxy * np.float32(1.5), boxes.scores, boxes.labels)
    kept = round(len(truth) * score)
    found = Detections(truth.xyxy[:kept] + np.float32(2), truth.scores[:kept], truth.labels[:kept])
    gap = np.full((360, 6, 3), 255, np.uint8)
    return np.hstack([draw(scaled, truth, CLASSES, scores=False), gap, draw(scaled, found, CLASSES)])
