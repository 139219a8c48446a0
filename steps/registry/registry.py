"""A registry: find, read and check versions, and publish new ones."""

import difflib
import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from steps.errors import ModelError, ParameterError, RegistryError
from steps.registry.manifest import MANIFEST, FileEntry, Lineage, Manifest, Pointer, Rollback
from steps.registry.pointer import move_tag, read_pointer, roll_back
from steps.registry.publication import Publication, Published
from steps.runtime.defaults import Defaults
from steps.store import MissingObjectError, Store, open_store

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Version:
    """One complete version of a model."""

    manifest: Manifest
    url: str

    sha256: str
    """Of its `version.json`."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def number(self) -> int:
        """The version's number, from 1 on."""
        return self.manifest.version


@dataclass(frozen=True, slots=True)
class Registry:
    """Models by name and version, in a store."""

    store: Store

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the registry at `url`: `s3://bucket/prefix`, or a folder. An empty place is an empty registry."""
        return cls(open_store(url))

    def publish(
        self,
        name: str,
        folder: Path,
        lineage: Lineage,
        *,
        archive: Path,
        describe: Callable[[Manifest], str],
        defaults: Defaults | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> Published:
        """Give the model in `folder` the next number of `name`; see `Publication`, which this makes and runs."""
        _check_name(name)
        publication = Publication(self.store, name, folder, archive, lineage, describe, defaults, progress or _silent)
        return publication.publish()

    def names(self) -> list[str]:
        """Return the names of the models that have a latest version, sorted."""
        try:
            keys = [entry.key for entry in self.store.list()]
        except MissingObjectError:
            return []
        return sorted(key.removesuffix("/latest.json") for key in keys if re.fullmatch(r"[^/]+/latest\.json", key))

    def versions(self, name: str) -> list[int]:
        """Return the numbers of the complete versions of `name`, sorted; none if there is no such model."""
        _check_name(name)
        pattern = re.compile(rf"{re.escape(name)}/([0-9]+)/{re.escape(MANIFEST)}")
        try:
            found = [pattern.fullmatch(entry.key) for entry in self.store.list(f"{name}/")]
        except MissingObjectError:
            return []
        return sorted(int(match[1]) for match in found if match)

    def latest(self, name: str) -> Version:
        """Return the version that `latest` of `name` names.

        Raises:
            RegistryError: If there is none, or its manifest is not the one that the pointer names.
        """
        _check_name(name)
        pointer = read_pointer(self.store, name)
        if not pointer:
            raise self._unknown(name)
        version = self._read(name, pointer.version)
        if version.sha256 != pointer.sha256:
            raise RegistryError(
                f"{version.url}/{MANIFEST} has sha256 {version.sha256}, but latest.json names {pointer.sha256}",
                hint="the version was changed after it was published: publish anew",
            )
        return version

    def resolve(self, name: str, version: int = 0) -> Version:
        """Return a version of `name`; 0 is the latest.

        Raises:
            RegistryError: If there is no such model or version, or it was never completed.
        """
        if not version:
            return self.latest(name)
        _check_name(name)
        return self._read(name, version)

    def before(self, version: Version) -> Version:
        """Return the version that `latest` named when `version` took its number.

        Raises:
            RegistryError: If it was the first.
        """
        if version.manifest.previous is None:
            raise RegistryError(
                f"version {version.number} of {version.name!r} is the first: there was none before",
                hint=f"name the version; there are: {', '.join(map(str, self.versions(version.name)[-20:]))}",
            )
        return self._read(version.name, version.manifest.previous)

    def roll_back(self, version: Version, reason: str = "") -> Pointer:
        """Let `latest` name `version`, in one conditional write that also keeps that, when and why it was done.

        What is published afterwards moves `latest` on as ever; a publisher that was under way and comes late does not.

        Raises:
            StoreUnavailableError: If others move it all the time.
        """
        left = read_pointer(self.store, version.name)
        pointer = Pointer(version=version.number, url=version.url, sha256=version.sha256)
        moved = roll_back(self.store, version.name, pointer, reason)
        move_tag(self.store, version.name, version.number, left=left.version if left else None)
        return moved

    def rollbacks(self, name: str) -> tuple[Rollback, ...]:
        """Return the last rollbacks of `name`, the newest first."""
        _check_name(name)
        pointer = read_pointer(self.store, name)
        return pointer.rollbacks if pointer else ()

    def fetch(self, version: Version, into: Path) -> Path:
        """Download the model of `version` to the folder `into/NAME-NUMBER` and return that folder.

        It appears when every file's SHA-256 was checked; what was there before is replaced.

        Raises:
            ModelError: If a file is missing from the version, or is not the one that was published.
        """
        folder = into / f"{version.name}-{version.number}"
        partial = into / f".{folder.name}.part"
        for left_over in (partial, folder):
            shutil.rmtree(left_over, ignore_errors=True)
        try:
            for name, entry in version.manifest.files.items():
                self._fetch_file(version, name, entry, partial / name)
            return partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _fetch_file(self, version: Version, name: str, entry: FileEntry, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.store.download(f"{version.name}/{version.number}/{name}", path)
        except MissingObjectError:
            raise ModelError(f"{version.url}/{name} is missing", hint="use another version, or publish anew") from None
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != entry.sha256:
            raise ModelError(
                f"{version.url}/{name} has sha256 {found}, but {entry.sha256} was published",
                hint="the file was changed or damaged: use another version, or publish anew",
            )

    def _read(self, name: str, number: int) -> Version:
        base = f"{name}/{number}"
        try:
            data = self.store.get(f"{base}/{MANIFEST}")
        except MissingObjectError:
            versions = self.versions(name)
            if not versions:
                raise self._unknown(name) from None
            raise RegistryError(
                f"no version {number} of {name!r} in {self.store.url()}",
                hint=f"the complete versions are: {', '.join(map(str, versions[-20:]))}",
            ) from None
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError as error:
            raise RegistryError(
                f"{self.store.url(base)}/{MANIFEST} is damaged: {error.errors()[0]['msg']}",
                hint="use another version, or publish anew",
            ) from None
        if (manifest.name, manifest.version) != (name, number):
            raise RegistryError(
                f"{self.store.url(base)}/{MANIFEST} is that of version {manifest.version} of {manifest.name!r}",
                hint="versions are not copied by hand: publish anew",
            )
        return Version(manifest, self.store.url(base), hashlib.sha256(data).hexdigest())

    def _unknown(self, name: str) -> RegistryError:
        names = self.names()
        near = difflib.get_close_matches(name, names, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        there = f"it has: {', '.join(names[:20])}" if names else "it is empty: publish a model first"
        return RegistryError(f"no model {name!r} in the registry {self.store.url()}", hint=f"{guess}{there}")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ParameterError(
            f"not a model's name: {name[:80]!r}",
            hint="1 to 63 lower-case letters, digits, `.`, `_` and `-`, first and last a letter or digit",
        )


def _silent(_done: int, _total: int, _message: str) -> None:
    """Report nothing."""
