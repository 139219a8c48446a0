import asyncio
import gc
import logging
import threading
from pathlib import Path

import pytest

from steps.serve.service import ImageSizeError, Picture, Query
from tests.factories_model import publish_model, write_model
from tests.serving.engines import WHITE, engine_of, registry_shelf
from tests.serving.test_models import ONE, publish


def damage(registry: Path, version: int) -> Path:
    path = registry / "planes" / str(version) / "onnx" / "model.onnx"
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return path


def test_former_version_answers_again_when_the_pointer_was_rolled_back(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    pointer = (registry / "planes" / "latest.json").read_bytes()
    publish(tmp_path, 2, ONE)
    shelf = registry_shelf(registry)
    (registry / "planes" / "latest.json").write_bytes(pointer)
    assert (shelf.refresh(), shelf.describe().version) == ("loaded", 1)


def test_former_version_leaves_memory_at_once_when_its_last_request_was_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shelf = registry_shelf(publish(tmp_path, 1))
    publish(tmp_path, 2, ONE)

    def refuse() -> Picture:
        raise ImageSizeError(1, (2,))

    async def ask() -> None:
        with pytest.raises(ImageSizeError):
            await engine.predict([refuse], Query())
        await engine.predict([WHITE], Query())

    gc.disable()  # What only the collector finds may stay for hours.
    try:
        with engine_of(shelf) as engine:
            asyncio.run(ask())
            assert shelf.refresh() == "loaded"
            assert "model_drained" in caplog.text
    finally:
        gc.enable()


def test_old_version_goes_on_when_the_new_one_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    registry = publish(tmp_path, 1)
    shelf = registry_shelf(registry)
    publish(tmp_path, 2, ONE)
    path = damage(registry, 2)
    assert shelf.refresh() == "failed"
    info = shelf.describe()
    assert (info.version, info.state) == (1, "stale")
    assert f"{path} has sha256" in info.reason
    assert "model_failed" in caplog.text
    assert shelf.refresh() == "unchanged"  # It is left alone for a while,
    publish(tmp_path, 3, ONE)
    assert shelf.refresh() == "loaded"  # but a newer one is taken at once.
    assert (shelf.describe().version, shelf.describe().state) == (3, "ready")


def test_version_is_ready_again_when_the_pointer_leaves_the_damaged_one(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    pointer = (registry / "planes" / "latest.json").read_bytes()
    shelf = registry_shelf(registry)
    publish(tmp_path, 2, ONE)
    damage(registry, 2)
    shelf.refresh()
    (registry / "planes" / "latest.json").write_bytes(pointer)
    assert (shelf.refresh(), shelf.describe().state) == ("unchanged", "ready")


def test_server_says_it_again_when_the_pointer_comes_back_to_a_version_that_failed(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    pointer = registry / "planes" / "latest.json"
    first = pointer.read_bytes()
    shelf = registry_shelf(registry)
    publish(tmp_path, 2, ONE)
    second = pointer.read_bytes()
    damage(registry, 2)
    for content, state in ((second, "stale"), (first, "ready"), (second, "stale")):
        pointer.write_bytes(content)
        shelf.refresh()
        assert shelf.describe().state == state


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": "latest"}', None])
def test_version_goes_on_and_says_so_when_the_pointer_is_damaged_or_gone(tmp_path: Path, content: bytes | None) -> None:
    registry = publish(tmp_path, 1)
    pointer = registry / "planes" / "latest.json"
    first = pointer.read_bytes()
    shelf = registry_shelf(registry)
    pointer.unlink()
    if content is not None:
        pointer.write_bytes(content)
    assert (shelf.refresh(), shelf.describe().state, shelf.describe().version) == ("failed", "stale", 1)
    pointer.write_bytes(first)
    assert (shelf.refresh(), shelf.describe().state) == ("unchanged", "ready")


def test_request_is_answered_by_the_version_it_was_checked_against_when_it_waited_through_a_swap(
    tmp_path: Path,
) -> None:
    shelf = registry_shelf(publish(tmp_path, 1))
    publish_model(tmp_path / "models", write_model(tmp_path / "planes-2", boxes=ONE, size=96))
    began, swapped = threading.Event(), threading.Event()

    def hold() -> Picture:
        began.set()
        assert swapped.wait(30)
        return WHITE

    async def ask() -> None:
        before = [asyncio.create_task(engine.predict([hold], Query())) for _ in range(2)]  # Both workers are busy.
        waiting = asyncio.create_task(engine.predict([WHITE], Query(image_size=64)))
        await asyncio.to_thread(began.wait, 30)
        assert shelf.refresh() == "loaded"
        swapped.set()
        assert {one.version for task in (*before, waiting) for one in await task} == {1}
        with pytest.raises(ImageSizeError):
            await engine.predict([WHITE], Query(image_size=64))

    with engine_of(shelf) as engine:
        asyncio.run(ask())
