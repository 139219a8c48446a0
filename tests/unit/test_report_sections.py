import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.factories_report import argo_parameters, run_report, write_failed_run, write_records, write_run
from tests.factories_report_artifacts import write_checkpoint, write_json, write_metrics
from tests.page_reader import PageReader

CLASSES = [f"kind {index:02}" for index in range(30)]


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


def read(flags: dict[str, str], work: Path) -> PageReader:
    return PageReader(run_report(flags, work)[0])


def words(reader: PageReader) -> str:
    return " ".join(reader.text.split())


def many_classes(folder: Path) -> None:
    """Rewrite the metrics in `folder` with 30 classes, the later the weaker, and 7 of the last taken for the first."""
    path = folder / "metrics.json"
    metrics: dict[str, Any] = json.loads(path.read_text())
    scores = [1 - index / 40 for index in range(30)]
    row = metrics["per_class"][0]
    metrics["per_class"] = [{**row, "name": n, "ap50": s, "ap50_95": s} for n, s in zip(CLASSES, scores, strict=True)]
    matrix = [[(100 - i if i == j else 0) for j in range(31)] for i in range(31)]
    matrix[29][0] = 7
    metrics["confusion"] = {"labels": [*CLASSES, "background"], "matrix": matrix}
    recall = [0.0, 0.5, 1.0]
    metrics["curves"]["precision_recall"] = [
        {"class": n, "recall": recall, "precision": [s, s, 0]} for n, s in zip(CLASSES, scores, strict=True)
    ]
    write_json(path, metrics)


def test_weakest_stand_out_when_there_are_many_classes(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics")
    many_classes(tmp_path / "metrics")
    text = words(read({"metrics": str(tmp_path / "metrics")}, tmp_path / "work"))
    assert "The 8 weakest classes" in text
    assert "All 30 classes" in text
    assert "The 6 weakest of 30 classes, and the mean over all." in text
    assert text.index("kind 29") < text.index("kind 28") < text.index("kind 00")
    assert "14 rarer classes are added up as “others”" in text
    assert "kind 29 taken for kind 00" in text
    assert "others" not in text[text.index("Most frequent mistakes") :]


def test_report_says_what_is_served(tmp_path: Path) -> None:
    text = words(read(write_run(tmp_path), tmp_path / "work"))
    chosen = "Precision, recall and F1 at confidence 0.41, chosen on the validation images; 1 class has a threshold of its own."
    served = (
        "Version 3 is served so: at confidence 0.41 or that of the class, NMS overlap 0.7, at most 300 boxes an image."
    )
    assert f"{chosen} {served}" in text
    assert "AP50-95 Threshold Precision" in text
    path = tmp_path / "metrics" / "metrics.json"
    write_json(path, json.loads(path.read_text()) | {"defaults": {"confidence": 0.41, "per_class": {}}})
    text = words(read({"metrics": str(path.parent)}, tmp_path / "work2"))
    assert "at confidence 0.41, chosen on the validation images. " in text
    assert "served so" not in text
    assert "AP50-95 Precision" in text


def test_objects_are_counted_in_words_when_there_is_a_confusion_matrix(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics")
    text = words(read({"metrics": str(tmp_path / "metrics")}, tmp_path / "work"))
    assert "Of 127 objects, 116 found as what they are, 6 missed and 5 taken for another class." in text
    assert "5 boxes drawn where there is nothing." in text


@pytest.mark.parametrize("epochs", [1, 2, 500])
def test_curves_are_drawn_when_the_training_is_short_or_long(tmp_path: Path, epochs: int) -> None:
    write_checkpoint(tmp_path / "checkpoint", epochs=epochs, best=epochs)
    page, summary = run_report({"checkpoint": str(tmp_path / "checkpoint")}, tmp_path / "work")
    assert page.count('role="img"') == 3
    assert f"best: epoch {epochs}" in page
    assert summary["notes"] == []


def test_epochs_without_numbers_are_left_out_when_the_trainer_wrote_nan(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", epochs=3, best=3)
    path = tmp_path / "checkpoint/results.csv"
    header, first, *rest = path.read_text().splitlines()
    cells = first.split(",")
    path.write_text("\n".join([header, ",".join([cells[0], *["nan"] * (len(cells) - 1)]), *rest, "4,short"]))
    page, _ = run_report({"checkpoint": str(tmp_path / "checkpoint")}, tmp_path / "work")
    assert page.count('role="img"') == 3
    assert not re.search(r"\bnan\b", page, re.IGNORECASE)


def test_time_is_told_when_steps_follow_each_other(tmp_path: Path) -> None:
    write_records(tmp_path / "records")
    (tmp_path / "records/report.json").write_text('{"step": "report", "started": "2030-01-01T00:00:00+00:00"}')
    text = words(read({"records": str(tmp_path / "records"), "duration": "170"}, tmp_path / "work"))
    assert "2 min 41 s of 2 min 50 s in steps; the rest, 5.1 %, is starting and waiting." in text
    assert "0 1 min 2 min Time" in text
    assert "train 2 min 21 s 1.5 GB 1.9" in text


def test_commands_are_quoted_when_names_hold_signs_of_the_shell(tmp_path: Path) -> None:
    flags = write_run(tmp_path) | {"run": "a; rm -rf ~", "parameters": argo_parameters({"source": "my images.zip"})}
    assert "-p source='my images.zip'" in words(read(flags, tmp_path / "work"))
    failed = write_failed_run(tmp_path / "failed") | {"run": "a; rm -rf ~"}
    assert "argosight retry 'a; rm -rf ~'" in words(read(failed, tmp_path / "work2"))


def test_command_hides_the_source_when_it_holds_a_secret(tmp_path: Path) -> None:
    flags = write_run(tmp_path) | {"parameters": argo_parameters({"source": "https://u:p@h/a.zip"})}
    assert "-p source=… -p epochs=60" in words(read(flags, tmp_path / "work"))


def test_command_says_where_buckets_are_when_they_are_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "file:///home/ann/my%20runs/buckets")
    text = words(read(write_run(tmp_path), tmp_path / "work"))
    assert (
        "AWS_ENDPOINT_URL_S3=file:///home/ann/my%20runs/buckets python -m steps serve --registry=s3://argosight/models"
        in text
    )
