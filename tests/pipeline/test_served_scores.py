"""What the report says of a model is what its server does: from the scores to the answers, across the steps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from steps.dataset import Dataset
from steps.deploy.contract import DeployInputs
from steps.deploy.local_server import running_server
from steps.deploy.run import deploy
from steps.evaluate.contract import EvaluateInputs
from steps.evaluate.run import evaluate
from steps.publish.contract import PublishInputs
from steps.publish.run import publish
from steps.registry import Registry
from steps.report.contract import ReportInputs
from steps.report.run import report
from steps.runtime import Defaults
from steps.workspace import Workspace
from tests.factories_color import COLORS, paint, write_color_dataset, write_color_model
from workflows.client.session import Session

Row = tuple[int, list[float]]
"""Class, and xyxy in pixels."""


def work(folder: Path) -> Workspace:
    (folder / "out").mkdir(parents=True)
    return Workspace(out=folder / "out", state=folder / "state")


@pytest.mark.parametrize(
    ("gains", "own"),
    [
        pytest.param((1, 1, 1), False, id="one threshold"),
        pytest.param((1, 1, 0.25), True, id="thresholds of classes"),
    ],
)
def test_precision_and_recall_of_the_served_answers_are_those_of_the_report(
    tmp_path: Path, gains: tuple[float, ...], own: bool
) -> None:
    splits = write_color_dataset(tmp_path, valid=160, test=60, decoys=True)
    model = write_color_model(tmp_path / "model", gains=gains)
    (model / "golden").mkdir()
    cv2.imwrite(
        str(model / "golden" / "image.jpg"),
        paint([(name, (50 * at, 10, 50 * at + 30, 90)) for at, name in enumerate(COLORS)]),
    )
    scored = evaluate(
        EvaluateInputs(model=model, dataset=tmp_path / "dataset", splits=tmp_path / "splits.json"),
        work(tmp_path / "evaluate"),
    )
    (tmp_path / "checkpoint").mkdir()
    registry = str(tmp_path / "models")
    published = publish(
        PublishInputs(
            model=model,
            metrics=scored.metrics,
            checkpoint=tmp_path / "checkpoint",
            registry=registry,
            model_name="colors",
        ),
        work(tmp_path / "publish"),
    )
    told = report(
        ReportInputs(metrics=scored.metrics, published=published.published, status="Succeeded"),
        work(tmp_path / "report"),
    )
    metrics, summary = (json.loads(path.read_text()) for path in (scored.metrics / "metrics.json", told.summary))
    defaults = Registry.open(registry).latest("colors").manifest.defaults
    assert defaults is not None
    assert defaults == Defaults(**metrics["defaults"])
    assert defaults.confidence != Defaults().confidence
    assert bool(defaults.per_class) is own

    truth = {
        record.file: [(box.label, list(box.xyxy)) for box in record.boxes]
        for record in Dataset.open(tmp_path / "dataset").records()
    }

    def counts(session: Session) -> list[tuple[float, float]]:
        """Precision and recall of each class in the answers to the test split."""
        session.open()
        answers = [session.ask((tmp_path / "dataset" / "images" / name).read_bytes()).results for name in splits.test]
        found = [(truth[name], [_row(box) for box in boxes]) for name, boxes in zip(splits.test, answers, strict=True)]
        return [_count(found, label) for label in range(len(COLORS))]

    reported = [(row["precision"], row["recall"]) for row in metrics["per_class"]]
    flags = [f"--registry={registry}", "--model-name=colors", "--backend=onnx"]
    with running_server(flags, work=tmp_path / "serve", log=tmp_path / "log", timeout_s=60) as url:
        for protocol in ("predict", "v1", "v2"):
            served = np.array(counts(Session(url, protocol)))
            np.testing.assert_allclose(served, reported, atol=1e-6)
            overall = [summary["scores"]["precision"], summary["scores"]["recall"]]
            np.testing.assert_allclose(served.mean(axis=0), overall, atol=1e-6)
        usual = counts(Session(url, options={"conf": Defaults().confidence}))
    assert not np.allclose(usual, reported, atol=0.05)
    answered = deploy(
        DeployInputs(registry=registry, model_name="colors", ready_timeout="1m"), work(tmp_path / "deploy")
    )
    assert [box["name"] for box in json.loads((answered.answer / "answer.json").read_text())["boxes"]]


def _row(box: dict[str, Any]) -> Row:
    return box["class"], [box["box"][side] for side in ("x1", "y1", "x2", "y2")]


def _count(images: Sequence[tuple[list[Row], list[Row]]], label: int) -> tuple[float, float]:
    """Return precision and recall of a class: the found, strongest first, each take the labelled box they overlap most."""
    labelled = true = found = 0
    for truth, answer in images:
        free = [xyxy for of, xyxy in truth if of == label]
        labelled += len(free)
        for _, xyxy in (row for row in answer if row[0] == label):
            found += 1
            best = max(free, key=lambda other: _iou(xyxy, other), default=None)
            if best and _iou(xyxy, best) >= 0.5:
                true += 1
                free.remove(best)
    return true / max(found, 1), true / labelled


def _iou(one: Sequence[float], other: Sequence[float]) -> float:
    wide, high = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    shared = max(wide, 0) * max(high, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)
