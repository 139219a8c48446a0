"""JSON files as people's scripts write them."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from steps.dataset.issues import Issue, Rejection
from steps.dataset.label_text import MARKS, PIECE, decode, is_chinese
from steps.dataset.tree import Tree
from steps.errors import DatasetError

_NO_NUMBER = re.compile(rb"(?<![^\[,:\s])-?(?:NaN|Infinity)(?=[\],}\s])")
_WORDS = (b"NaN", b"Infinity")
_LETTERS = b"-NaInfity"

LARGEST_WHOLE = 256 * 1024 * 1024
"""Bytes of a JSON file that is read at once: it may have the image inside."""

_LONGEST = len("-Infinity")


class JsonFile:
    """The bytes of a JSON file as UTF-8 without a byte order mark, and with `null` for `NaN` and `Infinity`.

    Python writes these two, and no strict parser reads them. One such value must cost a row, not the file. Where the first
    text beyond ASCII is no UTF-8, the file is taken for GBK or Windows-1252 as a whole; see `label_text`.

    Attributes:
        repaired: How the file was encoded, as far as it was read; empty: plain UTF-8.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._last = b""
        head = file.read(4)
        mark, encoding, self.repaired = next((found for found in MARKS if head.startswith(found[0])), (b"", "", ""))
        if not mark and b"\0" in head:
            encoding, self.repaired = (
                ("utf-16-be" if head.startswith(b"\0") else "utf-16-le"),
                "UTF-16 without byte order mark",
            )
        file.seek(len(mark) if mark == codecs.BOM_UTF8 else 0)
        self._decoder = None if encoding in ("", "utf-8-sig") else codecs.getincrementaldecoder(encoding)("replace")
        self._unknown = not encoding

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes: a few more where a word would be cut in two, fewer where one was replaced."""
        data = self._decoded(size)
        if not data:
            return b""
        for _ in range(_LONGEST):
            if data[-1] not in _LETTERS:
                break
            data += self._decoded(1)
        last, self._last = self._last, data[-1:]
        if not any(word in data for word in _WORDS):  # The pattern alone reads 20 MB a second.
            return data
        return _NO_NUMBER.sub(b"null", last + data)[len(last) :]

    def _decoded(self, size: int) -> bytes:
        data = self._file.read(size)
        if self._unknown and not data.isascii():
            data = self._look(data)
        if self._decoder is None:
            return data
        while data and not (text := self._decoder.decode(data)):
            data = self._file.read(1)
        return text.encode("utf-8", "replace") if data else b""

    def _look(self, data: bytes) -> bytes:
        """Find out about the encoding by the first piece beyond ASCII; return it with all of its last character."""
        while data[-1] >= 0x80 and (more := self._file.read(1)):
            data += more
        self._unknown = False
        try:
            data.decode()
        except UnicodeDecodeError:
            encoding, self.repaired = ("gb18030", "GBK") if is_chinese(data) else ("cp1252", "Windows-1252")
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return data


@contextmanager
def json_file(path: Path) -> Iterator[JsonFile]:
    """Open `path` for a streaming parser."""
    with path.open("rb") as file:
        yield JsonFile(file)


def odd_encodings(tree: Tree, paths: Iterable[str]) -> Iterator[Issue]:
    """Yield the JSON files that are not plain UTF-8."""
    for path in paths:
        with json_file(tree.root / path) as file:
            while file.read(PIECE):
                pass
            if file.repaired:
                yield Issue("label_encoding", path, None, file.repaired)


def load(path: Path) -> tuple[Any, str]:
    """Return the content of a JSON file about one image, and what had to be repaired to read it (empty: nothing).

    Raises:
        Rejection: `label_unreadable`, if it is no JSON.
    """
    if path.stat().st_size > LARGEST_WHOLE:
        raise Rejection("label_unreadable", f"{path.stat().st_size} bytes")
    text, repaired = decode(path.read_bytes())
    try:
        content = json.loads(text, parse_constant=lambda _: None)
        return (without_surrogates(content) if "\\ud" in text.lower() else content), repaired
    except (ValueError, RecursionError) as error:
        raise Rejection("label_unreadable", f"broken JSON: {' '.join(str(error).split())}") from None


def without_surrogates(value: Any) -> Any:
    """Return JSON whose texts can be written again: half a character, as a cut escape leaves it, becomes a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(name): without_surrogates(item) for name, item in value.items()}
    return value


@contextmanager
def refusing_broken(source: str) -> Iterator[None]:
    """Turn whatever a parser says about broken JSON in `source` into a refusal that a person understands.

    Raises:
        DatasetError: Instead.
    """
    try:
        yield
    except DatasetError:
        raise
    except (ijson.JSONError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{source} is broken JSON: {' '.join(str(error).split())[:200]}", hint="export it again, or take it out"
        ) from None
