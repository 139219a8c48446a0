"""Versions that can be told apart by any of their boxes, and versions that must never answer."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from steps.registry import Lineage, Registry, Version
from steps.runtime import ModelCard, file_digest
from tests.bench.soak_ledger import SIDE, Seen, Truth, row
from tests.factories_model import Fixed, write_model

NAME = "planes"
_RUN = "soak-"


def side_of(serial: int) -> int:
    """Return the side of the network's input, pixels: neighbours differ."""
    return SIDE if serial % 2 else SIDE * 3 // 2


def classes_of(serial: int) -> tuple[str, str]:
    """Return the class names."""
    return f"plane-{serial % 4}", f"helicopter-{serial % 4}"


def boxes_of(serial: int) -> list[Fixed]:
    """Return the boxes, in pixels of the input; the first one's place is that of no other serial below 576."""
    x, y, scale = serial % 24, serial // 24 % 24, side_of(serial) / SIDE
    places = [((x, y, x + 24, y + 24), serial % 2, 0.9), ((40, 40, 60, 60), serial // 2 % 2, 0.6)]
    return [
        Fixed((x1 * scale, y1 * scale, x2 * scale, y2 * scale), label, score)
        for (x1, y1, x2, y2), label, score in places[: 1 + bool(serial % 3)]
    ]


def rows_of(serial: int) -> Seen:
    """Return what is seen on any picture with a white pixel."""
    names = classes_of(serial)
    return tuple(row(names[box.label], box.xyxy, side_of(serial)) for box in boxes_of(serial))


@dataclass
class Shop:
    """Publishes versions.

    Attributes:
        registry: Where to.
        scratch: Folder for models on their way.
        serial: Of the last version that was made; a version's number may be higher, its content is that of its serial.
    """

    registry: Registry
    scratch: Path
    serial: int = 0
    good: list[Version] = field(default_factory=list)
    broken: dict[str, Version] = field(default_factory=dict)

    def make(self) -> int:
        """Return the serial of a new model, whose folder is then there to be published."""
        self.serial += 1
        self._write(self.serial)
        return self.serial

    def publish(self, serial: int) -> Version:
        """Publish the model of `serial`. Again with the same one, it goes on where it was interrupted."""
        version = self._publish(self.scratch / str(serial), f"{_RUN}{serial}")
        self.good.append(version)
        shutil.rmtree(self.scratch / str(serial))
        return version

    def publish_broken(self) -> None:
        """Publish one version of each kind that must not be served, and a good one after them."""
        for reason in ("changed", "missing", "manifest", "no network", "other output", "tensors outside"):
            folder = self.scratch / str(self.make())
            card, path = ModelCard.read(folder), folder / "onnx" / "model.onnx"
            if reason == "no network":
                path.write_bytes(b"no network")
            elif reason == "other output":
                card = card.model_copy(update={"classes": ("a", "b", "c", "d")})
            elif reason == "tensors outside":
                onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0)
            names = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
            files = {name: file_digest(folder / name) for name in names if name != "model.json"}
            card.model_copy(update={"files": files}).write(folder)
            version = self._publish(folder, f"broken: {reason}")
            base, store = f"{NAME}/{version.number}", self.registry.store
            if reason == "changed":
                store.put(f"{base}/onnx/model.onnx", path.read_bytes()[:-1] + b"\0")
            elif reason == "missing":
                store.delete(f"{base}/onnx/model.onnx")
            elif reason == "manifest":
                store.put(f"{base}/version.json", store.get(f"{base}/version.json") + b"\n")
            self.broken[reason] = version
        self.publish(self.make())

    def truth(self) -> dict[int, Truth]:
        """Return what every good version answers, by its number in the registry.

        A publisher that was cut off may have moved the pointer without knowing it: so the registry is asked.
        """
        found = {}
        for number in self.registry.versions(NAME):
            version = self.registry.resolve(NAME, number)
            run = version.manifest.lineage.run
            if run.startswith(_RUN):
                serial = int(run.removeprefix(_RUN))
                found[number] = Truth(rows_of(serial), classes_of(serial), side_of(serial), version.sha256)
        return found

    def _write(self, serial: int) -> None:
        folder = write_model(self.scratch / str(serial), size=side_of(serial), boxes=boxes_of(serial))
        ModelCard.read(folder).model_copy(update={"classes": classes_of(serial)}).write(folder)

    def _publish(self, folder: Path, run: str) -> Version:
        archive = self.scratch / "results.tar"
        archive.write_bytes(b"")
        published = self.registry.publish(
            NAME, folder, Lineage(run=run), archive=archive, describe=lambda _manifest: "a soak"
        )
        return self.registry.resolve(NAME, published.manifest.version)
