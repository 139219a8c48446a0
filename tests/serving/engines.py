"""Engines in this process, on models that need no training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steps.registry import Registry
from steps.serve.admission import Admission
from steps.serve.capture.recorder import Capture, NoCapture
from steps.serve.engine import Engine
from steps.serve.models.loading import Loader
from steps.serve.models.origin import FolderOrigin, Origin, RegistryOrigin
from steps.serve.models.shelf import Shelf
from steps.serve.telemetry.metrics import Metrics

WHITE: NDArray[np.uint8] = np.full((64, 64, 3), 255, np.uint8)


def shelf_of(origin: Origin, scratch: Path) -> Shelf:
    """A shelf with the version that `origin` offers."""
    scratch.mkdir(exist_ok=True)
    shelf = Shelf(origin, Loader(scratch, threads=1))
    shelf.load()
    return shelf


def registry_shelf(registry: Path, name: str = "planes", pinned: int = 0) -> Shelf:
    """A shelf with a model of a registry folder."""
    return shelf_of(RegistryOrigin(Registry.open(str(registry)), name, pinned), registry.parent / "scratch")


def folder_shelf(folder: Path) -> Shelf:
    """A shelf with a model folder."""
    return shelf_of(FolderOrigin(folder, "planes"), folder.parent / "scratch")


@contextmanager
def engine_of(
    *shelves: Shelf, capture: Capture | None = None, metrics: Metrics | None = None, deadline_s: float = 30
) -> Iterator[Engine]:
    """An engine with two workers."""
    admission = Admission(workers=2, most_waiting=32, deadline_s=deadline_s)
    try:
        yield Engine(shelves, admission, metrics or Metrics(), capture or NoCapture())
    finally:
        admission.close()
