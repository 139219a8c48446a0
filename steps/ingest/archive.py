"""From what was fetched to a folder that can be read: an archive is recognised by its content, never by its name."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from steps.dataset.file_kinds import RECORDS, is_label_file
from steps.dataset.formats.lookalikes import SUFFIXES
from steps.errors import DatasetError
from steps.ingest.extraction import Extraction
from steps.ingest.tar_archive import unpack_tar
from steps.ingest.zip_archive import is_last_part, part_of_split, unpack_zip

TAR_MARK, TAR_MARK_AT = b"ustar", 257

PART = re.compile(r"\.(?:\d{3}|z\d\d)", re.IGNORECASE)
"""Extension of a part of a zip that was split."""

BLANK = b"\0 \t\r\n"

OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"<": "an HTML or XML page",
}
"""What people hand in by mistake, by its first bytes."""


def unpack(path: Path, extraction: Extraction) -> None:
    """Write the images and labels in the file at `path` to the folder of `extraction`.

    A single file of labels is a source too: one of records has its pictures inside, an export may point at them.

    Raises:
        DatasetError: If it is no archive of a known kind, or broken, or attacks.
    """
    extraction.limits.archive_bytes = path.stat().st_size
    extraction.into.mkdir(parents=True)
    unpacker = _unpacker(path)
    if unpacker:
        try:
            unpacker(path, extraction)
        except DatasetError as refusal:
            if path.name in refusal.message:
                raise
            raise DatasetError(f"{path.name}: {refusal.message}", hint=refusal.hint) from None
    else:
        named = is_label_file(path.name)
        shutil.copyfile(path, extraction.into / (path.name if named else "export.json"))


def _unpacker(path: Path) -> Callable[[Path, Extraction], None] | None:
    with path.open("rb") as file:
        head = file.read(512)
    if head and RECORDS.fullmatch(path.name):
        return None
    if head.startswith(b"PK\3\4") and PART.fullmatch(path.suffix):
        raise part_of_split(path.name, "a part")
    if head.startswith(b"PK\7\x08"):
        raise part_of_split(path.name, "the first part")
    if not head.startswith(b"PK") and is_last_part(path):
        raise part_of_split(path.name, "the last part")
    if head.startswith((b"PK\3\4", b"PK\5\6")) or (head[:2] == b"MZ" and zipfile.is_zipfile(path)):
        return unpack_zip
    if head.startswith(b"\x1f\x8b") or head[TAR_MARK_AT:].startswith(TAR_MARK) or _is_old_tar(head):
        return unpack_tar
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
        return None
    if head.strip(BLANK) and b"\0" not in head.strip(BLANK) and is_label_file(path.name):
        return None
    known = SUFFIXES.get(path.suffix.lower())
    if head and known:
        raise DatasetError(f"{path.name} looks like {known.title}, which is not read", hint=known.way_out)
    kind = next((name for mark, name in OTHERS.items() if head.lstrip().startswith(mark)), "")
    if head and not kind and PART.fullmatch(path.suffix):
        raise part_of_split(path.name, "a part")  # Those after the first begin in the middle of something.
    shown = kind or ("an empty file" if not head else f"a file that begins with {head[:16]!r}")
    what = "which is not unpacked" if "archive" in kind else "not an archive"
    raise DatasetError(
        f"{path.name} is {shown}, {what}", hint="pack the images as zip, tar or tar.gz, or name the folder"
    )


def _is_old_tar(head: bytes) -> bool:
    """Tell by the header's checksum: the first tar format has no mark."""
    if len(head) < 512:
        return False
    try:
        expected = int(head[148:156].strip(b"\0 ") or b"-1", 8)
    except ValueError:
        return False
    return sum(head[:148]) + 8 * 32 + sum(head[156:]) == expected
