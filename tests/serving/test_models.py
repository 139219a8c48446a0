import asyncio
import gc
import json
import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from steps.errors import ModelError, RegistryError, StoreUnavailableError
from steps.registry import Registry
from steps.runtime import Defaults, file_digest
from steps.serve.models.watch import Watch
from steps.serve.service import ImageSizeError, Picture, Query, UnknownModelError
from tests.factories_model import BOXES, CLASSES, Fixed, publish_model, write_model
from tests.serving.engines import WHITE, engine_of, folder_shelf, registry_shelf

WEAK = Fixed((40, 2, 50, 9), 1, 0.3)
ONE = [Fixed((1, 1, 9, 9), 0, 0.8)]


def publish(tmp_path: Path, number: int, boxes: list[Fixed] | None = None, name: str = "planes") -> Path:
    folder = tmp_path / f"{name}-{number}"
    publish_model(tmp_path / "models", write_model(folder, boxes=boxes) if boxes else write_model(folder), name=name)
    return tmp_path / "models"


def test_next_version_answers_when_the_pointer_moved(tmp_path: Path) -> None:
    shelf = registry_shelf(publish(tmp_path, 1))
    assert shelf.refresh() == "unchanged"
    publish(tmp_path, 2, ONE)
    assert shelf.refresh() == "loaded"
    info = shelf.describe()
    assert (info.version, info.state, shelf.refresh()) == (2, "ready", "unchanged")
    assert not list((tmp_path / "scratch").iterdir())


def test_version_goes_on_when_the_store_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = registry_shelf(publish(tmp_path, 1))

    def away(*_: object) -> bytes:
        raise StoreUnavailableError("no answer", hint="try again")

    monkeypatch.setattr("steps.store.folder.FolderStore.get", away)
    assert (shelf.refresh(), shelf.describe().state) == ("unreachable", "ready")


def test_version_goes_on_when_loading_the_next_one_meets_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = registry_shelf(publish(tmp_path, 1))
    publish(tmp_path, 2, ONE)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("steps.serve.models.loading.choose", full)
    assert shelf.refresh() == "failed"
    assert "No space left" in shelf.describe().reason


def test_model_is_refused_when_it_keeps_tensors_in_other_files(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    path = folder / "onnx" / "model.onnx"
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0)
    card = json.loads((folder / "model.json").read_text())
    card["files"]["onnx/model.onnx"] = file_digest(path)
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="keeps tensors in another file"):
        folder_shelf(folder)


