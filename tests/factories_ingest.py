"""Labelled images for tests of the intake: drawn pictures, and the same labels in every format."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from PIL import Image

from steps.dataset import Dataset, ImageRecord
from steps.dataset.issues import Issue
from steps.ingest.archive import unpack
from steps.ingest.contract import IngestInputs, IngestOutputs
from steps.ingest.extraction import Extraction
from steps.ingest.limits import Limits
from steps.ingest.run import ingest
from steps.workspace import Workspace

Files = Mapping[str, object]
"""Path → content, text or bytes."""

WIDTH, HEIGHT = 64, 48


def picture(
    colour: str = "red",
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    mode: str = "RGB",
    kind: str = "JPEG",
    **options: Any,
) -> bytes:
    """A picture with a dark left third, so that turning it shows."""
    image = Image.new("RGB", size, colour)
    image.paste("black", (0, 0, size[0] // 3, size[1]))
    file = io.BytesIO()
    image.convert(mode).save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int, *, size: tuple[int, int] = (WIDTH, HEIGHT), kind: str = "JPEG") -> bytes:
    """A picture whose EXIF says that it must be turned to stand upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(size=size, kind=kind, exif=exif)


def voc(
    *objects: tuple[str, float, float, float, float], filename: str = "", size: tuple[int, int] | None = (WIDTH, HEIGHT)
) -> str:
    """A VOC file with objects `(name, left, top, right, bottom)`."""
    parts = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom in objects
    )
    shape = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    return f"<annotation><filename>{filename}</filename>{shape}{parts}</annotation>"


def coco(
    images: list[dict[str, Any]], annotations: list[dict[str, Any]], names: tuple[str, ...] = ("plane", "heli")
) -> str:
    """A COCO file; images get the size of `picture` unless they have one."""
    return json.dumps(
        {
            "info": {},
            "images": [{"width": WIDTH, "height": HEIGHT} | image for image in images],
            "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
            "annotations": [{"id": number} | item for number, item in enumerate(annotations, 1)],
        }
    )


def region(label: str, x: float, y: float, width: float, height: float, **more: Any) -> dict[str, Any]:
    """A rectangle as Label Studio exports it, in percent."""
    value = {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "rotation": more.pop("rotation", 0),
        "rectanglelabels": [label],
    }
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    return {"type": "rectanglelabels", "value": value, **size, **more}


def task(image: str, *annotations: list[dict[str, Any]] | None) -> dict[str, Any]:
    """A Label Studio task with annotations, the newest last; None is a cancelled one."""
    return {
        "data": {"image": image},
        "annotations": [
            {
                "id": number,
                "was_cancelled": result is None,
                "updated_at": f"2025-01-{number:02}T00:00:00Z",
                "result": result or [],
            }
            for number, result in enumerate(annotations, 1)
        ],
    }


def _as_bytes(content: object) -> bytes:
    return content.encode() if isinstance(content, str) else cast("bytes", content)


def write_tree(folder: Path, files: Files) -> Path:
    """Write `files` below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_as_bytes(content))
    return folder


def write_zip(path: Path, files: Files) -> Path:
    """Write `files` to a zip at `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, _as_bytes(content))
    return path


def write_tar(path: Path, files: Files) -> Path:
    """Write `files` to a tar at `path`, packed where its name ends in `gz`."""
    with tarfile.open(path, "w:gz" if path.suffix.endswith("gz") else "w") as archive:
        for name, content in files.items():
            data = _as_bytes(content)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@dataclass(frozen=True)
class Intake:
    """What a run of the step left behind."""

    outputs: IngestOutputs
    dataset: Dataset
    report: dict[str, Any]

    @property
    def records(self) -> dict[str, ImageRecord]:
        """Records by file name."""
        return {record.file: record for record in self.dataset.records()}

    @property
    def boxes(self) -> dict[str, list[tuple[str, tuple[float, float, float, float]]]]:
        """Class names and boxes by file name."""
        classes = self.dataset.info.classes
        return {file: [(classes[box.label], box.xyxy) for box in record.boxes] for file, record in self.records.items()}

    def issues(self, code: str) -> list[tuple[str, int | None, str]]:
        """File, row and what was found of every issue with `code`."""
        return [(item["file"], item["row"], item["found"]) for item in self.report["issues"] if item["code"] == code]


def take_in(tmp_path: Path, source: Files | Path | str, **parameters: Any) -> Intake:
    """Run the step on files, or on a path or address, with one process."""
    number = len(list(tmp_path.glob("run-*")))
    run = tmp_path / f"run-{number}"
    (run / "out").mkdir(parents=True)
    (run / "state").mkdir()
    place = source if isinstance(source, Path | str) else write_tree(run / "source", source)
    inputs = IngestInputs(source=str(place), **({"workers": 1} | parameters))
    outputs = ingest(inputs, Workspace(out=run / "out", state=run / "state"))
    report = json.loads((outputs.intake / "intake.json").read_text(encoding="utf-8"))
    return Intake(outputs, Dataset.open(outputs.dataset), report)


SOUND: Files = {"a.jpg": picture(), "a.txt": "0 0.5 0.5 0.2 0.2", "classes.txt": "plane\n"}
"""One labelled image, in YOLO's layout."""


def silent(*_: object) -> None:
    """Report nothing."""


def open_archive(path: Path, into: Path, *, entries: int = 1000, size: int = 10**8, ratio: int = 100) -> list[Issue]:
    """Unpack the archive at `path` within limits, and return what was noted."""
    issues: list[Issue] = []
    unpack(path, Extraction(into, Limits(entries, size, ratio), issues.append, silent))
    return issues


def files_in(folder: Path) -> list[str]:
    """Every file below `folder`, as a relative path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
