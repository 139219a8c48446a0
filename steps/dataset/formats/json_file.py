"""JSON files as people's scripts write them."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from steps.dataset.issues import Rejection
from steps.dataset.label_text import decode
from steps.errors import DatasetError

_MARK = b"\xef\xbb\xbf"
_NO_NUMBER = re.compile(rb"(?<![^\[,:\s])-?(?:NaN|Infinity)(?=[\],}\s])")
_WORDS = (b"NaN", b"Infinity")
_LETTERS = b"-NaInfity"

LARGEST_WHOLE = 256 * 1024 * 1024
"""Bytes of a JSON file that is read at once: it may have the image inside."""

_LONGEST = len("-Infinity")


class JsonFile:
    """The bytes of a JSON file without its byte order mark, and with `null` for `NaN` and `Infinity`.

    Python writes these two, and no strict parser reads them. One such value must cost a row, not the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._last = b""
        if file.read(len(_MARK)) != _MARK:
            file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes: a few more where a word would be cut in two, fewer where one was replaced."""
        data = self._file.read(size)
        if not data:
            return b""
        for _ in range(_LONGEST):
            if data[-1] not in _LETTERS:
                break
            data += self._file.read(1)
        last, self._last = self._last, data[-1:]
        if not any(word in data for word in _WORDS):  # The pattern alone reads 20 MB a second.
            return data
        return _NO_NUMBER.sub(b"null", last + data)[len(last) :]


@contextmanager
def json_file(path: Path) -> Iterator[JsonFile]:
    """Open `path` for a streaming parser."""
    with path.open("rb") as file:
        yield JsonFile(file)


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
