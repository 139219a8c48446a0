"""Draw pictures on all cores and write them into one zip, in order, as they come."""

import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import cv2

from steps.draw.contract import DrawInputs, DrawOutputs
from steps.draw.scene import CLASSES, draw_scene
from steps.runtime.cores import available_cores
from steps.workspace import Workspace

JPEG_QUALITY = 92
CHUNK = 16
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: a fixed one, so that equal content means equal bytes."""


def draw(inputs: DrawInputs, work: Workspace) -> DrawOutputs:
    """Write the archive."""
    archive = work.out / "archive"
    boxes = 0
    with ZipFile(archive, "w", ZIP_STORED) as zipped:
        names = "".join(f"  {index}: {name}\n" for index, name in enumerate(CLASSES))
        _store(zipped, "data.yaml", f"train: images\nval: images\nnames:\n{names}".encode())
        pictures = work.progress.over(_pictures(inputs), inputs.images, "pictures drawn")
        for index, (jpeg, labels) in enumerate(pictures):
            _store(zipped, f"images/{index:06}.jpg", jpeg)
            _store(zipped, f"labels/{index:06}.txt", labels.encode())
            boxes += labels.count("\n")
    return DrawOutputs(archive=archive, boxes=boxes)


def _pictures(inputs: DrawInputs) -> Iterator[tuple[bytes, str]]:
    """Yield JPEG and label file of each picture in order; few are held at a time."""
    encode = partial(_encode, width=inputs.width, height=inputs.height, seed=inputs.seed)
    workers = inputs.workers or available_cores()
    with ProcessPoolExecutor(workers, initializer=_prepare_worker) as pool:
        window = workers * CHUNK * 4
        for start in range(0, inputs.images, window):
            yield from pool.map(encode, range(start, min(start + window, inputs.images)), chunksize=CHUNK)


def _prepare_worker() -> None:
    """Let the parent alone answer Ctrl-C and SIGTERM, and keep OpenCV from starting threads beside the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)


def _encode(index: int, *, width: int, height: int, seed: int) -> tuple[bytes, str]:
    scene = draw_scene(index, width=width, height=height, seed=seed)
    jpeg = cv2.imencode(".jpg", scene.picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    lines = []
    for label, (left, top, right, bottom) in scene.objects:
        centre = f"{(left + right) / 2 / width:.6f} {(top + bottom) / 2 / height:.6f}"
        lines.append(f"{label} {centre} {(right - left) / width:.6f} {(bottom - top) / height:.6f}\n")
    return jpeg, "".join(lines)


def _store(zipped: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    zipped.writestr(entry, content)
