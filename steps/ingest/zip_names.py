"""Names in zip files that do not say how they are encoded.

A name without the UTF-8 flag is code page 437 by the standard, and in truth what the system that packed it uses: UTF-8 on
macOS, GBK or Shift JIS on Windows in China and Japan, code page 866 in Russia. What decides is, in this order: the Unicode name that some packers
add; UTF-8, where all names are that; the encoding in which the label files of the archive mention the names; the one in
which the most characters are common ones.
"""

import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from steps.dataset.file_kinds import is_picture
from steps.dataset.issues import Rejection
from steps.dataset.label_text import decode

UTF8_FLAG = 0x800
UNICODE_NAME = 0x7075
"""Extra field with the name in UTF-8 (Info-ZIP)."""

EXTRA = struct.Struct("<HH")
UNICODE_NAME_HEAD = 5
"""Bytes before the name in that field: a version and a checksum."""

MENTIONING = (".json", ".xml", ".txt", ".csv", ".jsonl", ".data")
FILES, FILE_BYTES, NAMES = 20, 8 * 1024 * 1024, 25
"""Label files, bytes of each, and names that are looked for in them: enough to decide, and no second unpacking."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way in which systems write names.

    Attributes:
        codec: As Python calls it.
        common: Tells of one character beyond ASCII, as bytes and as text, whether it is a common one.
    """

    codec: str
    common: Callable[[bytes, str], bool]


ENCODINGS = (
    Encoding("cp932", lambda data, text: "\u3040" <= text <= "\u30ff" or (len(data) == 2 and 0x88 <= data[0] <= 0x97)),
    Encoding("gb18030", lambda data, _: len(data) == 2 and 0xB0 <= data[0] <= 0xD7 and data[1] >= 0xA1),
    Encoding("big5", lambda data, _: len(data) == 2 and 0xA4 <= data[0] <= 0xC6),
    Encoding("cp949", lambda data, _: len(data) == 2 and 0xB0 <= data[0] <= 0xC8 and data[1] >= 0xA1),
    Encoding("cp437", lambda _, text: text.isalpha() and text <= "\u00ff"),
    Encoding("cp850", lambda _, text: text.isalpha() and text <= "\u00ff"),
    Encoding("cp1252", lambda _, text: text.isalpha() and text <= "\u00ff"),
    Encoding("cp866", lambda _, text: "\u0410" <= text <= "\u0451"),
    Encoding("cp1251", lambda _, text: "\u0410" <= text <= "\u0451"),
    Encoding("cp852", lambda _, text: text.isalpha() and text <= "\u017f"),
    Encoding("cp1250", lambda _, text: text.isalpha() and text <= "\u017f"),
    Encoding("cp857", lambda _, text: text.isalpha() and text <= "\u017f"),
    Encoding("cp737", lambda _, text: "\u0386" <= text <= "\u03ce"),
)
"""The first of those that fit equally well counts. Common are kana, the kanji, hanzi and hangul of the first level, and the letters of a code page's languages."""


def names_of(archive: zipfile.ZipFile) -> Callable[[zipfile.ZipInfo], str]:
    """Return what gives the name of an entry of `archive`, with `/`: old Windows tools wrote backslashes, which are folders too."""
    unsaid = [raw for info in archive.infolist() if (raw := _raw(info)) and not raw.isascii() and not _unicode(info)]
    codec = _codec(archive, unsaid) if unsaid else "cp437"

    def name(info: zipfile.ZipInfo) -> str:
        raw = _raw(info)
        text = _unicode(info) or (raw.decode(codec) if raw else info.orig_filename)
        return text.replace("\\", "/")

    return name


def _raw(info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a name that `zipfile` took for code page 437; empty where the entry says that it is UTF-8."""
    return b"" if info.flag_bits & UTF8_FLAG else info.orig_filename.encode("cp437")


def _unicode(info: zipfile.ZipInfo) -> str:
    extra = info.extra
    while len(extra) >= EXTRA.size:
        kind, size = EXTRA.unpack_from(extra)
        content, extra = extra[EXTRA.size : EXTRA.size + size], extra[EXTRA.size + size :]
        if kind == UNICODE_NAME and len(content) > UNICODE_NAME_HEAD:
            return content[UNICODE_NAME_HEAD:].decode("utf-8", errors="replace")
    return ""


def _codec(archive: zipfile.ZipFile, names: list[bytes]) -> str:
    if all(_decodes(name, "utf-8") for name in names):
        return "utf-8"
    possible = [each for each in ENCODINGS if all(_decodes(name, each.codec) for name in names)]
    if len(possible) < 2:
        return possible[0].codec if possible else "cp437"
    mentioned = _mentioned(archive, names, possible)
    most = max(mentioned.values())
    if most:
        return max(mentioned, key=lambda codec: mentioned[codec])
    return max(possible, key=lambda each: _commonness(names, each)).codec


def _decodes(name: bytes, codec: str) -> bool:
    try:
        name.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _mentioned(archive: zipfile.ZipFile, names: list[bytes], possible: list[Encoding]) -> dict[str, int]:
    """Return for each encoding how many of the names stand in label files of the archive."""
    pictures = list(islice((name for name in names if is_picture(name.decode("latin-1"))), NAMES)) or names[:NAMES]
    texts = list(islice(_texts(archive), FILES))
    bases = {
        each.codec: {name.decode(each.codec).replace("\\", "/").rpartition("/")[2] for name in pictures}
        for each in possible
    }
    return {codec: sum(any(base in text for text in texts) for base in found) for codec, found in bases.items()}


def _texts(archive: zipfile.ZipFile) -> Iterator[str]:
    for info in archive.infolist():
        if info.orig_filename.lower().endswith(MENTIONING) and "__MACOSX" not in info.orig_filename:
            with archive.open(info) as file:
                data = file.read(FILE_BYTES)
            try:
                text, _ = decode(data)
            except Rejection:
                continue
            # JSON may spell what is beyond ASCII as escapes.
            yield (
                text if "\\u" not in text else text + text.encode("ascii", "ignore").decode("unicode_escape", "ignore")
            )


def _commonness(names: list[bytes], encoding: Encoding) -> float:
    """Return the share of characters beyond ASCII in `names` that are common ones."""
    characters = [text for name in names for text in name.decode(encoding.codec) if not text.isascii()]
    return sum(encoding.common(text.encode(encoding.codec), text) for text in characters) / max(len(characters), 1)
