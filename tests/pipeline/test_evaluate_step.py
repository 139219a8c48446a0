"""The `evaluate` step on a real ONNX file and real pictures, and ultralytics' own validation beside it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from steps.dataset import Dataset, Splits
from steps.errors import DatasetError, ModelError
from steps.evaluate.contract import EvaluateInputs, EvaluateOutputs
from steps.evaluate.inference import Inference, read_image
from steps.evaluate.run import evaluate
from steps.runtime import Defaults, Detector, ModelCard
from steps.workspace import Workspace
from tests.factories_color import COLORS, Layout, paint, write_color_dataset, write_color_model, write_yolo
from tests.factories_model import Fixed, write_model


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with `dataset`, `splits.json` and `model`."""
    write_color_dataset(tmp_path)
    write_color_model(tmp_path / "model")
    return tmp_path


def _run(folder: Path, **flags: Any) -> tuple[EvaluateOutputs, dict[str, Any]]:
    out = folder / f"out{len(list(folder.glob('out*')))}"
    out.mkdir()
    given = {"model": folder / "model", "dataset": folder / "dataset", "splits": folder / "splits.json"} | flags
    outputs = evaluate(EvaluateInputs(**given), Workspace(out=out, state=out))
    return outputs, json.loads((outputs.metrics / "metrics.json").read_text())


