"""Artifacts that `report` shows: intake, splits, checkpoint, metrics and answer, as the steps write them."""

import json
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from steps.detection import Detections, draw
from steps.draw.scene import CLASSES, draw_scene

SOURCE = "s3://planes/labelled/batch-7.zip"
DIGEST = "c0ffee" * 10 + "beef"

DEFAULTS = {"confidence": 0.41, "per_class": {"helicopter": 0.33}, "iou": 0.7, "max_detections": 300}


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
        _issue("zero_size", "rejected", "labels/000090.txt", 2, "0 0.25 0.46 0 0.42", "the box has no width"),
        _issue("out_of_range", "rejected", "labels/000131.txt", 1, "1 1.2 0.4 0.1 0.1", "coordinates lie outside"),
        _issue("unreadable", "rejected", "images/000222.jpg", None, "<!doctype html>", "it is no picture"),
    ]
    repaired = [
        _issue(
            "clipped", "repaired", f"labels/{index:06}.txt", 1, "0 0.98 0.5 0.06 0.2", "cut at the edge of the image"
        )
        for index in range(300, 314)
    ]
    counted = [_issue("no_labels", "noted", "images/000017.jpg", None, "", "no label file: background")]
    intake = {
        "source": SOURCE,
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


def write_splits(path: Path, **more: object) -> None:
    """Write splits of 279, 60 and 59 images, drawn unless `more` says otherwise."""
    names = [f"{index:06}.jpg" for index in range(398)]
    fractions = {"train": 0.7, "valid": 0.15, "test": 0.15}
    parts = {"train": names[:279], "valid": names[279:339], "test": names[339:]}
    drawn = {"mode": "fresh", "reason": "the source has no split with train and valid or test; it has none"}
    copies = {"groups": 2, "images": 5, "largest": 3, "same_bytes": 1, "same_original": 0, "near_identical": 1}
    counts = {"leaks": {"groups": 0, "train": 0, "valid": 0}, "copies": {**copies, "without_hash": 0, "apart": []}}
    origins = dict.fromkeys(parts, "drawn")
    write_json(path, {"seed": 7, "fractions": fractions, **drawn, "origins": origins, **counts, **more, **parts})


def write_duplicates(folder: Path, splits: tuple[str, str] = ("", "")) -> None:
    """Write a pair of copies, which the source has in `splits`."""
    (folder / "thumbnails").mkdir(parents=True)
    thumbnails = ["thumbnails/01-a.jpg", "thumbnails/01-b.jpg"]
    for name in thumbnails:
        cv2.imwrite(str(folder / name), cv2.resize(_scene(4)[0], (240, 180)))
    pair = {
        "files": ["000004.jpg", "000004-bright.jpg"],
        "splits": list(splits),
        "because": "6 of 256 bits of the perceptual hash differ",
        "thumbnails": thumbnails,
    }
    group = {"images": 2, "files": ["000004.jpg", "000004-bright.jpg"]}
    write_json(folder / "duplicates.json", {"pairs": [pair], "groups": [group], "groups_omitted": 0})


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
        "defaults": DEFAULTS,
        "threshold_from": "valid",
        "precision": 0.9318,
        "recall": 0.9104,
        "f1": 0.921,
        "per_class": [
            _class("plane", 38, 66, 0.9612, 0.6724, 0.9531, 0.9242) | {"threshold": 0.41},
            _class("helicopter", 35, 61, 0.9262, 0.6038, 0.9104, 0.8966) | {"threshold": 0.33},
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
