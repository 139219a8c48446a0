"""Publish a version: take a number, bring the files, check them, close the version, move `latest`. In this order."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from steps.errors import RegistryError, StoreUnavailableError
from steps.registry.manifest import (
    ARCHIVE,
    CLAIM,
    MANIFEST,
    README,
    Claim,
    FileEntry,
    Lineage,
    Manifest,
    Pointer,
    describe_folder,
    digest_of,
)
from steps.registry.pointer import move_pointer, move_tag, read_pointer
from steps.runtime.defaults import Defaults
from steps.store import MissingObjectError, Store

_RECENT = 16
"""Numbers, newest first, among which a run that comes back looks for its own: a retry follows soon."""

_TRIES = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A version that is complete, and what became of the pointer."""

    manifest: Manifest
    url: str

    tagged: bool
    """Whether the tag for people was moved; some stores have none."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One model on its way into the registry.

    Attributes:
        store: The registry's store.
        name: The model's name.
        folder: The model's files.
        archive: Results archive.
        lineage: Where it came from; `created` is set here.
        describe: Writes the model card, given the manifest without `extras`. The same manifest gives the same text.
        defaults: What it is served with, for the manifest.
        progress: Called as `progress(done, total, message)` after each file.
    """

    store: Store
    name: str
    folder: Path
    archive: Path
    lineage: Lineage
    describe: Callable[[Manifest], str]
    defaults: Defaults | None = None
    progress: Callable[[int, int, str], None] = field(default=lambda _done, _total, _message: None)

    def publish(self) -> Published:
        """Publish, and return the version, which `latest` then names unless a higher one is complete already.

        Killed at any moment, it leaves `latest` as it was or on a complete, checked version. Called again by the same
        run (`lineage.run`, not empty) with the same content it goes on under the number it took, and if that version
        is complete, returns it. Otherwise it takes a new number, and the unfinished one stays unused.

        Raises:
            RegistryError: If the model folder may not be published, or the store ignores conditional writes.
            StoreUnavailableError: If the store does not answer, or returns other bytes than it was given.
        """
        files = describe_folder(self.folder)
        archive = FileEntry.of(self.archive)
        content = digest_of(
            self.lineage, archive, *(text for name, entry in files.items() for text in (name, entry.sha256))
        )
        numbers = numbers_of(self.store, self.name)
        number, claim = self._find_claim(numbers, content) or self._claim(numbers, content)
        lineage = self.lineage.model_copy(update={"created": claim.created})
        manifest = Manifest(
            name=self.name,
            version=number,
            previous=claim.previous,
            lineage=lineage,
            files=files,
            defaults=self.defaults,
        )
        card = self.describe(manifest).encode()
        readme = FileEntry(sha256=hashlib.sha256(card).hexdigest(), size=len(card))
        manifest = manifest.model_copy(update={"extras": {README: readme, ARCHIVE: archive}})
        self._bring(manifest, card)
        self._close(manifest)
        base = f"{self.name}/{number}"
        digest = hashlib.sha256(manifest.to_bytes()).hexdigest()
        moved = move_pointer(self.store, self.name, Pointer(version=number, url=self.store.url(base), sha256=digest))
        tagged = moved and move_tag(self.store, self.name, number, left=claim.previous)
        return Published(manifest, self.store.url(base), tagged)

    def _find_claim(self, numbers: list[int], content: str) -> tuple[int, Claim] | None:
        if not self.lineage.run:
            return None
        for number in reversed(numbers[-_RECENT:]):
            claim = _read_claim(self.store, f"{self.name}/{number}/{CLAIM}")
            if claim and (claim.run, claim.content) == (self.lineage.run, content):
                return number, claim
        return None

    def _claim(self, numbers: list[int], content: str) -> tuple[int, Claim]:
        pointer = read_pointer(self.store, self.name)
        claim = Claim(
            token=uuid4().hex,
            run=self.lineage.run,
            content=content,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            previous=pointer.version if pointer else None,
        )
        first = (numbers[-1] if numbers else 0) + 1
        for number in range(first, first + _TRIES):
            key = f"{self.name}/{number}/{CLAIM}"
            # A claim whose answer got lost looks like somebody else's, until it is read.
            if self.store.put_new(key, claim.to_bytes()) or _read_claim(self.store, key) == claim:
                self._require_conditions(key, claim)
                return number, claim
        raise StoreUnavailableError(
            f"no free number for {self.name!r} from {first} on: too many publishers at once", hint="try again"
        )

    def _require_conditions(self, key: str, claim: Claim) -> None:
        """Refuse a store that ignores conditions: two publishers would share a number there, and none would notice."""
        data = claim.to_bytes()
        if self.store.put_new(key, data) or self.store.put_if(key, data, f'"{"0" * 32}"'):
            raise RegistryError(
                f"the store at {self.store.url()} ignores conditional writes (If-None-Match, If-Match)",
                hint="use a store that has them: Amazon S3, MinIO, Ceph from Tentacle on, or a folder",
            )

    def _bring(self, manifest: Manifest, card: bytes) -> None:
        """Write every file, and read it back: what the manifest names is in the store, byte by byte."""
        base = f"{manifest.name}/{manifest.version}"
        there = {entry.key.removeprefix(f"{base}/") for entry in self.store.list(f"{base}/")}
        entries = manifest.files | manifest.extras
        for done, (name, entry) in enumerate(entries.items(), 1):
            key = f"{base}/{name}"
            if name not in there or not self._holds(key, entry):
                if MANIFEST in there:
                    raise RegistryError(
                        f"{self.store.url(key)} was changed after it was published", hint="publish anew"
                    )
                if name == README:
                    self.store.put(key, card)
                else:
                    self.store.upload(self.archive if name == ARCHIVE else self.folder / name, key)
                if not self._holds(key, entry):
                    raise StoreUnavailableError(
                        f"{self.store.url(key)} holds other bytes than were sent", hint="try again; check the store"
                    )
            self.progress(
                done, len(entries), f"{done} of {len(entries)} files published, {name} with {entry.size:,} bytes"
            )

    def _holds(self, key: str, entry: FileEntry) -> bool:
        found = hashlib.sha256()
        for chunk in self.store.stream(key):
            found.update(chunk)
        return found.hexdigest() == entry.sha256

    def _close(self, manifest: Manifest) -> None:
        key, data = f"{manifest.name}/{manifest.version}/{MANIFEST}", manifest.to_bytes()
        if not self.store.put_new(key, data) and self.store.get(key) != data:
            raise RegistryError(f"{self.store.url(key)} is there already, and is another", hint="publish again")


def numbers_of(store: Store, name: str) -> list[int]:
    """Return the version numbers of `name` that were taken, complete or not, sorted."""
    try:
        heads = {entry.key.removeprefix(f"{name}/").partition("/")[0] for entry in store.list(f"{name}/")}
    except MissingObjectError:
        return []  # The bucket is missing. In a folder it is made by the first write; elsewhere that write complains.
    return sorted(int(head) for head in heads if head.isdecimal() and head.isascii())


def _read_claim(store: Store, key: str) -> Claim | None:
    try:
        return Claim.model_validate_json(store.get(key))
    except (MissingObjectError, ValidationError):
        return None
