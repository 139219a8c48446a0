"""Ultralytics and OpenVINO, kept offline and quiet."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

PACKAGES = ("ultralytics", "torch", "onnx", "onnxslim", "onnxruntime", "openvino", "numpy", "opencv-python-headless")


def go_offline(folder: Path) -> None:
    """Set this process up so that ultralytics and OpenVINO, imported afterwards, ask no network and touch no home.

    Ultralytics reads its environment at import. `folder` takes its settings, and is made. Checkpoints are loaded as weights
    of known classes only, never as code. Child processes inherit all of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        YOLO_CONFIG_DIR=str(folder),
        MPLCONFIGDIR=str(folder / "matplotlib"),
        YOLO_OFFLINE="true",
        YOLO_AUTOINSTALL="false",
        YOLO_VERBOSE="false",
        ULTRALYTICS_SAFE_LOAD="true",
        WANDB_MODE="disabled",
        NO_ALBUMENTATIONS_UPDATE="1",
    )
    # OpenVINO sends statistics at import, unless its telemetry package cannot be imported.
    sys.modules.setdefault("openvino_telemetry", cast("Any", None))
    # libgomp's threads spin for milliseconds at each of a network's hundreds of barriers before they sleep. Where
    # another process wants the same core, a training took 20 times as long; short spins cost nothing on a calm machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def versions() -> dict[str, str]:
    """Return the versions of the packages that shape a model, those that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
