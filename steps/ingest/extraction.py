"""Writing the entries of an archive that are wanted, and noting those that are not."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from steps.dataset.file_kinds import unwanted
from steps.dataset.issues import FOUND_LIMIT, Issue
from steps.dataset.tree import Note
from steps.errors import DatasetError, InputError
from steps.ingest.limits import CHUNK, Limits, Metered, safe_name


@dataclass(slots=True)
class Extraction:
    """Where an archive is unpacked to, within limits."""

    into: Path
    limits: Limits
    note: Note
    report: Callable[[int, int, str], None]
    _folders: set[str] = field(default_factory=set)

    def wanted(self, name: str) -> str | None:
        """Return the path to extract the entry `name` to, or None where it is left out.

        Raises:
            DatasetError: If the name is one that no honest archive has.
        """
        path = safe_name(name)
        if path is None:
            self.note(Issue("system_file", name[:FOUND_LIMIT]))
        if not path:
            return None
        code = unwanted(path)
        if code:
            self.note(Issue(code, path))
        return None if code else path

    def tell(self, done: int) -> None:
        """Tell that `done` bytes of the archive are behind us."""
        total = self.limits.archive_bytes
        self.report(min(done, total), total, f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB of the archive unpacked")

    def write(self, path: str, content: Metered | IO[bytes]) -> None:
        """Write `content`, a metered stream or part of one, to `path`.

        Raises:
            DatasetError: If there is such a file, or a file where a folder must be.
            InputError: If the disk is full.
        """
        target = self.into / path
        folder = path.rpartition("/")[0]
        try:
            if folder not in self._folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._folders.add(folder)
            with target.open("xb") as file:
                while chunk := content.read(CHUNK):
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise DatasetError(
                f"the archive has {path!r} twice, or as file and as folder", hint="pack it again, from a folder"
            ) from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            free = shutil.disk_usage(self.into).free
            raise InputError(
                f"the disk is full: {free:,} bytes are free after {self.limits.unpacked:,} bytes of the archive",
                hint="give the step more disk, or divide the archive",
            ) from None
