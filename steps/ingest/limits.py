"""What an archive may cost, counted while it is unpacked: nothing that its headers say is believed."""

import io
import re
from dataclasses import dataclass, field
from threading import Lock
from typing import IO

from steps.dataset.file_kinds import JUNK
from steps.errors import DatasetError

RATIO_FROM = 64 * 1024 * 1024
"""Bytes that an archive may unpack to whatever its size: a few blank pictures pack very well."""

CHUNK = 1024 * 1024
"""Bytes that are read at once."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(slots=True)
class Limits:
    """Caps on one archive, and what it has used of them so far.

    Attributes:
        max_entries: Files and folders.
        max_bytes: Bytes after unpacking.
        max_ratio: Bytes after unpacking by bytes of the archive.
        archive_bytes: Size of the archive.
    """

    max_entries: int
    max_bytes: int
    max_ratio: int
    archive_bytes: int = 0
    entries: int = field(default=0, init=False)
    unpacked: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def count_entry(self) -> None:
        """Count one more entry.

        Raises:
            DatasetError: If it is one too many.
        """
        self.entries += 1
        if self.entries > self.max_entries:
            raise DatasetError(
                f"the archive has more than {self.max_entries:,} entries",
                hint="divide it, or raise --max-entries if you trust it",
            )

    def count_bytes(self, size: int) -> None:
        """Count `size` more unpacked bytes.

        Raises:
            DatasetError: If these are too many, or too many for an archive of its size.
        """
        with self._lock:  # Several threads unpack.
            self.unpacked += size
        if self.unpacked > self.max_bytes:
            raise DatasetError(
                f"the archive unpacks to more than {self.max_bytes:,} bytes",
                hint="divide it, or raise --max-bytes if you trust it",
            )
        if self.unpacked > RATIO_FROM and self.unpacked > self.max_ratio * self.archive_bytes:
            raise DatasetError(
                f"{self.archive_bytes:,} bytes of archive unpack to more than {self.max_ratio} times as much",
                hint="this is how archives attack; raise --max-ratio if you trust it",
            )


class Metered(io.RawIOBase):
    """A stream that is read forward only, counts what passes, and hands out at most `CHUNK` at once.

    `tarfile` reads an extended header of any size in one go; no honest one comes near that.
    """

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        super().__init__()
        self._stream, self._limits, self._place = stream, limits, 0
        self.last = b""
        """What was read last."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes."""
        if size is None or not 0 <= size <= CHUNK:
            raise DatasetError("the archive has an oversized header", hint="pack it again with plain `tar -cf`")
        self.last = self._stream.read(size)
        self._limits.count_bytes(len(self.last))
        self._place += len(self.last)
        return self.last

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        """Read forward to `place`, as far as there is something."""
        if whence != io.SEEK_SET or place < self._place:
            raise DatasetError("the archive's entries are out of order", hint="pack it again with plain `tar -cf`")
        while self._place < place and self.read(min(CHUNK, place - self._place)):
            pass
        return self._place

    def tell(self) -> int:
        """Return how much was read."""
        return self._place

    def seekable(self) -> bool:
        """Tell that there is `seek`."""
        return True

    def readable(self) -> bool:
        """Tell that there is `read`."""
        return True


def safe_name(name: str) -> str | None:
    """Return the path of an archive's entry, relative and with `/`; None where desktops left it behind.

    Raises:
        DatasetError: If it leads out of the archive, or is a name that no file can have.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    fault = ""
    if name.startswith("/") or DRIVE.match(name):
        fault = "an absolute path"
    elif ".." in parts:
        fault = "a path that leads out of the archive"
    elif CONTROLS.search(name):
        fault = "a name with control characters"
    elif len(name.encode(errors="replace")) > 1000 or any(len(part.encode(errors="replace")) > 255 for part in parts):
        fault = "a name that is too long"
    if fault:
        raise DatasetError(
            f"the archive has {fault}: {name[:200]!r}", hint="pack it again, from inside the folder with the images"
        )
    return None if any(JUNK.fullmatch(part) for part in parts) else "/".join(parts)


def refuse(kind: str, name: str) -> DatasetError:
    """Return the refusal of an entry that is no plain file or folder."""
    return DatasetError(
        f"the archive has {kind}: {name[:200]!r}", hint="pack plain files; `tar -h` and `zip` follow links when packing"
    )
