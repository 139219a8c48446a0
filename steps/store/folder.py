"""A folder as a store: the laptop's, and the cluster's where buckets are mounted volumes."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from steps.errors import InputError, StoreUnavailableError
from steps.store.interface import RESERVED, Entry, MissingObjectError, check_key

_CHUNK = 1 << 20
_TAGS = f"{RESERVED}tags."


@dataclass(frozen=True, slots=True)
class FolderStore:
    """Objects are files. Writes are a rename, so a reader sees the old content or the new; conditions hold a lock.

    Attributes:
        root: Folder that keys are relative to.
        address: What `url` begins with: the folder's path, or `s3://bucket/prefix` where the endpoint is a folder.
        anchor: Folder that must exist to be read from: the bucket. It is made when something is written.
    """

    root: Path
    address: str
    anchor: Path

    def path(self, key: str) -> Path:
        """Return where `key` lies, whether or not it exists."""
        return self.root / check_key(key)

    def get(self, key: str) -> bytes:
        """Return the content of `key`."""
        with self._reading(key) as path:
            return path.read_bytes()

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the content of `key` in chunks of a MiB."""
        with self._reading(key) as path, path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def put(self, key: str, data: bytes) -> None:
        """Write `key`, whatever was there."""
        self._replace(key, lambda partial: _write(partial, data), lambda _: True)

    def put_new(self, key: str, data: bytes) -> bool:
        """Write `key` only if nothing is there."""
        return self._replace(key, lambda partial: _write(partial, data), lambda path: not path.exists())

    def put_if(self, key: str, data: bytes, etag: str) -> bool:
        """Write `key` only if its content is still the one that `etag` names."""
        return self._replace(
            key, lambda partial: _write(partial, data), lambda path: path.is_file() and _digest(path) == etag
        )

    def etag(self, key: str) -> str:
        """Return the SHA-256 of the content."""
        with self._reading(key) as path:
            return _digest(path)

    def exists(self, key: str) -> bool:
        """Tell whether there is a file `key`."""
        with self._translated(key):
            return self.path(key).is_file()

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the files whose keys begin with `prefix`, in order of their keys."""
        folder, _, _ = prefix.rpartition("/")
        start = self.path(folder) if folder else self.root
        with self._translated(prefix):
            self._require_anchor()
            for path, status in _walk(start):
                key = path[len(str(self.root)) + 1 :]
                if key.startswith(prefix):
                    yield Entry(key, status.st_size, str(status.st_mtime_ns))

    def download(self, key: str, path: Path) -> None:
        """Copy the file `key` to `path`."""
        with self._reading(key) as source:
            partial = path.with_name(f"{RESERVED}{uuid4().hex}")
            try:
                shutil.copyfile(source, partial)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def upload(self, path: Path, key: str) -> None:
        """Copy the file `path` to `key`; a link would let a later change of `path` reach the store."""
        self._replace(key, lambda partial: _copy(path, partial), lambda _: True)

    def delete(self, key: str) -> None:
        """Remove `key` and its tags."""
        with self._translated(key):
            path = self.path(key)
            path.unlink(missing_ok=True)
            _tags_of(path).unlink(missing_ok=True)

    def tag(self, key: str, tags: dict[str, str]) -> bool:
        """Replace the tags of `key`, which are kept in a file beside it."""
        with self._reading(key) as path:
            side = _tags_of(path)
            partial = path.with_name(f"{RESERVED}{uuid4().hex}")
            partial.write_text(json.dumps(tags, sort_keys=True), encoding="utf-8")
            partial.replace(side)
        return True

    def tags(self, key: str) -> dict[str, str]:
        """Return the tags of `key`."""
        with self._reading(key) as path:
            side = _tags_of(path)
            return json.loads(side.read_text(encoding="utf-8")) if side.exists() else {}

    def url(self, key: str = "") -> str:
        """Return the address of `key`."""
        return f"{self.address}/{check_key(key)}" if key else self.address

    def _replace(self, key: str, write: Callable[[Path], None], allowed: Callable[[Path], bool]) -> bool:
        """Write beside `key`, then, under the lock of its folder, rename if `allowed`. Returns whether it was."""
        path = self.path(key)
        with self._translated(key):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{RESERVED}{uuid4().hex}")
            try:
                write(partial)
                with _locked(path.parent) as folder:
                    if not allowed(path):
                        return False
                    partial.replace(path)
                    _tags_of(path).unlink(missing_ok=True)
                    os.fsync(folder)
            finally:
                partial.unlink(missing_ok=True)
        return True

    @contextmanager
    def _reading(self, key: str) -> Iterator[Path]:
        path = self.path(key)
        with self._translated(key):
            if not path.is_file():
                self._require_anchor()
                raise MissingObjectError(
                    f"no object {key!r} in {self.address}", hint="check the name; it is a file there"
                )
            yield path

    def _require_anchor(self) -> None:
        if self.anchor.is_dir():
            return
        if not self.address.startswith("s3://"):
            raise MissingObjectError(f"no folder at {str(self.anchor)!r}", hint="check the path")
        raise MissingObjectError(
            f"no bucket {self.anchor.name!r} in {self.anchor.parent}, where the buckets of this machine are folders",
            hint="for a bucket of an object store, set AWS_ENDPOINT_URL_S3 to the store's URL, and the AWS keys; "
            "else make that folder",
        )

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MissingObjectError(f"no object {key!r} in {self.address}", hint=_reason(error)) from None
        except PermissionError as error:
            raise InputError(
                f"access denied to {key!r} in {self.address}",
                hint=f"check the folder's owner and mode: {_reason(error)}",
            ) from None
        except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
            raise InputError(
                f"{key!r} in {self.address} is a folder, or below a file",
                hint=f"in a folder, a name is either a file or a folder: {_reason(error)}",
            ) from None
        except OSError as error:
            hint = "free some space" if error.errno == errno.ENOSPC else "is the disk or the network volume all right?"
            raise StoreUnavailableError(f"{self.address}: {_reason(error)}", hint=hint) from None


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Hold the lock of `folder`: it is on the folder itself, so no lock file is left, and dies with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tags_of(path: Path) -> Path:
    return path.with_name(f"{_TAGS}{path.name}")


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and status of the files below `folder`, in the order of an object store's listing."""
    found: list[os.DirEntry[str]] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        found = [entry for entry in entries if not entry.name.startswith(RESERVED)]
    for entry in sorted(found, key=lambda entry: entry.name + "/" * entry.is_dir(follow_symlinks=False)):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        elif entry.is_file():
            yield entry.path, entry.stat()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
