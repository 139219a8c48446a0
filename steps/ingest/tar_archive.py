"""Unpack tar and tar.gz files that may attack."""

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from steps.errors import DatasetError
from steps.ingest.extraction import Extraction
from steps.ingest.limits import Metered, refuse, safe_name


def unpack_tar(path: Path, extraction: Extraction) -> None:
    """Write the wanted files of the tar or tar.gz at `path`.

    Raises:
        DatasetError: If it is broken or attacks.
    """
    try:
        with path.open("rb") as packed:
            zipped = packed.peek(2)[:2] == b"\x1f\x8b"
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if zipped else packed
            if zipped:
                _refuse_other(path, stream)
            _unpack(Metered(stream, extraction.limits), packed, extraction)
    except DatasetError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise DatasetError(
            f"{path.name} is a broken tar file: {' '.join(str(error).split())[:200] or type(error).__name__}",
            hint="download or pack it again",
        ) from None


def _refuse_other(path: Path, stream: IO[bytes]) -> None:
    """Refuse a gzip file of text, such as JSON: it begins with what no header of a tar begins with; go back to the start.

    Raises:
        DatasetError: If it is one.
    """
    start = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    if start and b"\0" not in start:
        raise DatasetError(
            f"{path.name} is a single file packed with gzip, not an archive; it begins with {start[:16]!r}",
            hint="unpack it with gunzip, and give a folder or an archive that holds images and labels",
        )


def _unpack(metered: Metered, packed: IO[bytes], extraction: Extraction) -> None:
    with tarfile.TarFile(fileobj=metered, encoding="utf-8", errors="backslashreplace") as archive:
        while member := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # Else it keeps all of them.
            extraction.tell(packed.tell())
            extraction.limits.count_entry()
            if member.issym():
                raise refuse("a link", member.name)
            if not (member.isreg() or member.isdir() or member.islnk()) or member.issparse():
                raise refuse("a special file", member.name)
            if member.isdir():
                safe_name(member.name)
                continue
            target = extraction.wanted(member.name)
            if member.islnk():
                if target:
                    _link(target, member, extraction)
                continue
            content = archive.extractfile(member) if target else None
            if target and content:
                extraction.write(target, content)
    if metered.last.strip(b"\0"):
        raise tarfile.ReadError("an entry's header is damaged")  # Here tarfile would take it for the end.


def _link(target: str, member: tarfile.TarInfo, extraction: Extraction) -> None:
    """Write a hard link of the archive: the content of an entry before it, once more.

    Raises:
        DatasetError: If it leads out of the archive, or to nothing that was unpacked.
    """
    try:
        original = safe_name(member.linkname)
    except DatasetError:
        raise refuse("a link that leads out of it", member.name) from None
    if original is None or not (extraction.into / original).is_file():
        raise DatasetError(
            f"the archive has a hard link to an entry that is not there, or is not looked at: {member.name[:200]!r} to {member.linkname[:200]!r}",
            hint="pack it again; `tar --hard-dereference` packs the files themselves",
        )
    with (extraction.into / original).open("rb") as content:
        extraction.write(target, content)
