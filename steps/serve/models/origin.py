"""Where the versions of one model come from: a registry, or one folder."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from steps.errors import ModelError
from steps.registry import Lineage, Manifest, Registry
from steps.registry.manifest import MANIFEST
from steps.registry.pointer import read_pointer
from steps.runtime import file_digest
from steps.runtime.card import CARD


@dataclass(frozen=True, slots=True)
class Edition:
    """What identifies the version of a model, wherever it lies.

    Attributes:
        name: Of the model.
        number: Of the version; 0 for a folder that was never published.
        url: Where it lies.
        sha256: Of `version.json`, or of `model.json` where there is none.
        lineage: Where it came from.
    """

    name: str
    number: int
    url: str
    sha256: str
    lineage: Lineage


class Origin(Protocol):
    """Offers the version to serve. All errors are `StepError`: temporary where the store does not answer."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def moves(self) -> bool:
        """Whether the version to serve may become another one."""

    def offer(self) -> str:
        """Return the `sha256` of the edition that is to be served. Cheap enough to be asked every few seconds."""

    def fetch(self, into: Path) -> tuple[Edition, Path]:
        """Bring the version to serve below `into`, each file with the SHA-256 that was published; return its folder."""


@dataclass(frozen=True, slots=True)
class RegistryOrigin:
    """A model of a registry: the version that its pointer names, or one that is pinned."""

    registry: Registry
    name: str
    pinned: int = 0

    @property
    def moves(self) -> bool:
        """A pinned version stays."""
        return not self.pinned

    def offer(self) -> str:
        """Read the pointer."""
        pointer = read_pointer(self.registry.store, self.name)
        if pointer is None or self.pinned:
            return self.registry.resolve(self.name, self.pinned).sha256  # or say what there is instead
        return pointer.sha256

    def fetch(self, into: Path) -> tuple[Edition, Path]:
        """Fetch from the store."""
        version = self.registry.resolve(self.name, self.pinned)
        edition = Edition(version.name, version.number, version.url, version.sha256, version.manifest.lineage)
        return edition, self.registry.fetch(version, into)


@dataclass(frozen=True, slots=True)
class FolderOrigin:
    """A model folder, as KServe's storage initializer leaves one in /mnt/models, or as `export` wrote it.

    What came out of a registry has a `version.json`, whose checksums count: the initializer verifies none.
    """

    folder: Path
    name: str
    moves = False

    def offer(self) -> str:
        """Hash the file that names the others."""
        return next(
            (file_digest(self.folder / name) for name in (MANIFEST, CARD) if (self.folder / name).is_file()), ""
        )

    def fetch(self, into: Path) -> tuple[Edition, Path]:  # noqa: ARG002
        """Verify the folder where it is."""
        path = self.folder / MANIFEST
        if not path.is_file():
            return Edition(self.name, 0, str(self.folder), self.offer(), Lineage()), self.folder
        data = path.read_bytes()
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError as error:
            raise ModelError(f"{path} is damaged: {error.errors()[0]['msg']}", hint="fetch the version again") from None
        for relative, entry in manifest.files.items():
            file = self.folder / relative
            found = file_digest(file) if file.is_file() else "nothing"
            if found != entry.sha256:
                raise ModelError(
                    f"{file} has sha256 {found}, but {entry.sha256} was published",
                    hint="the folder is incomplete or was changed: fetch the version again",
                )
        digest = hashlib.sha256(data).hexdigest()
        return Edition(self.name, manifest.version, str(self.folder), digest, manifest.lineage), self.folder
