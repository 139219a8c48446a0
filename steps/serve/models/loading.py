"""From an origin to a version that is verified, loaded and warm."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.runtime import ModelCard, verify_files
from steps.runtime.choice import choose
from steps.runtime.golden import IMAGE
from steps.serve.models.origin import Origin
from steps.serve.predictor import Predictor

_GREY = 114


@dataclass(frozen=True, slots=True)
class Loader:
    """How versions are loaded.

    Attributes:
        scratch: Folder for what is fetched; nothing is left there.
        threads: Of a network run; 0 for all cores.
        backend: Name of a format, or `auto` for the one that a short measurement finds fastest.
    """

    scratch: Path
    threads: int = 0
    backend: str = "auto"

    def load(self, origin: Origin, *, like: str = "") -> Predictor:
        """Return the version that `origin` offers: every SHA-256 checked, loaded, and run on its golden image.

        Nothing is measured beside the traffic: where the format `like` is being served, it is taken again if there is one.

        Raises:
            StepError: If there is none, a file is missing or changed, or it does not load or run.
        """
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix=f"{origin.name}-") as place:
            edition, folder = origin.fetch(Path(place))
            card = ModelCard.read(folder)
            verify_files(folder, card)
            known = like if like in card.formats else ""
            chosen = choose(folder, _golden(folder, card), threads=self.threads, format=known or self.backend)
        return Predictor(edition, chosen.detector, chosen.format, chosen.measured_ms)


def _golden(folder: Path, card: ModelCard) -> NDArray[np.uint8]:
    """Return the golden image, or grey in the network's size where a model has none."""
    picture = cv2.imread(str(folder / IMAGE)) if (folder / IMAGE).is_file() else None
    if picture is None:
        return np.full((card.input.height, card.input.width, 3), _GREY, np.uint8)
    return picture.astype(np.uint8, copy=False)
