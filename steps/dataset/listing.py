"""What a file that lists images says about each of them: gathered on disk, so that a million cost no memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import astuple
from itertools import groupby
from pathlib import Path
from typing import Self

from steps.dataset.issues import Issue


class Listing:
    """Rows of text by image, in whatever order they come, given back image by image; used with `with`."""

    def __init__(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE entry (path TEXT, number INTEGER, content TEXT, PRIMARY KEY (path, number)) WITHOUT ROWID;"
            "CREATE TABLE known (id TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID;"
            "CREATE TABLE missed (code TEXT, file TEXT, row INTEGER, found TEXT, rows INTEGER);"
        )
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, path: str, content: str) -> None:
        """Add a row about the image at `path`."""
        self._count += 1
        self._db.execute("INSERT INTO entry VALUES (?, ?, ?)", (path, self._count, content))

    def has(self, path: str) -> bool:
        """Tell whether there is a row about the image at `path`."""
        return self._db.execute("SELECT 1 FROM entry WHERE path = ? LIMIT 1", (path,)).fetchone() is not None

    def first(self, path: str) -> str | None:
        """Return the first row about the image at `path`, None where there is none."""
        query = "SELECT content FROM entry WHERE path = ? ORDER BY number LIMIT 1"
        found = self._db.execute(query, (path,)).fetchone()
        return str(found[0]) if found else None

    def images(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield `(path, rows)` in order of the paths; the rows in the order in which they came."""
        rows = self._db.cursor().execute("SELECT path, content FROM entry ORDER BY path, number")
        for path, group in groupby(rows, key=lambda row: str(row[0])):
            yield path, tuple(content for _, content in group)

    def identify(self, identity: str, path: str) -> None:
        """Remember which image the source calls `identity`; the last one counts."""
        self._db.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (identity, path))

    def identified(self, identity: str) -> str | None:
        """Return the path of the image that the source calls `identity`."""
        found = self._db.execute("SELECT path FROM known WHERE id = ?", (identity,)).fetchone()
        return str(found[0]) if found else None

    def miss(self, issue: Issue) -> None:
        """Remember something that cannot be added."""
        self._db.execute("INSERT INTO missed VALUES (?, ?, ?, ?, ?)", astuple(issue))

    def missed(self) -> Iterator[Issue]:
        """Yield what could not be added."""
        for row in self._db.cursor().execute("SELECT * FROM missed ORDER BY rowid"):
            yield Issue(*row)
