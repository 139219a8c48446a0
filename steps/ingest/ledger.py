"""What became of every image and row: kept on disk, so that a million of them cost no memory."""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

from steps.dataset.formats import Format, labels_in
from steps.dataset.formats.source import Picture
from steps.dataset.formats.unrecognised import LINKS
from steps.dataset.issues import Issue
from steps.dataset.split_names import SplitName
from steps.dataset.tree import Tree, key
from steps.ingest.accounts import Accounts
from steps.ingest.naming import distinct_name, is_own, plain_name
from steps.ingest.preparation import Outcome


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the data set, as the ledger keeps it; `boxes` is JSON, see `Outcome`."""

    file: str
    source: str
    width: int
    height: int
    sha256: str
    group: str
    split: SplitName
    phash: str
    boxes: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue and the image that it is about; empty where it is about none."""

    image: str
    issue: Issue


class Ledger:
    """Names, outcomes and issues of one intake; used with `with`."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE name (path TEXT PRIMARY KEY, name TEXT, folded TEXT, alike TEXT) WITHOUT ROWID;"
            "CREATE TABLE entry (file TEXT PRIMARY KEY, source TEXT, width INT, height INT, sha256 TEXT, grp TEXT,"
            " split TEXT, phash TEXT, boxes TEXT, count INT, rank TEXT) WITHOUT ROWID;"
            "CREATE TABLE issue (image TEXT, code TEXT, file TEXT, row INT, found TEXT);"
        )
        self.accounts = Accounts(self._db)
        self.counts: Counter[str] = Counter()
        """Issues by code."""
        self.classes: Counter[str] = Counter()
        """Boxes by class."""
        self.seen: set[str] = set()
        """Classes of the source, before renaming."""
        self.background = 0
        """Images that are taken for background though the source does not say so."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def name_all(self, pictures: Iterable[Picture]) -> int:
        """Give every image a name, and return how many there are."""
        rows = (
            (each.path, name := each.name or plain_name(each.path), name.lower(), key(each.path)) for each in pictures
        )
        self._db.executemany("INSERT INTO name VALUES (?, ?, ?, ?)", rows)
        self._db.executescript("CREATE INDEX by_folded ON name (folded); CREATE INDEX by_alike ON name (alike);")
        return int(self._db.execute("SELECT COUNT(*) FROM name").fetchone()[0])

    def name_of(self, picture: Picture) -> str:
        """Return the name of an image in the data set, without extension: its own where no other image has it."""
        if picture.name:
            return picture.name
        name = plain_name(picture.path)
        if self._alone("folded", name.lower()) and is_own(picture.path, name):
            return name
        return distinct_name(picture.path, name, spelled=not self._alone("alike", key(picture.path)))

    def _alone(self, column: str, value: str) -> bool:
        """Tell whether one image has `value` in a column of names."""
        query = f"SELECT COUNT(*) FROM (SELECT 1 FROM name WHERE {column} = ? LIMIT 2)"  # noqa: S608  (our own columns)
        return bool(self._db.execute(query, (value,)).fetchone()[0] == 1)

    def note(self, issue: Issue) -> None:
        """Remember an issue that is about no image of the data set, and what became of the thing that it is about."""
        self.accounts.issue(issue)
        self._note(issue)

    def _note(self, issue: Issue, image: str = "") -> None:
        self.counts[issue.code] += 1
        if issue.treatment.once and self.counts[issue.code] > 1:
            return
        self._db.execute(
            "INSERT INTO issue VALUES (?, ?, ?, ?, ?)", (image, issue.code, issue.file, issue.row, issue.found)
        )

    def add(self, outcome: Outcome) -> None:
        """Remember what became of one image, its rows and the file that they stand in."""
        self.classes.update(outcome.classes)
        self.seen |= outcome.seen
        self.background += outcome.guessed
        for issue in outcome.issues:
            self._note(issue, outcome.source)
        self.accounts.file("pictures", outcome.source, outcome.fate)
        self.accounts.rows.update(outcome.rows)
        if outcome.label_file:
            self.accounts.file("label_files", outcome.label_file, outcome.label_fate)
        if outcome.file:
            self._db.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    outcome.file,
                    outcome.source,
                    outcome.width,
                    outcome.height,
                    outcome.sha256,
                    outcome.group,
                    outcome.split,
                    outcome.phash,
                    outcome.boxes,
                    outcome.classes.total(),
                    hashlib.sha256(outcome.file.encode()).hexdigest()[:16],
                ),
            )

    def dropped(self) -> dict[str, list[str]]:
        """Return the paths of files that are never looked at, by extension; links that are not followed as `LINKS`."""
        files: dict[str, list[str]] = {}
        codes = ("file_ignored", "unsafe_file_dropped", "archive_inside", "link_ignored")
        for path, code in self._db.execute(
            "SELECT file, code FROM issue WHERE code IN (?, ?, ?, ?) ORDER BY file", codes
        ):
            kind = LINKS if code == "link_ignored" else PurePosixPath(path).suffix.lower()
            files.setdefault(kind, []).append(path)
        return files

    def close_accounts(self, tree: Tree, chosen: Format) -> None:
        """Find the files of `tree` that nobody told of, look what they are, and remember them by name."""
        for path in self.accounts.unaccounted("pictures", tree.pictures()):
            self.note(Issue("not_listed", path))
        unread = self.accounts.unaccounted("label_files", tree.label_files())
        if tree.links:
            unread = self._without_twins(tree, list(unread))
        for path in unread:
            labels = labels_in(tree, path, chosen)
            if labels is None:
                self.note(Issue("file_ignored", path))
                continue
            form, rows = labels
            code = "label_without_image" if form is chosen else "other_labels"
            found = "" if form is chosen else form.title
            self.note(Issue(code, path, None, found, rows))

    def leave_rest(self, tree: Tree) -> None:
        """Count what nobody has looked at as left out: the source is refused as a whole."""
        for path in self.accounts.unaccounted("pictures", tree.pictures()):
            self.accounts.file("pictures", path, "left_out")
        for path in self.accounts.unaccounted("label_files", tree.label_files()):
            self.accounts.file("label_files", path, "left_out")

    def _without_twins(self, tree: Tree, unread: list[str]) -> Iterator[str]:
        """Yield those of `unread` that are not, by a link, the same file as one that was read; the others are told of."""
        twins = tree.links.twins(unread, set(tree.label_files()) - set(unread))
        for path in unread:
            if path in twins:
                self.note(Issue("same_label_file", path))
            else:
                yield path

    def entries(self) -> Iterator[Entry]:
        """Yield the images of the data set in order of their file names."""
        return self._entries("ORDER BY file")

    def sample(self, count: int) -> list[Entry]:
        """Return up to `count` images, the same ones for the same names; those with boxes first."""
        return list(self._entries("ORDER BY count = 0, rank LIMIT ?", count))

    def entry_of(self, source: str) -> Entry | None:
        """Return the image that the source calls `source`, if it is in the data set."""
        return next(self._entries("WHERE source = ?", source), None)

    def sizes(self) -> dict[str, list[int]]:
        """Return width and height of the image with the smallest, the median and the largest area, pixels."""
        count = self._db.execute("SELECT COUNT(*) FROM entry").fetchone()[0]
        places = {"min": 0, "median": count // 2, "max": count - 1}
        query = "SELECT width, height FROM entry ORDER BY width * height, width LIMIT 1 OFFSET ?"
        return {name: list(self._db.execute(query, (place,)).fetchone()) for name, place in places.items()}

    def duplicates(self, limit: int) -> list[list[str]]:
        """Return groups of images with the same bytes, the first `limit` of them."""
        query = "SELECT sha256 FROM entry GROUP BY sha256 HAVING COUNT(*) > 1 ORDER BY MIN(file) LIMIT ?"
        digests = self._db.execute(query, (limit,)).fetchall()
        files = "SELECT file FROM entry WHERE sha256 = ? ORDER BY file"
        self._db.execute("CREATE INDEX IF NOT EXISTS by_digest ON entry (sha256)")
        return [[file for (file,) in self._db.execute(files, digest)] for digest in digests]

    def findings(self, code: str, limit: int) -> Iterator[Finding]:
        """Yield the first `limit` issues of one code, in order of file and row."""
        query = (
            "SELECT image, code, file, row, found FROM issue WHERE code = ? ORDER BY file, row, found, image LIMIT ?"
        )
        for image, *issue in self._db.execute(query, (code, limit)):
            yield Finding(image, Issue(*issue))

    def _entries(self, clause: str, *values: Any) -> Iterator[Entry]:
        query = f"SELECT file, source, width, height, sha256, grp, split, phash, boxes FROM entry {clause}"  # noqa: S608  (our own clauses)
        for row in self._db.cursor().execute(query, values):
            yield Entry(*row)
