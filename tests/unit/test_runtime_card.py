"""`model.json` and the files it vouches for."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import ModelError
from steps.runtime import Defaults, ModelCard, verify_files
from tests.factories_color import write_color_model


def _edit(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def test_a_card_reads_back_as_written(tmp_path: Path) -> None:
    card = ModelCard.read(write_color_model(tmp_path))
    assert card.classes == ("red", "green", "blue")
    assert card.input.scale == pytest.approx(1 / 255)
    card.write(tmp_path)
    assert ModelCard.read(tmp_path) == card


def test_a_card_without_defaults_is_served_with_the_usual_ones(tmp_path: Path) -> None:
    write_color_model(tmp_path)
    card = json.loads((tmp_path / "model.json").read_text())
    del card["defaults"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    served = ModelCard.read(tmp_path).served_defaults
    assert served == Defaults()
    assert served.thresholds(("red", "blue")) == (served.confidence, served.confidence)


def test_each_class_has_its_own_threshold_or_the_models(tmp_path: Path) -> None:
    _edit(write_color_model(tmp_path), {"defaults": {"confidence": 0.4, "per_class": {"blue": 0.6}, "newer": 1}})
    card = ModelCard.read(tmp_path)
    assert card.served_defaults.thresholds(card.classes) == (0.4, 0.4, 0.6)
    card.write(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["defaults"]["newer"] == 1


def test_fields_of_a_newer_exporter_are_kept_when_a_card_is_written_again(tmp_path: Path) -> None:
    write_color_model(tmp_path)
    _edit(tmp_path, {"lineage": {"run": "r1"}})
    ModelCard.read(tmp_path).write(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["lineage"] == {"run": "r1"}


def test_what_is_there_is_named_when_there_is_no_card(tmp_path: Path) -> None:
    (tmp_path / "best.pt").touch()
    with pytest.raises(ModelError, match=r"no model.json in .*; found \['best.pt'\]"):
        ModelCard.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"classes": []}, "classes"),
        ({"task": "segment"}, "task"),
        ({"output": {"layout": "ssd"}}, "output.layout"),
        ({"files": {"../escape": "0" * 64}}, "files"),
        ({"files": {"/etc/passwd": "0" * 64}}, "files"),
        ({"formats": {"onnx": {"file": "a/../../b"}}}, "formats.onnx.file"),
        ({"files": {"onnx/model.onnx": "nonsense"}}, "files"),
        ({"defaults": {"confidence": 1.5}}, "defaults.confidence"),
        ({"defaults": {"per_class": {"violet": 0.5}}}, r"the file: Value error, defaults.per_class names \['violet'\]"),
    ],
)
def test_the_field_is_named_when_a_card_is_wrong(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    _edit(write_color_model(tmp_path), change)
    with pytest.raises(ModelError, match=f"not a model card: {named}"):
        ModelCard.read(tmp_path)


def test_files_pass_when_untouched_and_are_named_when_changed_missing_or_unlisted(tmp_path: Path) -> None:
    card = ModelCard.read(write_color_model(tmp_path))
    verify_files(tmp_path, card)
    with pytest.raises(ModelError, match=r"lists no SHA-256 for onnx/model.onnx"):
        verify_files(tmp_path, card.model_copy(update={"files": {}}))
    path = tmp_path / "onnx" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"onnx/model.onnx has SHA-256"):
        verify_files(tmp_path, card)
    path.unlink()
    with pytest.raises(ModelError, match=r"onnx/model.onnx is missing"):
        verify_files(tmp_path, card)