def test_folder_is_served_when_the_storage_initializer_left_a_version_there(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    mounted = shutil.copytree(registry / "planes" / "1", tmp_path / "mnt")
    info = folder_shelf(mounted).describe()
    assert (info.name, info.version, info.metrics) == ("planes", 1, {"map50": 0.91})
    assert info.sha256 == Registry.open(str(registry)).latest("planes").sha256


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_folder_is_refused_when_a_file_is_not_the_published_one(tmp_path: Path, how: str) -> None:
    mounted = shutil.copytree(publish(tmp_path, 1) / "planes" / "1", tmp_path / "mnt")
    path = mounted / "onnx" / "model.onnx"
    path.chmod(0o644)
    content = path.read_bytes()
    path.unlink()
    if how == "changed":
        path.write_bytes(content + b"\0")
    with pytest.raises(ModelError, match="was published"):
        folder_shelf(mounted)


def test_folder_is_served_when_it_was_never_published(tmp_path: Path) -> None:
    info = folder_shelf(write_model(tmp_path / "model")).describe()
    assert (info.version, info.classes, len(info.sha256)) == (0, CLASSES, 64)


def test_pinned_version_stays_when_the_pointer_moves(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    publish(tmp_path, 2, ONE)
    shelf = registry_shelf(registry, pinned=1)
    assert (shelf.describe().version, shelf.origin.moves) == (1, False)


def test_start_fails_when_there_is_no_such_model(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    with pytest.raises(RegistryError, match="no model 'plane'"):
        registry_shelf(registry, "plane")


def test_batch_is_seen_by_one_version_when_it_is_swapped_in_between(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = registry_shelf(publish(tmp_path, 1))
    publish(tmp_path, 2, ONE)

    def swap() -> Picture:
        assert shelf.refresh() == "loaded"
        return WHITE

    async def ask() -> None:
        found = await engine.predict([WHITE, swap, WHITE], Query())
        assert [(one.version, len(one.detections)) for one in found] == [(1, 2)] * 3
        assert [(one.version, len(one.detections)) for one in await engine.predict([WHITE], Query())] == [(2, 1)]

    with engine_of(shelf) as engine:
        asyncio.run(ask())
    gc.collect()
    assert "model_drained" in caplog.text


def test_each_model_answers_when_there_are_several(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    publish(tmp_path, 1, ONE, name="ships")

    async def ask() -> None:
        assert len((await engine.predict([WHITE], Query()))[0].detections) == 2
        (ship,) = await engine.predict([WHITE], Query(model="ships"))
        assert (ship.model, len(ship.detections)) == ("ships", 1)
        with pytest.raises(UnknownModelError):
            await engine.predict([WHITE], Query(model="cars"))
        with pytest.raises(ImageSizeError):
            await engine.predict([WHITE], Query(image_size=128))

    with engine_of(registry_shelf(registry), registry_shelf(registry, "ships")) as engine:
        assert (engine.models(), engine.ready(), engine.live()) == (["planes", "ships"], True, True)
        asyncio.run(ask())


def test_limit_counts_the_wanted_classes_only_when_some_are_named(tmp_path: Path) -> None:
    with engine_of(registry_shelf(publish(tmp_path, 1))) as engine:
        (found,) = asyncio.run(engine.predict([WHITE], Query(classes=("helicopter",), max_detections=1)))
        assert found.detections.labels.tolist() == [1]
        (second,) = asyncio.run(engine.predict([WHITE], Query(classes=("1", "7"))))
        assert second.detections.labels.tolist() == [1]
        (none,) = asyncio.run(engine.predict([WHITE], Query(classes=("unknown",))))
        assert len(none.detections) == 0
        assert np.isfinite(list(none.speed_ms.values())).all()


def test_watch_tells_each_outcome_when_it_looks(tmp_path: Path) -> None:
    shelf = registry_shelf(publish(tmp_path, 1))
    publish(tmp_path, 2, ONE)
    heard: list[str] = []
    twice = threading.Event()

    def told(_shelf: object, outcome: str) -> None:
        heard.append(outcome)
        if len(heard) == 2:
            twice.set()

    watch = Watch([shelf], 0.01, told=told)
    watch.start()
    assert twice.wait(30)
    watch.stop()
    assert heard[:2] == ["loaded", "unchanged"]


def test_model_answers_with_its_own_defaults_unless_asked_otherwise(tmp_path: Path) -> None:
    own = Defaults(confidence=0.7, per_class={"helicopter": 0.2}, iou=0.95, max_detections=2)
    predictor = folder_shelf(write_model(tmp_path / "model", boxes=(*BOXES, WEAK), defaults=own)).predictor()

    def scores(floor: float = 1.0, **asked: Any) -> list[float]:
        sight = predictor.look(WHITE, Query(**asked), began=0, floor=floor)
        count = len(sight.prediction.detections)
        assert sight.seen.scores[:count].tolist() == sight.prediction.detections.scores.tolist()
        return [round(score, 2) for score in sight.prediction.detections.scores.tolist()]

    assert predictor.describe().defaults == own
    for floor in (1.0, 0.05):
        assert scores(floor) == [0.9, 0.6]
        assert scores(floor, max_detections=5) == [0.9, 0.6, 0.3]
        assert scores(floor, confidence=0.4) == [0.9, 0.6]
        assert scores(floor, confidence=0.4, max_detections=5) == [0.9, 0.6, 0.5]
        assert scores(floor, confidence=0.4, max_detections=5, iou=0.7) == [0.9, 0.6]
    # The plane of 0.5 is below its threshold, and seen all the same.
    sight = predictor.look(WHITE, Query(max_detections=5), began=0, floor=0.05)
    assert [round(score, 2) for score in sight.seen.scores.tolist()] == [0.9, 0.6, 0.3, 0.5]


def test_version_of_before_there_were_defaults_is_served_with_the_usual_ones(tmp_path: Path) -> None:
    folder = publish(tmp_path, 1) / "planes"
    for name in ("model.json", "version.json"):
        document = json.loads((folder / "1" / name).read_text())
        del document["defaults"]
        if name == "version.json":
            card = folder / "1" / "model.json"
            document["files"]["model.json"] = {"sha256": file_digest(card), "size": card.stat().st_size}
        (folder / "1" / name).write_text(json.dumps(document))
    pointer = json.loads((folder / "latest.json").read_text())
    pointer["sha256"] = file_digest(folder / "1" / "version.json")
    (folder / "latest.json").write_text(json.dumps(pointer))
    shelf = registry_shelf(tmp_path / "models")
    assert shelf.describe().defaults == Defaults()
    found = shelf.predictor().look(WHITE, Query(), began=0).prediction.detections
    assert [round(score, 2) for score in found.scores.tolist()] == [0.9, 0.6]
