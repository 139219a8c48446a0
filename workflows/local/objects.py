"""Content-addressed storage: every file is kept once, under its SHA-256, and seen elsewhere as a hard link.

A folder is kept as a listing: a JSON object of its own that names the content of each file in it. Data sets have
many thousand files, so what is done for each of them is done with plain strings and few system calls.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISLNK, S_ISREG
from typing import Any

from workflows.local.errors import LocalError

UNLINKABLE = {errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP}
IN_PARALLEL = 16
"""New files from which on hashing is spread over the cores."""


@dataclass(slots=True)
class Contents:
    """What is in a folder, by path within it."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


class Objects:
    """The store under `root`. Safe to use from several threads and processes: objects appear whole, by a link."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.copied = False
        self._known: dict[tuple[int, int], tuple[int, int, str]] = {}
        self._linked: set[str] = set()

    def take(self, path: Path) -> tuple[str, bool]:
        """Store the file or folder at `path`, make its files read-only links into the store, and return its digest.

        The second value tells whether it is a folder. A file that came out of the store is not read again.

        Raises:
            LocalError: If a file that is shared with the store was changed in place, or a link leads out of a folder.
        """
        if path.is_symlink():
            raise LocalError(f"{path} is a link, not a file or folder of its own", hint="store the file itself")
        if not path.is_dir():
            return self._recall(str(path), path.stat()) or self._take_file(str(path)), False
        contents = _walk(str(path))
        digests = {name: self._recall(f"{path}/{name}", status) for name, status in contents.files.items()}
        new = [name for name, digest in digests.items() if not digest]
        with ThreadPoolExecutor(os.cpu_count() if len(new) >= IN_PARALLEL else 1) as threads:
            digests |= zip(new, threads.map(self._take_file, (f"{path}/{name}" for name in new)), strict=True)
        listing = {"files": digests, "folders": contents.folders, "links": contents.links}
        data = json.dumps(listing, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        if not Path(self._place(digest)).exists():
            _write_atomically(Path(self._place(digest)), data)
        return digest, True

    def link(self, digest: str, target: Path, *, tree: bool) -> None:
        """Make the content `digest` appear at `target`, which must not exist, without copying it."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if not tree:
            self._link_file(digest, str(target))
            return
        listing = self.listing(digest)
        target.mkdir()
        for folder in listing["folders"]:
            (target / folder).mkdir()
        for name, content in listing["files"].items():
            self._link_file(content, f"{target}/{name}")
        for name, destination in listing["links"].items():
            (target / name).symlink_to(destination)

    def has(self, digest: str, *, tree: bool) -> bool:
        """Tell whether the content `digest` is all there."""
        if not Path(self._place(digest)).exists():
            return False
        return not tree or all(Path(self._place(one)).exists() for one in self.listing(digest)["files"].values())

    def listing(self, digest: str) -> dict[str, Any]:
        """Return what the folder `digest` holds: `files` by path, `folders` and `links`."""
        found: dict[str, Any] = json.loads(Path(self._place(digest)).read_bytes())
        return found

    def _place(self, digest: str) -> str:
        return f"{self.root}/{digest[:2]}/{digest[2:]}"

    def _recall(self, path: str, status: os.stat_result) -> str:
        """Return the digest of the file at `path` if it is known to be a link into the store, else nothing."""
        modified_ns, size, digest = self._known.get((status.st_dev, status.st_ino), (0, 0, ""))
        if not digest or (modified_ns, size) == (status.st_mtime_ns, status.st_size):
            return digest
        place = Path(self._place(digest))
        if place.exists() and place.samefile(path):
            place.unlink()
            raise LocalError(
                f"{path} was changed in place, but its content is shared", hint="write a new file and move it there"
            )
        return ""  # the inode number serves another file by now

    def _take_file(self, path: str) -> str:
        status = os.stat(path)  # noqa: PTH116  (a string, see above)
        with open(path, "rb") as file:  # noqa: PTH123
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        place = self._place(digest)
        if status.st_nlink > 1:
            if os.path.exists(place) and os.path.samefile(place, path):  # noqa: PTH110, PTH121
                self._remember(path, digest)
                return digest
            _unshare(path)
        os.chmod(path, (S_IMODE(status.st_mode) & 0o111) | 0o444)  # noqa: PTH101
        try:
            self._share(path, place)
        except FileExistsError:  # equal content is kept once: put what is there already in place of this file
            partial = f"{path}.{os.getpid()}"
            self._share(place, partial)
            os.replace(partial, path)  # noqa: PTH105
        self._remember(path, digest)
        return digest

    def _link_file(self, digest: str, target: str) -> None:
        self._share(self._place(digest), target)
        if digest not in self._linked:
            self._linked.add(digest)
            self._remember(target, digest)

    def _share(self, source: str, target: str) -> None:
        try:
            os.link(source, target)
        except FileNotFoundError:
            if not os.path.exists(source):  # noqa: PTH110
                raise
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            self._share(source, target)
        except OSError as error:
            if error.errno not in UNLINKABLE:
                raise
            self._copy(source, target)

    def _copy(self, source: str, target: str) -> None:
        if not self.copied:
            self.copied = True
            sys.stderr.write(f"note: cannot link {source} to {target}; files are copied, which takes time and space\n")
        partial = f"{target}.{os.getpid()}"
        shutil.copy(source, partial)
        os.replace(partial, target)  # noqa: PTH105

    def _remember(self, path: str, digest: str) -> None:
        status = os.stat(path)  # noqa: PTH116
        self._known[status.st_dev, status.st_ino] = (status.st_mtime_ns, status.st_size, digest)


def _walk(root: str) -> Contents:
    contents = Contents()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                name, status = folder + entry.name, entry.stat(follow_symlinks=False)
                if S_ISREG(status.st_mode):
                    contents.files[name] = status
                elif S_ISLNK(status.st_mode):
                    contents.links[name] = _inner_link(Path(root), Path(entry.path))
                elif S_ISDIR(status.st_mode):
                    contents.folders.append(name)
                    waiting.append(f"{name}/")
                else:
                    raise LocalError(
                        f"{entry.path} is neither a file nor a folder, so it cannot be part of an artifact"
                    )
    contents.folders.sort()
    return contents


def _unshare(path: str) -> None:
    """Give `path` content of its own: its other names may be a person's files, which stay writable and may change."""
    partial = f"{path}.{os.getpid()}"
    shutil.copyfile(path, partial)
    os.replace(partial, path)  # noqa: PTH105


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
