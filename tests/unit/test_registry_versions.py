"""What the registry promises. `tests/cluster` runs the same class on the real MinIO."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from steps.errors import InputError, ModelError, ParameterError, RegistryError, StoreUnavailableError
from steps.registry import Lineage, Manifest, Registry
from steps.store import open_store
from tests.factories_registry import MODEL, check, describe, publish, publish_claim_only, tagged, write_model
from tests.factories_store import EVERYDAY, make_place

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=EVERYDAY)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place(request.param, tmp_path, monkeypatch)


@pytest.fixture
def registry(place: str) -> Registry:
    return Registry.open(place)


class TestVersions:
    def test_a_version_is_whole_and_latest_when_published(self, registry: Registry, tmp_path: Path, place: str) -> None:
        first, second = (publish(registry, tmp_path, content) for content in "12")
        assert (first.manifest.version, first.manifest.previous, first.tagged) == (1, None, True)
        assert (second.manifest.version, second.manifest.previous, second.tagged) == (2, 1, True)
        assert first.url == f"{place}/planes/1"
        assert check(registry) == (2, [1, 2])
        assert tagged(registry) == [2]
        pointer = json.loads(registry.store.get("planes/latest.json"))
        assert pointer == {"version": 2, "url": f"{place}/planes/2", "sha256": registry.latest(MODEL).sha256}
        assert registry.store.get("planes/1/README.md").startswith(b"# planes 1, 20")
        assert sorted(entry.key for entry in registry.store.list("planes/1/")) == sorted(
            f"planes/1/{name}"
            for name in (
                "README.md",
                "claim.json",
                "golden/image.jpg",
                "model.json",
                "onnx/model.onnx",
                "results.tar",
                "version.json",
            )
        )
        assert registry.names() == [MODEL]

    def test_fetch_gives_the_model_alone_when_asked(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path / "a")
        for _ in range(2):  # What an earlier fetch left is replaced, not trusted.
            folder = registry.fetch(registry.resolve(MODEL, 1), tmp_path / "b")
            assert folder == tmp_path / "b/planes-1"
            names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
            assert names == {"model.json", "onnx/model.onnx", "golden/image.jpg"}
            (folder / "model.json").write_bytes(b"changed")
            (folder / "stray").write_bytes(b"")

    def test_fetch_refuses_when_a_file_was_changed_or_lost(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path / "a")
        version = registry.latest(MODEL)
        registry.store.put("planes/1/onnx/model.onnx", b"changed")
        with pytest.raises(
            ModelError, match=r"onnx/model.onnx has sha256 [0-9a-f]{64}, but [0-9a-f]{64} was published"
        ):
            registry.fetch(version, tmp_path / "b")
        registry.store.delete("planes/1/onnx/model.onnx")
        with pytest.raises(ModelError, match=r"onnx/model\.onnx is missing"):
            registry.fetch(version, tmp_path / "b")
        assert list((tmp_path / "b").iterdir()) == []

    def test_latest_refuses_when_the_manifest_was_changed(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path)
        registry.store.put("planes/1/version.json", registry.store.get("planes/1/version.json") + b" ")
        with pytest.raises(RegistryError, match=r"latest.json names [0-9a-f]{64}"):
            registry.latest(MODEL)

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"version": 0}', b"\xff\xfe"])
    def test_damage_is_named_when_a_document_is_none(self, registry: Registry, tmp_path: Path, data: bytes) -> None:
        publish(registry, tmp_path)
        registry.store.put("planes/1/version.json", data)
        with pytest.raises(RegistryError, match=r"version.json is damaged"):
            registry.resolve(MODEL, 1)
        registry.store.put("planes/latest.json", data)
        with pytest.raises(RegistryError, match=r"latest.json is damaged"):
            registry.latest(MODEL)
        with pytest.raises(RegistryError, match=r"latest.json is damaged"):
            publish(registry, tmp_path, "2")

    def test_what_there_is_is_told_when_nothing_is_found(self, registry: Registry, tmp_path: Path) -> None:
        with pytest.raises(RegistryError, match=r"(?s)no model 'planes'.*publish a model first"):
            registry.latest(MODEL)
        assert registry.versions(MODEL) == []
        assert registry.names() == []
        publish(registry, tmp_path)
        with pytest.raises(RegistryError, match=r"(?s)no model 'plane' .*did you mean 'planes'"):
            registry.resolve("plane", 3)
        with pytest.raises(RegistryError, match=r"(?s)no version 7 of 'planes'.*the complete versions are: 1"):
            registry.resolve(MODEL, 7)
        with pytest.raises(ParameterError, match="not a model's name"):
            registry.latest("../planes")

    def test_a_run_keeps_its_number_when_it_comes_back(self, registry: Registry, tmp_path: Path) -> None:
        first = publish(registry, tmp_path, "1", run="run-1")
        assert publish(registry, tmp_path, "1", run="run-1").manifest == first.manifest
        assert publish(registry, tmp_path, "2", run="run-1").manifest.version == 2
        assert publish(registry, tmp_path, "1", run="run-2").manifest.version == 3
        assert publish(registry, tmp_path, "1", run="run-1").manifest.version == 1
        assert check(registry) == (3, [1, 2, 3])
        assert tagged(registry) == [3]
        assert [publish(registry, tmp_path, "1").manifest.version for _ in range(2)] == [4, 5]

    def test_a_complete_version_stays_as_it_is_when_it_was_changed_and_its_run_comes_back(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        publish(registry, tmp_path, "1", run="run-1")
        registry.store.put("planes/1/model.json", b"changed")
        with pytest.raises(RegistryError, match=r"model\.json was changed after it was published"):
            publish(registry, tmp_path, "1", run="run-1")
        assert registry.store.get("planes/1/model.json") == b"changed"

    def test_numbers_are_distinct_and_latest_the_highest_when_many_publish_at_once(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        def work(number: int) -> int:
            return publish(registry, tmp_path / str(number), str(number)).manifest.version

        with ThreadPoolExecutor(4) as pool:
            numbers = list(pool.map(work, range(8)))
        assert sorted(numbers) == list(range(1, 9))
        assert check(registry) == (8, list(range(1, 9)))
        assert tagged(registry) == [8]

    def test_one_run_gets_one_number_when_its_step_runs_twice_at_once(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path, "0")
        publish_claim_only(registry, tmp_path, "1", run="run-1")

        def work(number: int) -> int:
            return publish(registry, tmp_path / str(number), "1", run="run-1").manifest.version

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(work, range(3))) == [2] * 3
        assert check(registry) == (2, [1, 2])


def test_a_store_is_refused_when_it_ignores_conditions(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "place"))

    @dataclass
    class Careless:
        ignored: str

        def __getattr__(self, name: str) -> Any:
            return self.write if name == self.ignored else getattr(store, name)

        def write(self, key: str, data: bytes, _condition: str = "") -> bool:
            store.put(key, data)
            return True

    for ignored in ("put_new", "put_if"):
        with pytest.raises(RegistryError, match="ignores conditional writes"):
            publish(Registry(Careless(ignored)), tmp_path)


def test_a_lost_answer_takes_no_second_number_when_the_claim_was_written(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "place"))

    class Forgetful:
        first = True

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def put_new(self, key: str, data: bytes) -> bool:
            written, self.first = store.put_new(key, data) and not self.first, False
            return written

    assert publish(Registry(Forgetful()), tmp_path).manifest.version == 1


def test_publishing_fails_when_the_store_holds_other_bytes_than_were_sent(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "place"))

    class Lossy:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def upload(self, path: Path, key: str) -> None:
            store.put(key, path.read_bytes()[:-1])

    with pytest.raises(StoreUnavailableError, match="holds other bytes"):
        publish(Registry(Lossy()), tmp_path)
    assert check(Registry(store)) == (0, [])


@pytest.mark.parametrize("name", ["claim.json", "version.json", "README.md", "results.tar", "link", ".store-x"])
def test_a_model_folder_is_refused_when_it_holds_what_may_not_be_published(name: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / name).symlink_to("model.json") if name == "link" else (folder / name).write_text("")
    (tmp_path / "a").write_text("")
    with pytest.raises(InputError):
        Registry.open(str(tmp_path / "place")).publish(
            MODEL, folder, Lineage(), archive=tmp_path / "a", describe=describe
        )
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../b", "a\0b", ""])
def test_a_manifest_is_refused_when_a_file_would_leave_the_folder(name: str) -> None:
    entry = {"sha256": "0" * 64, "size": 1}
    text = json.dumps({"name": "x", "version": 1, "previous": None, "lineage": {}, "files": {name: entry}})
    with pytest.raises((ValidationError, InputError)):
        Manifest.model_validate_json(text)
