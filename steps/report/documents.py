"""Read what other steps left, expecting damage: what is missing or of another kind reads as absent, and is noted."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steps.report.redaction import redact, redact_tree

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a file that the report reads; what the steps write is far below."""


class DamagedError(Exception):
    """An artifact, or what the page needs of it, cannot be read; the text says why, for people."""


@dataclass(slots=True)
class Notes:
    """What could not be shown, in the order found, each once."""

    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Note `text`, redacted."""
        text = redact(text)
        if text not in self.texts:
            self.texts.append(text)


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object whose values are asked for by kind. Texts in it are redacted already.

    Attributes:
        values: The object.
        name: File it came from, for notes.
        notes: Where values of the wrong kind are noted.
    """

    values: dict[str, Any]
    name: str
    notes: Notes

    @classmethod
    def read(cls, path: Path, notes: Notes, *, shown: bool = True) -> "Document":
        """Read the JSON object in the file `path`; only where its texts are never `shown` are they not redacted.

        Raises:
            DamagedError: If there is no such file, or it holds something else.
        """
        values = _parse(read_text(path), path.name)
        if not isinstance(values, dict):
            raise DamagedError(f"{path.name} holds {_kind(values)} where an object was expected")
        return cls(redact_tree(values) if shown else values, path.name, notes)

    def __bool__(self) -> bool:
        return bool(self.values)

    def number(self, key: str) -> float | None:
        """Return a finite number, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self._refuse(key, value, "a number")
            return None
        return float(value)

    def whole(self, key: str) -> int | None:
        """Return a whole number, or None."""
        value = self.number(key)
        return None if value is None else round(value)

    def share(self, key: str) -> float | None:
        """Return a number between 0 and 1, or None. COCO's evaluator says -1 where there is nothing to score."""
        value = self.number(key)
        if value is None or value == -1:
            return None
        if not 0 <= value <= 1:
            self._refuse(key, value, "a number between 0 and 1")
            return None
        return value

    def text(self, key: str) -> str:
        """Return a text, or an empty one. Numbers and truths are spelled."""
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, list | dict):
            self._refuse(key, value, "a text")
            return ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def truth(self, key: str) -> bool | None:
        """Return true or false, or None."""
        value = self.values.get(key)
        if isinstance(value, bool):
            return value
        if value is not None:
            self._refuse(key, value, "true or false")
        return None

    def items(self, key: str) -> Sequence[Any]:
        """Return a list, or an empty one."""
        value = self.values.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self._refuse(key, value, "a list")
        return ()

    def document(self, key: str) -> "Document":
        """Return the object under `key`, or an empty one."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, dict):
            self._refuse(key, value, "an object")
        return Document(value if isinstance(value, dict) else {}, f"{self.name}: {key}", self.notes)

    def documents(self, key: str) -> Iterator["Document"]:
        """Yield the objects in the list under `key`; other things in it are noted and left out."""
        for item in self.items(key):
            if isinstance(item, dict):
                yield Document(item, f"{self.name}: {key}", self.notes)
            else:
                self._refuse(key, item, "a list of objects")

    def numbers(self, key: str) -> list[float | None]:
        """Return a list of numbers, with None for each that is none."""
        return [
            float(item) if isinstance(item, int | float) and not isinstance(item, bool) and _finite(item) else None
            for item in self.items(key)
        ]

    def _refuse(self, key: str, value: Any, expected: str) -> None:
        self.notes.add(f"{self.name}: {key!r} is {_kind(value)} where {expected} was expected; it is left out")


def read_text(path: Path) -> str:
    """Return the content of a text file, undecodable bytes replaced, not redacted.

    Raises:
        DamagedError: If there is no such file, or it is too large to be what it should.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise DamagedError(f"{path.name} has {size:,} bytes; at most {LARGEST_FILE:,} are read")
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DamagedError(f"{path.name} cannot be read ({error.strerror or type(error).__name__})") from None


def _parse(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" ({error.msg} in line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise DamagedError(f"{name} is not valid JSON{where}") from None


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # JSON knows integers that no float holds
        return False


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {redact(repr(value))[:40]}"
    return names.get(type(value), "something else")
