import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from steps.errors import ModelError
from steps.runtime import Detector, ModelCard, ModelFormat
from steps.runtime import choice as choosing
from steps.runtime.choice import candidates, choose, measure
from tests.factories_model import write_model

WHITE = np.full((64, 64, 3), 255, np.uint8)


def with_formats(folder: Path, **formats: dict[str, Any]) -> Path:
    """Add formats to the card of a model; what is named `openvino…` is converted."""
    card = json.loads((folder / "model.json").read_text())
    for spelled, more in formats.items():
        name = spelled.replace("_", "-")
        file = "onnx/model.onnx"
        if name.startswith("openvino"):
            file = f"{name}/model.xml"
            openvino.save_model(openvino.Core().read_model(folder / "onnx" / "model.onnx"), folder / file)
        card["formats"][name] = {"file": file, **more}
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_openvino_answers_as_onnx_runtime_does_when_asked_for(tmp_path: Path) -> None:
    folder = with_formats(write_model(tmp_path / "model"), openvino={})
    one, other = (choose(folder, WHITE, format=name).detector for name in ("onnx", "openvino"))
    assert one.runs_on.startswith("onnxruntime")
    assert other.runs_on.startswith("openvino")
    image = np.full((100, 50, 3), 200, np.uint8)
    np.testing.assert_allclose(one.detect(image).xyxy, other.detect(image).xyxy, atol=0.1)
    np.testing.assert_allclose(one.detect(image).scores, other.detect(image).scores, atol=1e-3)


@pytest.mark.parametrize("fault", ["no file", "no model", "no weights", "other input"])
def test_openvino_model_is_refused_when_it_is_not_what_the_card_says(tmp_path: Path, fault: str) -> None:
    folder = with_formats(write_model(tmp_path / "model"), openvino={})
    path = folder / "openvino" / "model.xml"
    if fault == "no file":
        path.unlink()
    elif fault == "no model":
        path.write_text("<nonsense/>")
    elif fault == "no weights":
        path.with_suffix(".bin").unlink()
    else:
        card = json.loads((folder / "model.json").read_text())
        card["input"]["width"] = card["input"]["height"] = 96
        (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError):
        Detector.load(folder, format="openvino")


def test_both_are_measured_when_a_model_has_two_formats(tmp_path: Path) -> None:
    folder = with_formats(write_model(tmp_path / "model"), openvino={})
    chosen = choose(folder, WHITE, threads=1)
    assert set(chosen.measured_ms) == {"onnx", "openvino"}
    assert chosen.format in chosen.measured_ms


def test_only_loadable_formats_are_measured_when_one_is_broken(tmp_path: Path) -> None:
    folder = with_formats(write_model(tmp_path / "model"), openvino={})
    (folder / "openvino" / "model.xml").write_text("<nonsense/>")
    assert list(measure(folder, WHITE, threads=1)) == ["onnx"]
    assert choose(folder, WHITE).format == "onnx"


@pytest.mark.parametrize(
    ("times", "taken"),
    [
        ({"onnx": 10.0, "openvino": 8.0}, "openvino"),
        ({"onnx": 10.0, "openvino": 9.5}, "onnx"),  # That little is within what timing scatters.
        ({"onnx": 10.0}, "onnx"),
        ({}, "onnx"),
    ],
)
def test_other_format_is_taken_when_it_is_clearly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: dict[str, float], taken: str
) -> None:
    folder = with_formats(write_model(tmp_path / "model"), openvino={})
    monkeypatch.setattr(choosing, "_measure_apart", lambda *_: times)
    assert choose(folder, WHITE).format == taken


def test_int8_takes_part_when_its_loss_was_accepted(tmp_path: Path) -> None:
    folder = with_formats(
        write_model(tmp_path / "model"),
        onnx_int8={"precision": "int8"},
        openvino_int8={"precision": "int8", "accepted": True},
        torchscript={},
    )
    assert candidates(ModelCard.read(folder)) == ["onnx", "openvino-int8"]
    assert choose(folder, WHITE, format="onnx-int8").format == "onnx-int8"  # Asked for by a person.


def test_format_is_refused_when_the_model_does_not_have_it(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    with pytest.raises(ModelError, match=r"'openvino' cannot run here; this model has \['onnx'\]"):
        choose(folder, WHITE, format="openvino")


def test_model_is_refused_when_nothing_here_runs_it(tmp_path: Path) -> None:
    card = ModelCard.read(write_model(tmp_path / "model"))
    with pytest.raises(ModelError, match="no format of"):
        candidates(card.model_copy(update={"formats": {"torchscript": ModelFormat(file="x")}}))


def test_model_is_refused_when_its_answer_is_not_finite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_model(tmp_path / "model")
    monkeypatch.setattr(
        "steps.runtime.onnx_session.OnnxSession.infer", lambda *_: np.full((1, 6, 3), np.nan, np.float32)
    )
    with pytest.raises(ModelError, match="not finite"):
        choose(folder, WHITE)
