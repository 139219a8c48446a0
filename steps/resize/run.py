"""Shrink on all cores, in order, a few images in memory at a time."""

import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from steps.dataset import Dataset, DatasetWriter, ImageRecord
from steps.resize.contract import ResizeInputs, ResizeOutputs
from steps.resize.shrink import shrink, target_size
from steps.runtime.cores import available_cores
from steps.workspace import Workspace

QUEUE_PER_WORKER = 4


def resize(inputs: ResizeInputs, work: Workspace) -> ResizeOutputs:
    """Write a data set with the same names, in which no image is larger than asked."""
    dataset = Dataset.open(inputs.dataset)
    info = dataset.info
    folder, resized = work.out / "dataset", 0
    with DatasetWriter(folder, classes=info.classes, source=info.source, source_format=info.format) as writer:
        settled = _settled(dataset, writer.images, inputs.max_width, inputs.workers or available_cores())
        for record, changed in work.progress.over(settled, info.images, "images checked"):
            writer.add(record)
            resized += changed
    return ResizeOutputs(dataset=folder, resized=resized)


def _settled(dataset: Dataset, images: Path, longest: int, workers: int) -> Iterator[tuple[ImageRecord, bool]]:
    """Yield every record, in order, when its picture lies in `images`, and whether that picture was shrunk."""
    pending: deque[tuple[Future[ImageRecord] | ImageRecord, bool]] = deque()
    # Threads: OpenCV decodes, shrinks and encodes without holding the interpreter's lock.
    with ThreadPoolExecutor(workers) as pool:
        try:
            for record in dataset.records():
                source, target = dataset.image(record), images / record.file
                size = target_size(record.width, record.height, longest)
                if size:
                    pending.append((pool.submit(shrink, record, size, source, target), True))
                else:
                    _link(source, target)
                    pending.append((record, False))
                if len(pending) > workers * QUEUE_PER_WORKER:
                    yield _finished(*pending.popleft())
            while pending:
                yield _finished(*pending.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _finished(item: Future[ImageRecord] | ImageRecord, changed: bool) -> tuple[ImageRecord, bool]:
    return (item.result() if isinstance(item, Future) else item), changed


def _link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`; a copy where the disks differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
