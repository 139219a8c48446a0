"""What became of everything that a source holds: pictures, label files, other files and label rows, each exactly once.

`Accounts` is told fates one by one and in any order. What nobody told of is found at the end, file by file, and counted
as rejected or left out, so that the counts of the fates add up to what the source holds.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

from steps.dataset.file_kinds import is_picture
from steps.dataset.issues import Fate, Issue

Kind = Literal["pictures", "label_files", "other_files"]

FATES: tuple[Fate, ...] = get_args(Fate)
KINDS: tuple[Kind, ...] = get_args(Kind)

RANK: dict[Fate, int] = {"rejected": 0, "left_out": 1, "merged": 2, "used": 3, "repaired": 4}
"""A file has many fates where many images share it; the highest is told, so that a file that was used is never called unused."""


class Accounts:
    """Fates of files, kept on disk, and of rows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("CREATE TABLE fate (kind TEXT, path TEXT, rank INT, PRIMARY KEY (kind, path)) WITHOUT ROWID")
        self.rows: Counter[Fate] = Counter()
        """Label rows by fate."""

    def file(self, kind: Kind, path: str, fate: Fate) -> None:
        """Tell what became of one file; `path` is inside the source."""
        self._db.execute(
            "INSERT INTO fate VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rank = MAX(rank, excluded.rank)",
            (kind, path, RANK[fate]),
        )

    def issue(self, issue: Issue) -> None:
        """Tell of something that is rejected, merged or left out outside of an image's labels: a row, an image or a file."""
        scope, fate = issue.treatment.scope, issue.treatment.action
        if fate == "noted":
            return
        self.rows[fate] += issue.rows + (scope == "row")
        if scope == "image":
            # An image that labels only promise has no path of its own.
            promised = f"{issue.file}\0{issue.row}\0{issue.found}" if issue.code in PROMISED else issue.file
            self.file("pictures", promised, fate)
        elif scope == "file":
            kind: Kind = "label_files" if issue.code in LABELS else "other_files"
            # A desktop's `._a.jpg` is no picture, whatever it is called.
            lost = is_picture(issue.file) and issue.code != "system_file"
            self.file("pictures" if lost else kind, issue.file, fate)

    def unaccounted(self, kind: Kind, paths: Iterable[str]) -> Iterator[str]:
        """Yield those of `paths` of which nobody told."""
        for path in paths:
            query = "SELECT 1 FROM fate WHERE kind = ? AND path = ?"
            if not self._db.execute(query, (kind, path)).fetchone():
                yield path

    def files(self, kind: Kind) -> dict[Fate, int]:
        """Return how many files of one kind had each fate."""
        rows = self._db.execute("SELECT rank, COUNT(*) FROM fate WHERE kind = ? GROUP BY rank", (kind,))
        found = dict(rows.fetchall())
        return {fate: found.get(RANK[fate], 0) for fate in FATES}

    def report(self) -> dict[str, dict[str, int]]:
        """Return for each kind of file, and for rows, the number of each fate and the `total`."""
        counts: dict[str, dict[Fate, int]] = {kind: self.files(kind) for kind in KINDS}
        counts["rows"] = {fate: self.rows[fate] for fate in FATES}
        return {
            kind: {"total": sum(found.values())} | {str(fate): count for fate, count in found.items()}
            for kind, found in counts.items()
        }


PROMISED = frozenset({"image_missing", "image_ambiguous"})
"""Issues of images that labels mention and the source does not have."""

LABELS = frozenset({"label_without_image", "not_listed_labels", "other_labels", "same_label_file", "label_encoding"})
"""Issues of files that hold labels."""