def without_machine(metrics: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the machine and the file that was scored."""
    return {name: value for name, value in metrics.items() if name not in ("speed_ms", "model")}


def test_metrics_are_whole_when_the_step_has_run(made: Path) -> None:
    outputs, metrics = _run(made)
    assert set(metrics) == {
        *("split", "images", "map50", "map50_95", "defaults", "threshold_from", "precision", "recall", "f1"),
        *("per_class", "sizes", "confusion", "curves", "speed_ms", "examples", "evaluator", "model"),
    }
    assert (metrics["split"], metrics["images"], metrics["threshold_from"]) == ("test", 40, "valid")
    assert 0.5 < metrics["map50_95"] < metrics["map50"] < 0.95
    assert (outputs.map50, outputs.map50_95, outputs.threshold) == (
        metrics["map50"],
        metrics["map50_95"],
        metrics["defaults"]["confidence"],
    )
    assert [each["name"] for each in metrics["per_class"]] == list(COLORS)
    assert all(len(line["recall"]) == len(line["precision"]) == 101 for line in metrics["curves"]["precision_recall"])
    assert {line["class"] for line in metrics["curves"]["precision_recall"]} == set(COLORS)
    assert set(metrics["speed_ms"]) == {"preprocess", "inference", "postprocess", "total"}
    assert all(value > 0 for value in metrics["speed_ms"].values())


def test_predictions_are_told_for_every_image_in_order(made: Path) -> None:
    outputs, metrics = _run(made)
    lines = [json.loads(line) for line in (outputs.metrics / "predictions.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == list(Splits.read(made / "splits.json").test)
    strong = sum(box["score"] > metrics["defaults"]["confidence"] for line in lines for box in line["boxes"])
    assert strong == np.array(metrics["confusion"]["matrix"])[:, :-1].sum()
    assert all(box["name"] == COLORS[box["label"]] for line in lines for box in line["boxes"])


def test_examples_show_truth_beside_prediction(made: Path) -> None:
    outputs, metrics = _run(made)
    kinds = [example["kind"] for example in metrics["examples"]]
    assert kinds == sorted(kinds)
    assert set(kinds) == {"best", "worst"}
    images = [example["image"] for example in metrics["examples"]]
    assert len(images) == len(set(images))
    for example in metrics["examples"]:
        picture = cv2.imread(str(outputs.metrics / example["file"]))
        assert picture is not None
        assert picture.shape[1] <= 2 * 640
        assert " of " in example["note"] or "background" in example["note"]
    worst = next(example for example in metrics["examples"] if example["kind"] == "worst")
    assert worst["score"] < metrics["examples"][0]["score"] == 1


def test_scores_are_the_same_whatever_the_cores_the_layout_and_the_order_of_classes(made: Path) -> None:
    _, metrics = _run(made)
    write_color_model(made / "flat", layout="end2end")
    renamed = made / "renamed"
    write_color_model(renamed)
    _, one_core = _run(made, workers=1)
    _, flat = _run(made, model=made / "flat")
    for other in (one_core, flat):
        assert without_machine(other) == without_machine(metrics)
    card = json.loads((renamed / "model.json").read_text())
    (renamed / "model.json").write_text(json.dumps(card | {"classes": ["blue", "green", "red"]}))
    _, swapped = _run(made, model=renamed)
    assert swapped["per_class"][1] == metrics["per_class"][1]
    assert swapped["per_class"][0]["recall"] < 0.2


def test_the_threshold_is_the_given_one_when_it_is_given(made: Path) -> None:
    _, metrics = _run(made, confidence=0.6)
    assert (metrics["defaults"]["confidence"], metrics["threshold_from"]) == (0.6, "given")


def test_the_threshold_is_the_usual_one_when_there_is_no_validation_split(made: Path) -> None:
    splits = Splits.read(made / "splits.json").model_copy(update={"valid": ()})
    (made / "splits.json").write_text(splits.model_dump_json())
    _, metrics = _run(made)
    assert (metrics["defaults"], metrics["threshold_from"]) == (Defaults().model_dump(), "default")


def test_the_threshold_is_from_the_scored_images_when_these_are_the_validation_split(made: Path) -> None:
    _, metrics = _run(made, split="valid")
    assert (metrics["split"], metrics["images"], metrics["threshold_from"]) == ("valid", 20, "valid")
    assert metrics["f1"] == pytest.approx(max(metrics["curves"]["f1"]["f1"]), abs=0.003)


def test_answer_is_that_of_the_detector_when_boxes_that_do_not_count_fill_the_limit(tmp_path: Path) -> None:
    # 400 planes below their threshold, and a helicopter weaker than they but above its own.
    planes = [Fixed((x, y, x + 4, y + 4), 0, 0.5) for x in range(0, 100, 5) for y in range(0, 100, 5)]
    model = write_model(tmp_path / "model", size=128, boxes=[*planes, Fixed((110, 110, 120, 120), 1, 0.4)])
    cv2.imwrite(str(tmp_path / "white.png"), np.full((128, 128, 3), 255, np.uint8))
    path, defaults = tmp_path / "white.png", Defaults(confidence=0.6, per_class={"helicopter": 0.3})
    inference = Inference(model, np.array([1, 0]), iou=defaults.iou)
    (found,) = inference.run([path])
    assert 0 not in found.labels
    (answered,) = inference.answers([path], [found], defaults)
    assert answered.labels.tolist() == [0]
    card = ModelCard.read(model).model_copy(update={"defaults": defaults})
    card.write(model)
    assert Detector.load(model).detect(read_image(path)).xyxy.tolist() == answered.xyxy.tolist()


def test_golden_image_is_answered_with_what_was_chosen(made: Path) -> None:
    golden = made / "model" / "golden" / "image.jpg"
    golden.parent.mkdir()
    scene = paint([("red", (0, 0, 40, 40)), ("blue", (90, 60, 130, 100))])
    scene[0:40, 0:40, 2] = 100  # A dark red: found, with a low score.
    cv2.imwrite(str(golden), scene)

    def names(confidence: float) -> list[str]:
        outputs, _ = _run(made, confidence=confidence)
        return [box["name"] for box in json.loads((outputs.metrics / "expected.json").read_text())["boxes"]]

    assert (names(0.3), names(0.6)) == (["blue", "red"], ["blue"])


def test_classes_are_named_when_model_and_data_set_differ(made: Path) -> None:
    write_color_model(made / "other", classes=("red", "green", "violet"))
    with pytest.raises(ModelError, match=r"only the model knows \['violet'\]; only the data set has \['blue'\]"):
        _run(made, model=made / "other")


def test_it_is_refused_when_the_model_was_changed(made: Path) -> None:
    with (made / "model" / "onnx" / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="has SHA-256"):
        _run(made)


def test_the_split_is_named_when_it_has_nothing_to_score(made: Path) -> None:
    with pytest.raises(DatasetError, match="the train split has no labelled box in its 0 images"):
        _run(made, split="train")


@pytest.mark.parametrize("place", [0, -1])
def test_the_picture_is_named_when_it_is_damaged_or_gone(made: Path, place: int) -> None:
    name = Splits.read(made / "splits.json").test[place]
    path = made / "dataset" / "images" / name
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DatasetError, match=f"{name} is not a picture that can be decoded"):
        _run(made)
    path.unlink()
    with pytest.raises(DatasetError, match=f"{name} is missing"):
        _run(made)


def test_images_are_named_when_the_splits_are_of_another_data_set(made: Path) -> None:
    splits = Splits.read(made / "splits.json").model_copy(update={"test": ("stranger.png",)})
    (made / "splits.json").write_text(splits.model_dump_json())
    with pytest.raises(DatasetError, match=r"1 images that the data set does not have: \['stranger.png'\]"):
        _run(made)


def test_neither_torch_nor_matplotlib_is_imported_when_the_step_is_loaded() -> None:
    heavy = "{'torch', 'ultralytics', 'matplotlib', 'onnx', 'tensorflow'}"
    script = f"import sys, steps.evaluate.run, steps.runtime.onnx_session; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("layout", ["yolo", "end2end"])
def test_scores_are_those_of_ultralytics_own_validation(
    made: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "1")
    monkeypatch.setenv("YOLO_AUTOINSTALL", "0")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(made))
    yaml = write_yolo(made / "yolo", Dataset.open(made / "dataset"), Splits.read(made / "splits.json"))
    from ultralytics import YOLO  # noqa: PLC0415  (it reads the environment when it is imported)

    model = write_color_model(made / layout, layout=layout)
    theirs = YOLO(model / "onnx" / "model.onnx", task="detect").val(
        data=str(yaml), split="test", imgsz=128, plots=False, workers=0, device="cpu", project=str(made / "runs")
    )
    _, metrics = _run(made, model=model)
    assert metrics["map50"] == pytest.approx(theirs.box.map50, abs=0.02)
    assert metrics["map50_95"] == pytest.approx(theirs.box.map, abs=0.02)
    for each, ap50, ap in zip(metrics["per_class"], theirs.box.ap50, theirs.box.ap, strict=True):
        assert each["ap50"] == pytest.approx(ap50, abs=0.02)
        assert each["ap50_95"] == pytest.approx(ap, abs=0.02)
