"""Finished epochs in a store, where a try in another pod finds them when the first one's disk is gone.

Files lie there by their SHA-256; `training.json`, which names them, is written last and whole. Weights are unpickled
when they are loaded: what is not named by a `training.json` of the same inputs, or has another digest, is not touched.
"""

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, StringConstraints, ValidationError

from steps.errors import InputError, StepError
from steps.store import MissingObjectError, Store, open_store
from steps.train.epochs import KeptEpoch, KeptEpochs

DOCUMENT: Final = "training.json"
File = Literal["last.pt", "best.pt", "results.csv"]
FILES: Final[tuple[File, ...]] = ("last.pt", "best.pt", "results.csv")
PLACE: Final = "stored.json"
TRIES: Final = 3
"""How often a download begins anew, because a pod that should be gone has meanwhile saved a newer epoch."""


class Saved(BaseModel, frozen=True, extra="forbid"):
    """What `training.json` says: the inputs it is of, the attempts so far, and the saved epoch; 0 where there is none."""

    inputs: str = ""
    attempts: int = 0
    epoch: int = 0
    best: int = 0
    finished: bool = False
    files: dict[File, Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]] = {}


class Place(BaseModel, frozen=True, extra="forbid"):
    """What the process that trains is told by the one that begins."""

    url: str
    every: int
    saved: Saved


class StoredEpochs:
    """The newest saved epoch of one training, at a URL of its own.

    Args:
        url: Folder or `s3://` URL.
        every: Epochs from one save to the next.
    """

    def __init__(self, url: str, every: int) -> None:
        self._url, self._every = url, every
        self._store: Store = open_store(url)
        self._saved = Saved()

    def begin(self, kept: KeptEpochs, inputs_digest: str, attempts: int) -> int:
        """Bring the saved epoch of these inputs into `kept`, where it is newer, and return the number of this attempt.

        Raises:
            StoreUnavailableError: If the store does not answer: to wait for it costs less than to train again.
        """
        try:
            self._restore(kept, inputs_digest)
            attempts = max(attempts, self._saved.attempts + 1)
            self._write(self._saved.model_copy(update={"inputs": inputs_digest, "attempts": attempts}))
        except InputError as error:
            _tell(f"epochs are not saved to {self._url}: {error}")
            return attempts
        place = Place(url=self._url, every=self._every, saved=self._saved)
        (kept.folder / PLACE).write_text(place.model_dump_json(), encoding="utf-8")
        return attempts

    @classmethod
    def beside(cls, kept: KeptEpochs) -> Self | None:
        """Return the stored epochs that `begin` tied to `kept`, or None: for the process that trains."""
        path = kept.folder / PLACE
        if not path.exists():
            return None
        place = Place.model_validate_json(path.read_bytes())
        stored = cls(place.url, place.every)
        stored._saved = place.saved
        return stored

    def save(self, epoch: KeptEpoch) -> None:
        """Save `epoch` if it is its turn. A store that fails does not end a training: the next turn comes."""
        before = self._saved
        if not epoch.finished and epoch.number - before.epoch < self._every:
            return
        files = {name: _digest(epoch.folder / name) for name in FILES}
        told = {"epoch": epoch.number, "best": epoch.best, "finished": epoch.finished, "files": files}
        new = {digest: name for name, digest in files.items() if digest not in before.files.values()}
        try:
            for digest, name in new.items():
                self._store.upload(epoch.folder / name, f"files/{digest}")
            self._write(before.model_copy(update=told))
            for digest in set(before.files.values()) - set(files.values()):
                self._store.delete(f"files/{digest}")
        except StepError as error:
            _tell(f"epoch {epoch.number} is not saved: {error}")

    def _write(self, saved: Saved) -> None:
        self._store.put(DOCUMENT, saved.model_dump_json(indent=1).encode())
        self._saved = saved

    def _restore(self, kept: KeptEpochs, inputs_digest: str) -> None:
        for _ in range(TRIES):
            try:
                saved = Saved.model_validate_json(self._store.get(DOCUMENT))
            except (MissingObjectError, ValidationError):
                return
            if saved.inputs != inputs_digest:
                return
            self._saved = saved
            newest = kept.newest()
            if not saved.epoch or (newest and newest.number >= saved.epoch):
                return
            try:
                whole = self._download(kept)
            except MissingObjectError:
                continue
            if whole:
                _tell(f"goes on after epoch {saved.epoch}, which an earlier try saved")
                return
            break
        _tell("the saved epoch is not whole: trains from the start")
        self._saved = Saved(attempts=self._saved.attempts)

    def _download(self, kept: KeptEpochs) -> bool:
        """Bring the files into `kept`; tell whether they are the ones that the document names."""
        saved, fetched = self._saved, kept.folder / ".fetched"
        fetched.mkdir(exist_ok=True)
        for name in FILES:
            self._store.download(f"files/{saved.files[name]}", fetched / name)
            if _digest(fetched / name) != saved.files[name]:
                return False
        with kept.keep(saved.epoch, finished=saved.finished, best=saved.best) as folder:
            for name in FILES:
                (fetched / name).rename(folder / name)
        return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tell(text: str) -> None:
    sys.stderr.write(f"train: {text}\n")
