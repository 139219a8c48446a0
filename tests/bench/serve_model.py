"""What all arms get: a network of yolo11n's shape with random weights, and pictures like a camera's."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.registry import Lineage, Registry
from steps.runtime import Defaults, Detector, ModelCard, ModelFormat, ModelInput, ModelOutput, file_digest
from steps.runtime.golden import EXPECTED, write_expected
from tests.bench.serve_answer import CLASSES, NAME

SIDE = 640
BOXES = 30
"""Boxes about so many of which are found on a picture, before suppression: it is part of the work."""


def write_pictures(folder: Path, count: int, size: tuple[int, int] = (1280, 720)) -> list[Path]:
    """Write JPEGs of `size` (width, height), of about 200 kB at 1280 × 720: soft shapes with some noise."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        random = np.random.default_rng(number)
        soft = cv2.resize(random.integers(0, 256, (12, 20, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
        noise = random.normal(0, 6, (size[1], size[0], 1))
        path = folder / f"{number}.jpg"
        cv2.imwrite(str(path), np.clip(soft + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
        paths.append(path)
    return paths


def publish_yolo11n(registry: Path, scratch: Path, picture: Path) -> Path:
    """Publish a yolo11n of random weights as ONNX, and return its file."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    from steps.export.formats import onnx
    from steps.export.network import Network

    torch.manual_seed(0)
    module = DetectionModel("yolo11n.yaml", nc=len(CLASSES), verbose=False).float().eval()
    module.requires_grad_(requires_grad=False)
    network = Network(module, CLASSES, SIDE, "yolo11n.yaml")
    card = ModelCard(
        classes=CLASSES,
        input=ModelInput(width=SIDE, height=SIDE),
        output=ModelOutput(layout="yolo"),
        formats={"onnx": ModelFormat(file="onnx/model.onnx", checked=True)},
        files={},
        created="2026-01-01T00:00:00+00:00",
        base_model="yolo11n.yaml",
    )
    trained = Detector(card, network)
    image = np.asarray(cv2.imread(str(picture)), np.uint8)
    _make_sure_of_some(module, trained, image)
    folder = scratch / "model"
    (folder / "onnx").mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Torch's advice to those who trace.
        network.prepare()
        onnx.write(network, folder / "onnx")
    (folder / "golden").mkdir()
    (folder / "golden" / "image.jpg").write_bytes(picture.read_bytes())
    write_expected(trained.detect(image), CLASSES, folder / EXPECTED)
    _publish(registry, folder, card)
    return registry / NAME / "1" / "onnx" / "model.onnx"


def _make_sure_of_some(module: object, trained: Detector, image: NDArray[np.uint8]) -> None:
    """Move the scores so that about `BOXES` places are above the usual confidence: random weights are sure of nothing."""
    head = module.model[-1]  # type: ignore[attr-defined]
    for branch in head.cv3:
        branch[-1].weight *= 20
    tensor, _ = trained.prepare(image)
    strongest = np.sort(trained.backend.infer(tensor)[0, 4:].max(axis=0))[-BOXES]
    strongest = float(np.clip(strongest, 1e-12, 1 - 1e-6))
    usual = Defaults().confidence
    shift = np.log(usual / (1 - usual)) - np.log(strongest / (1 - strongest))
    for branch in head.cv3:
        branch[-1].bias += float(shift)


def publish_small(registry: Path, scratch: Path) -> None:
    """Publish a model that costs next to nothing: what then takes time or memory is the server's own."""
    from tests.factories_model import write_model

    folder = write_model(scratch / "small")
    _publish(registry, folder, ModelCard.read(folder))


def _publish(registry: Path, folder: Path, card: ModelCard) -> None:
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in folder.rglob("*") if path.is_file()}
    files.pop("model.json", None)
    card.model_copy(update={"files": files}).write(folder)
    archive = folder.parent / "results.tar"
    archive.write_bytes(b"")
    lineage = Lineage(run="bench", metrics={"map50": 0.0})
    Registry.open(str(registry)).publish(NAME, folder, lineage, archive=archive, describe=lambda _: "a bench")
