"""Models to publish, publishers that die, and the one thing that must hold whatever happened."""

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps.registry import Lineage, Manifest, Published, Registry
from steps.store import Store

MODEL = "planes"


def write_model(folder: Path, content: str = "1", size: int = 1000) -> Path:
    """Write a model folder of three files, different for different `content`."""
    for name in ("model.json", "onnx/model.onnx", "golden/image.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.shake_128(f"{name} {content}".encode()).digest(size))
    return folder


def publish(registry: Registry, folder: Path, content: str = "1", run: str = "", size: int = 1000) -> Published:
    """Publish a model of `content` for `run`, as the step does."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "archive.tar"
    archive.write_bytes(b"results of " + content.encode())
    return registry.publish(
        MODEL,
        write_model(folder / "model", content, size),
        Lineage(run=run, parameters={"content": content}),
        archive=archive,
        describe=describe,
    )


def describe(manifest: Manifest) -> str:
    return f"# {manifest.name} {manifest.version}, {manifest.lineage.created}\n"


def check(registry: Registry, known: int = 0) -> tuple[int, list[int]]:
    """Assert the invariant: every complete version is whole, and `latest` names one. Return latest and versions.

    Latest is 0 where there is none. Versions up to `known` were checked before.
    """
    versions = registry.versions(MODEL)
    for number in versions:
        if number <= known:
            continue
        version = registry.resolve(MODEL, number)
        with tempfile.TemporaryDirectory() as folder:
            fetched = registry.fetch(version, Path(folder))
            content = version.manifest.lineage.parameters["content"]
            for path in (path for path in fetched.rglob("*") if path.is_file()):
                name = path.relative_to(fetched).as_posix()
                data = path.read_bytes()
                assert data == hashlib.shake_128(f"{name} {content}".encode()).digest(len(data))
        for name, entry in version.manifest.extras.items():
            data = registry.store.get(f"{MODEL}/{number}/{name}")
            assert hashlib.sha256(data).hexdigest() == entry.sha256
    if not registry.store.exists(f"{MODEL}/latest.json"):
        return 0, versions
    latest = registry.latest(MODEL).number
    assert latest in versions
    return latest, versions


def tagged(registry: Registry) -> list[int]:
    """Return the complete versions that carry the tag."""
    tags = {n: registry.store.tags(f"{MODEL}/{n}/version.json") for n in registry.versions(MODEL)}
    return [number for number, found in tags.items() if found.get("training-run") == "latest"]


def publish_claim_only(registry: Registry, folder: Path, content: str, run: str) -> None:
    """Die right after taking a number."""
    mortal = Mortal(registry.store, lives=1, only={"put_new"}, after=True)
    with pytest.raises(Death):
        publish(Registry(mortal), folder, content, run)


class Death(BaseException):
    """Stands for a kill where the process must go on; `TestKill` does the real thing."""


@dataclass
class Mortal:
    """A store that dies at the call number `lives`, before or after it was done."""

    store: Store
    lives: int
    after: bool = False
    only: set[str] = field(default_factory=set)
    calls: int = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        if name == "url" or (self.only and name not in self.only):
            return method

        def call(*args: Any) -> Any:
            self.calls += 1
            if self.calls == self.lives and not self.after:
                raise Death
            result = method(*args)
            if self.calls == self.lives:
                raise Death
            return result

        return call
