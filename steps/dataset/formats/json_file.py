"""JSON files as people's scripts write them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import ijson

from steps.errors import DatasetError

_MARK = b"\xef\xbb\xbf"
_NO_NUMBER = re.compile(rb"(?<![^\[,:\s])-?(?:NaN|Infinity)(?=[\],}\s])")
_LETTERS = b"-NaInfity"
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
        clean = _NO_NUMBER.sub(b"null", self._last + data)[len(self._last) :]
        self._last = data[-1:]
        return clean


@contextmanager
def json_file(path: Path) -> Iterator[JsonFile]:
    """Open `path` for a streaming parser."""
    with path.open("rb") as file:
        yield JsonFile(file)


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
