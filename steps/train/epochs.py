"""Finished epochs, kept so that a kill at any moment costs at most the epoch it fell into."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ATTEMPTS, EPOCH, WRITING = "attempts.json", "epoch.json", ".writing"


@dataclass(frozen=True, slots=True)
class KeptEpoch:
    """A training as it was when an epoch ended.

    Attributes:
        folder: Holds `last.pt`, `best.pt` and `results.csv`.
        number: Epochs done by then.
        best: Number of the epoch that `best.pt` is from.
        finished: Whether it was the last: all were done, or patience ended.
    """

    folder: Path
    number: int
    best: int
    finished: bool

    @property
    def last_weights(self) -> Path:
        """Weights and optimizer at the end of the epoch."""
        return self.folder / "last.pt"

    @property
    def best_weights(self) -> Path:
        """Weights of the best epoch so far."""
        return self.folder / "best.pt"

    @property
    def results(self) -> Path:
        """One row an epoch, from the first on, over all attempts."""
        return self.folder / "results.csv"


class KeptEpochs:
    """The folder that keeps the newest finished epoch of one training. Epochs appear in it by a rename, whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, inputs_digest: str) -> int:
        """Count one more attempt at the training of these inputs and return the count; other inputs start anew."""
        path = self.folder / ATTEMPTS
        try:
            known = json.loads(path.read_bytes())
        except (OSError, ValueError):
            known = {}
        if known.get("inputs") != inputs_digest:
            path.unlink(missing_ok=True)  # First, so that a kill amid the removal is not taken for a known training.
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            known = {"inputs": inputs_digest, "attempts": 0}
        known["attempts"] += 1
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(known), encoding="ascii")
        partial.replace(path)
        return int(known["attempts"])

    def newest(self) -> KeptEpoch | None:
        """Return the newest epoch, or None where none was finished."""
        folder = max(self.folder.glob("epoch-*"), default=None)
        if not folder:
            return None
        told = json.loads((folder / EPOCH).read_bytes())
        return KeptEpoch(folder, number=told["epoch"], best=told["best"], finished=told["finished"])

    @contextmanager
    def keep(self, number: int, *, finished: bool, best: int = 0) -> Iterator[Path]:
        """Lend an empty folder for the files of epoch `number`, and make it the newest epoch when the block ends.

        The block may leave `best.pt` out where the epoch is not the best: the one before is taken over. `best` says
        which epoch a `best.pt` is from where it is not this one.
        """
        before = self.newest()
        partial = self.folder / WRITING
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        best = best or number
        if before and not (partial / "best.pt").exists():
            os.link(before.best_weights, partial / "best.pt")
            best = before.best
        told = {"epoch": number, "best": best, "finished": finished}
        (partial / EPOCH).write_text(json.dumps(told), encoding="ascii")
        partial.rename(self.folder / f"epoch-{number:06}")
        if before:
            shutil.rmtree(before.folder, ignore_errors=True)
