"""Unpack zip files that may attack."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from steps.errors import DatasetError
from steps.ingest.extraction import Extraction
from steps.ingest.limits import CHUNK, Limits, Metered, refuse, safe_name
from steps.ingest.pool import each_in_threads, in_batches
from steps.ingest.zip_names import names_of
from steps.runtime.cores import available_cores

ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others may ask for gigabytes of memory before the first byte is out."""

BATCH = 32
"""Entries that a thread takes at once."""

MOST_THREADS = 8

WHOLE64 = 0xFFFF
"""Number of this disk in archives whose true numbers stand in the 64-bit record."""

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
ENTRY = struct.Struct("<4s24x3H12x")


def unpack_zip(path: Path, extraction: Extraction) -> None:
    """Write the wanted files of the zip at `path`.

    Raises:
        DatasetError: If it is broken, encrypted or attacks.
    """
    try:
        with path.open("rb", buffering=CHUNK) as file:
            _count_entries(file, extraction.limits)
        with zipfile.ZipFile(path) as archive:
            write = partial(_write, archive, extraction)
            done = 0
            # Inflating and writing leave Python, so threads do both on all cores.
            batches = in_batches(_wanted(archive, extraction), BATCH)
            for size in each_in_threads(write, batches, min(available_cores(), MOST_THREADS)):
                done += size
                extraction.tell(done)
    except DatasetError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError) as error:
        raise DatasetError(
            f"{path.name} is a broken zip file: {' '.join(str(error).split())[:200] or type(error).__name__}",
            hint="download or pack it again",
        ) from None


def part_of_split(name: str, which: str) -> DatasetError:
    """Return the refusal of one part of a zip that was split into several files."""
    return DatasetError(
        f"{name} is {which} of a split zip",
        hint="join the parts first: zip -s 0 set.zip --out whole.zip, or 7z x set.zip",
    )


def is_last_part(path: Path) -> bool:
    """Return whether a file, whatever it begins with, ends as the last part of a split zip does.

    Its end says so, or tells of more than the file has before it, as where any tool cut a zip in pieces.
    """
    with path.open("rb") as file:
        start, tail, place = _find_end(file)
    if place < 0:
        return False
    _, disk, _, _, _, size, offset, _ = END.unpack_from(tail, place)
    return disk not in (0, WHOLE64) or offset + size > start + place


def _wanted(archive: zipfile.ZipFile, extraction: Extraction) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    name_of = names_of(archive)
    for info in archive.infolist():
        _check(info)
        name = name_of(info)
        if info.is_dir() or name.endswith("/"):
            safe_name(name)
            continue
        target = extraction.wanted(name)
        if target:
            yield info, target


def _write(archive: zipfile.ZipFile, extraction: Extraction, entries: list[tuple[zipfile.ZipInfo, str]]) -> int:
    """Write some entries; return how many bytes of the archive these are, as its headers say."""
    for info, target in entries:
        with archive.open(info) as content:
            extraction.write(target, Metered(content, extraction.limits))
    return sum(info.compress_size for info, _ in entries)


def _check(info: zipfile.ZipInfo) -> None:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise refuse("a link", info.filename)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refuse("a special file", info.filename)
    if info.flag_bits & ENCRYPTED:
        raise DatasetError(f"the zip is encrypted: {info.filename[:200]!r}", hint="pack it without a password")
    if info.compress_type not in METHODS:
        raise DatasetError(
            f"the zip uses compression method {info.compress_type} for {info.filename[:200]!r}",
            hint="pack it with `zip -r`, which stores or deflates",
        )


def _count_entries(file: BinaryIO, limits: Limits) -> None:
    """Walk the central directory before `ZipFile` reads it into memory, where each entry takes half a kilobyte."""
    start, size = _directory(file)
    file.seek(start)
    while size > 0:
        mark, *lengths = ENTRY.unpack(file.read(ENTRY.size))
        if mark != b"PK\1\2":
            raise zipfile.BadZipFile("the list of entries is damaged")
        file.seek(sum(lengths), io.SEEK_CUR)
        size -= ENTRY.size + sum(lengths)
        limits.count_entry()


def _find_end(file: BinaryIO) -> tuple[int, bytes, int]:
    """Return where the last bytes begin that can hold a zip's end record, they, and its place in them; -1 where it is not."""
    start = max(0, file.seek(0, io.SEEK_END) - END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    return start, tail, place if len(tail) - place >= END.size else -1


def _directory(file: BinaryIO) -> tuple[int, int]:
    """Return start and size, in bytes, of the central directory; it ends where the end record starts."""
    tail_start, tail, place = _find_end(file)
    if place < 0:
        raise zipfile.BadZipFile("its end is missing")
    if END.unpack_from(tail, place)[1] not in (0, WHOLE64):
        raise part_of_split("the file", "the last part")
    size = END.unpack_from(tail, place)[5]
    stop = tail_start + place
    at = place - LOCATOR64.size
    if at >= END64.size and tail[at : at + 4] == b"PK\6\7":
        stop -= LOCATOR64.size + END64.size
        size = END64.unpack_from(tail, at - END64.size)[8]
    if size > stop:
        raise zipfile.BadZipFile("the list of entries is larger than the file")
    return stop - size, size
