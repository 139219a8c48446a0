"""Content-addressed storage: every file is kept once, under its SHA-256, and seen elsewhere as a hard link.

A folder is kept as a listing: a JSON object of its own that names the content of each file in it.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE, S_ISLNK, S_ISREG
from typing import Any

from workflows.local.errors import LocalError

Identity = tuple[int, int]
Stamp = tuple[int, int]
UNLINKABLE = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP}
IN_PARALLEL = 16
"""Files from which on hashing is spread over the cores."""


class Objects:
    """The store under `root`. Safe to use from several threads and processes: objects appear whole, by a link."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.copied = False
        self._known: dict[Identity, tuple[Stamp, str]] = {}

    def take(self, path: Path) -> tuple[str, bool]:
        """Store the file or folder at `path`, make its files read-only links into the store, and return its digest.

        The second value tells whether it is a folder. A file that came out of the store is not read again.

        Raises:
            LocalError: If a file that is shared with the store was changed in place, or a link leads out of a folder.
        """
        if path.is_symlink():
            raise LocalError(f"{path} is a link, not a file or folder of its own", hint="store the file itself")
        if not path.is_dir():
            return self._take_file(path), False
        files, folders, links = _walk(path)
        with ThreadPoolExecutor(os.cpu_count() if len(files) >= IN_PARALLEL else 1) as threads:
            digests = list(threads.map(self._take_file, (path / name for name in files)))
        listing = {"files": dict(zip(files, digests, strict=True)), "folders": folders, "links": links}
        data = json.dumps(listing, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        place = self._place(digest)
        if not place.exists():
            _write_atomically(place, data)
        return digest, True

    def link(self, digest: str, target: Path, *, tree: bool) -> None:
        """Make the content `digest` appear at `target`, which must not exist, without copying it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not tree:
            self._link_file(digest, target)
            return
        listing = self.listing(digest)
        target.mkdir()
        for folder in listing["folders"]:
            (target / folder).mkdir(parents=True, exist_ok=True)
        for name, content in listing["files"].items():
            self._link_file(content, target / name)
        for name, destination in listing["links"].items():
            (target / name).symlink_to(destination)

    def has(self, digest: str, *, tree: bool) -> bool:
        """Tell whether the content `digest` is all there."""
        if not self._place(digest).exists():
            return False
        return not tree or all(self._place(content).exists() for content in self.listing(digest)["files"].values())

    def listing(self, digest: str) -> dict[str, Any]:
        """Return what the folder `digest` holds."""
        found: dict[str, Any] = json.loads(self._place(digest).read_bytes())
        return found

    def _place(self, digest: str) -> Path:
        return self.root / digest[:2] / digest[2:]

    def _take_file(self, path: Path) -> str:
        status = path.stat()
        known = self._recall(path, status)
        if known:
            return known
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        place = self._place(digest)
        if status.st_nlink > 1:
            if place.exists() and place.samefile(path):
                self._remember(path, digest)
                return digest
            _unshare(path)
        path.chmod((S_IMODE(status.st_mode) & 0o111) | 0o444)
        try:
            self._share(path, place)
        except FileExistsError:
            self._replace(place, path)
            return digest
        self._remember(path, digest)
        return digest

    def _share(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno not in UNLINKABLE:
                raise
            self._copy(source, target)

    def _copy(self, source: Path, target: Path) -> None:
        if not self.copied:
            self.copied = True
            sys.stderr.write(f"note: cannot link {source} to {target}; files are copied, which takes time and space\n")
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy(source, partial)
        partial.rename(target)

    def _replace(self, place: Path, path: Path) -> None:
        """Put the object at `place` where the equal file at `path` is, so that the content is kept once."""
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        self._share(place, partial)
        partial.replace(path)
        self._remember(path, place.parent.name + place.name)

    def _link_file(self, digest: str, target: Path) -> None:
        self._share(self._place(digest), target)
        if not self._recall(target, target.stat()):
            self._remember(target, digest)

    def _recall(self, path: Path, status: os.stat_result) -> str:
        """Return the digest of the file at `path` if it is known to be a link into the store, else nothing."""
        stamp, digest = self._known.get((status.st_dev, status.st_ino), ((0, 0), ""))
        if not digest or stamp == (status.st_mtime_ns, status.st_size):
            return digest
        place = self._place(digest)
        if place.exists() and place.samefile(path):
            place.unlink()
            raise LocalError(
                f"{path} was changed in place, but its content is shared", hint="write a new file and move it there"
            )
        return ""  # the inode number serves another file by now

    def _remember(self, path: Path, digest: str) -> None:
        status = path.stat()
        self._known[status.st_dev, status.st_ino] = ((status.st_mtime_ns, status.st_size), digest)


def _walk(root: Path) -> tuple[list[str], list[str], dict[str, str]]:
    files, folders, links = [], [], {}
    for path in _below(root):
        name, mode = path.relative_to(root).as_posix(), path.lstat().st_mode
        if S_ISLNK(mode):
            links[name] = _inner_link(root, path)
        elif S_ISREG(mode):
            files.append(name)
        elif path.is_dir():
            folders.append(name)
        else:
            raise LocalError(f"{path} is neither a file nor a folder, so it cannot be part of an artifact")
    return files, folders, links


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        yield from (Path(folder, name) for name in sorted([*folders, *files]))


def _unshare(path: Path) -> None:
    """Give `path` content of its own: its other names may be a person's files, which stay writable and may change."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(path, partial)
    partial.replace(path)


def _inner_link(root: Path, path: Path) -> str:
    destination = str(path.readlink())
    if Path(destination).is_absolute() or not path.resolve().is_relative_to(root.resolve()):
        raise LocalError(
            f"{path} is a link that leads out of the artifact, to {destination}", hint="store the file itself"
        )
    return destination


def _write_atomically(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(place)
