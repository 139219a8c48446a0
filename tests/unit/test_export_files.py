import hashlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from steps.errors import DatasetError, ModelError
from steps.export.contract import ExportInputs
from steps.export.run import export
from steps.runtime import Detector, ModelCard, verify_files
from steps.toolchain import go_offline
from steps.train.base_model import TINY
from steps.workspace import Workspace
from tests.factories_train import draw_dataset

SIZE = 64


def write_checkpoint(folder: Path, architecture: Path, classes: tuple[str, ...], size: int = SIZE) -> Path:
    """An untrained checkpoint, as `train` lays it out; its weights are random, so its boxes are too."""
    import torch  # noqa: PLC0415
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DetectionModel(str(architecture), nc=len(classes), verbose=False)
    model.names = dict(enumerate(classes))
    for head in model.model[-1].cv3:
        head[-1].bias.data += 6  # Random boxes above the threshold, where an untrained network has none.
    folder.mkdir(parents=True)
    torch.save({"model": model.half(), "train_args": {}}, folder / "best.pt")
    (folder / "train.json").write_text(json.dumps({"image_size": size, "base_model": "tiny"}))
    return folder


@pytest.fixture(scope="module", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = dict(os.environ)
    go_offline(tmp_path_factory.mktemp("settings"))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return draw_dataset(tmp_path_factory.mktemp("drawn"), 12)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "checkpoint", TINY, ("plane", "helicopter"))


def _export(root: Path, drawn: tuple[Path, Path], checkpoint: Path, formats: str) -> Path:
    out, state = root / "out", root / "state"
    out.mkdir(parents=True)
    inputs = ExportInputs(checkpoint=checkpoint, dataset=drawn[0], splits=drawn[1], formats=formats)
    return export(inputs, Workspace(out=out, state=state)).model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Path, Path], checkpoint: Path) -> Path:
    return _export(tmp_path_factory.mktemp("export"), drawn, checkpoint, "torchscript, openvino")


def test_every_format_is_written_checked_and_listed_with_its_digest(model: Path) -> None:
    card = ModelCard.read(model)
    assert list(card.formats) == ["onnx", "torchscript", "openvino"]
    for exported in card.formats.values():
        assert exported.checked
        assert exported.max_score_difference is not None
        assert exported.max_score_difference < 1e-3
    verify_files(model, card)
    listed = {path for path in card.files if path.startswith("openvino/")}
    assert listed == {"openvino/model.xml", "openvino/model.bin"}
    assert (card.classes, card.input.width, card.input.height) == (("plane", "helicopter"), SIZE, SIZE)
    assert (card.output.layout, card.base_model) == ("yolo", "tiny")


def test_the_golden_boxes_are_what_the_runtime_answers(model: Path, drawn: tuple[Path, Path]) -> None:
    golden = model / "golden"
    image = cv2.imread(str(golden / "image.jpg"))
    found = Detector.load(model).detect(np.asarray(image, np.uint8))
    expected = json.loads((golden / "expected.json").read_text())["boxes"]
    assert len(found) == len(expected) > 0
    assert np.allclose(found.xyxy, [box["xyxy"] for box in expected], atol=0.01)
    assert {box["name"] for box in expected} <= {"plane", "helicopter"}
    assert all(box["score"] >= 0.25 for box in expected)
    tested = json.loads(drawn[1].read_text())["test"]
    digests = {hashlib.sha256((drawn[0] / "images" / name).read_bytes()).hexdigest() for name in tested}
    assert hashlib.sha256((golden / "image.jpg").read_bytes()).hexdigest() in digests


def test_onnx_is_one_file_of_fixed_shape(model: Path) -> None:
    import onnx  # noqa: PLC0415

    assert [path.name for path in (model / "onnx").iterdir()] == ["model.onnx"]
    graph = onnx.load(model / "onnx" / "model.onnx")
    shape = [size.dim_value for size in graph.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 3, SIZE, SIZE]
    assert graph.opset_import[0].version == 17


@pytest.mark.parametrize("name", ["yolo11n.yaml", "yolov10n.yaml", "yolo26n.yaml"])
@pytest.mark.slow
def test_other_architectures_are_exported_too(tmp_path: Path, drawn: tuple[Path, Path], name: str) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", Path(name), ("plane", "helicopter"))
    card = ModelCard.read(_export(tmp_path / "export", drawn, checkpoint, "onnx,torchscript,openvino"))
    assert card.output.layout == "yolo"
    assert all(exported.checked for exported in card.formats.values())


def test_an_export_does_not_count_when_it_answers_otherwise(
    tmp_path: Path, drawn: tuple[Path, Path], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steps.export.formats import onnx  # noqa: PLC0415
    from steps.export.network import Network  # noqa: PLC0415

    write = onnx.write

    def spoil(network: Network, folder: Path) -> None:
        network.module.model[-1].cv3[0][-1].bias.data += 0.5
        write(network, folder)

    monkeypatch.setattr(onnx, "write", spoil)
    with pytest.raises(ModelError, match=r"onnx does not answer as the checkpoint does: the score of class \d in"):
        _export(tmp_path, drawn, checkpoint, "onnx")
    assert not (tmp_path / "out" / "model" / "model.json").exists()


def test_a_format_is_refused_when_it_is_misspelt(tmp_path: Path) -> None:
    folders = dict.fromkeys(("checkpoint", "dataset", "splits"), tmp_path)
    told = "no format 'opnvino'; did you mean 'openvino'[?] the formats are onnx, openvino, torchscript"
    with pytest.raises(ValidationError, match=told):
        ExportInputs(**folders, formats="onnx,opnvino")


def test_a_checkpoint_is_refused_when_its_classes_are_not_those_of_the_data(
    tmp_path: Path, drawn: tuple[Path, Path]
) -> None:
    checkpoint = write_checkpoint(tmp_path / "checkpoint", TINY, ("cat", "dog"))
    with pytest.raises(DatasetError, match=r"the checkpoint knows the classes \['cat', 'dog'\]"):
        _export(tmp_path / "export", drawn, checkpoint, "onnx")


@pytest.mark.parametrize("damage", ["missing", "truncated", "other"])
def test_a_checkpoint_is_refused_when_it_is_damaged(
    tmp_path: Path, drawn: tuple[Path, Path], checkpoint: Path, damage: str
) -> None:
    damaged = tmp_path / "checkpoint"
    damaged.mkdir()
    (damaged / "train.json").write_text((checkpoint / "train.json").read_text())
    content = {"missing": None, "truncated": (checkpoint / "best.pt").read_bytes()[:5000], "other": b"not a model"}[
        damage
    ]
    if content:
        (damaged / "best.pt").write_bytes(content)
    with pytest.raises(ModelError, match="no usable checkpoint"):
        _export(tmp_path / "export", drawn, damaged, "onnx")


@pytest.mark.parametrize(
    "way", ["from pathlib import Path; from steps.toolchain import go_offline; go_offline(Path('settings'))", ""]
)
def test_openvino_is_imported_without_its_telemetry(tmp_path: Path, way: str) -> None:
    imported = "import openvino" if way else "import steps.runtime.openvino_session"
    told = f"{way}\n{imported}\nimport sys; assert sys.modules['openvino_telemetry'] is None"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-W", "ignore", "-c", told], cwd=tmp_path, env=environment, check=True)
