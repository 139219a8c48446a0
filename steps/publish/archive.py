"""The results archive: checkpoint and metrics in one object, the same bytes for the same files."""

import tarfile
from pathlib import Path


def write_archive(path: Path, **folders: Path) -> None:
    """Write the files of `folders` to the tar file `path`, each folder under its keyword's name.

    Uncompressed: weights and JPEGs do not shrink. Times, owners and modes are left out and links are followed, so that
    a run that comes back after an interruption writes the same bytes, and is known by them.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, folder in sorted(folders.items()):
            for file in sorted(folder.rglob("*")):
                if not file.is_file():
                    continue
                entry = tarfile.TarInfo(f"{name}/{file.relative_to(folder).as_posix()}")
                entry.size, entry.mode = file.stat().st_size, 0o644
                with file.open("rb") as content:
                    tar.addfile(entry, content)
