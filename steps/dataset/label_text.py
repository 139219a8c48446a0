"""Text of label files, whatever editor or export wrote it."""

import codecs
import re
from pathlib import Path

from steps.dataset.issues import Rejection

MAX_BYTES = 32 * 1024 * 1024
"""No honest label file of one image is larger."""

PIECE = 1024 * 1024
"""Bytes of a text of any size that are looked at together."""

BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")

LFS_MARK = b"version https://git-lfs.github.com/spec/"
LFS_POINTER = "a pointer that Git LFS left instead of the file; `git lfs pull` fetches it"

SMALL_LETTERS = 0xDF
"""The first small letter beyond ASCII in Windows-1252; those behind it are small letters too."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def read_text(path: Path) -> tuple[str, str]:
    """Return the text of `path`, and what had to be repaired to read it (empty: it was plain UTF-8).

    Raises:
        Rejection: `label_unreadable`, if the file is too large or its bytes are no text.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Rejection("label_unreadable", f"{path.stat().st_size} bytes")
    data = path.read_bytes()
    if data.startswith(LFS_MARK):
        raise Rejection("label_unreadable", LFS_POINTER)
    return decode(data)


def decode(data: bytes) -> tuple[str, str]:
    """Decode text with or without a byte order mark; see `read_text`.

    UTF-16 without a mark shows by its zero bytes. What is neither UTF-8 nor that is read as GBK where its bytes beyond
    ASCII come in pairs as Chinese characters do, else as Windows-1252: digits come out right, and names as their author
    most likely saw them.

    Raises:
        Rejection: `label_unreadable`, if the bytes are no text.
    """
    for mark, encoding, name in MARKS:
        if data.startswith(mark):
            return _decode(data, encoding), name
    if b"\0" in data:
        low, high = data[0::2].count(0), data[1::2].count(0)
        if max(low, high) * 2 <= len(data) // 2:
            raise Rejection("label_unreadable", "binary content")
        return _decode(data, "utf-16-le" if high > low else "utf-16-be"), "UTF-16 without byte order mark"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        return (
            (data.decode("gb18030"), "GBK") if is_chinese(data) else (data.decode("cp1252", "replace"), "Windows-1252")
        )


def encoding_of(path: Path) -> tuple[str, str]:
    """Return the encoding that Python opens the text at `path` with, and what is odd about it (empty: plain UTF-8).

    The file is read in pieces, so that it may have any size. See `decode`.

    Raises:
        Rejection: `label_unreadable`, if its bytes are no text.
    """
    utf8 = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        data = file.read(PIECE)
        marked = next(((encoding, name) for mark, encoding, name in MARKS if data.startswith(mark)), None)
        if marked:
            return marked
        if b"\0" in data:
            decoded = decode(data[: len(data) // 2 * 2])[1]
            wide = data[0::2].count(0) < data[1::2].count(0)
            return ("utf-16-le" if wide else "utf-16-be"), decoded
        while data:
            try:
                utf8.decode(data)
            except UnicodeDecodeError:
                # Whole lines: a character that the end of the piece cuts would look broken.
                whole = data[data.find(b"\n") + 1 :] if file.tell() > PIECE else data
                whole = whole[: whole.rfind(b"\n") + 1] or whole
                return ("gb18030", "GBK") if is_chinese(whole) else ("cp1252", "Windows-1252")
            data = file.read(PIECE)
    return "utf-8", ""


def is_chinese(data: bytes) -> bool:
    """Return whether bytes that are no UTF-8 look like GB2312 or GBK: each run beyond ASCII is one of whole characters.

    Western text has its letters beyond ASCII one by one, between others. Two in a row, as in `größe`, would be one rare
    character in the middle of a Latin word; where half of the runs are such pairs, the text is taken for Western.
    """
    runs = list(BEYOND_ASCII.finditer(data))
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    if not runs or any(len(run[0]) % 2 for run in runs):
        return False
    return 2 * sum(_is_in_word(data, run) for run in runs) < len(runs)


def _is_in_word(data: bytes, run: re.Match[bytes]) -> bool:
    """Return whether a run is two small letters of Windows-1252 with a letter of ASCII before or after them."""
    around = data[max(run.start() - 1, 0) : run.start()] + data[run.end() : run.end() + 1]
    return len(run[0]) == 2 and min(run[0]) >= SMALL_LETTERS and around.isascii() and any(map(_is_letter, around))


def _is_letter(byte: int) -> bool:
    return chr(byte).isalpha()


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Rejection("label_unreadable", f"broken {encoding}: {error.reason}") from None
