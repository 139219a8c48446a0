"""What was answered: by whom asked, with which status, and which version's name stood on whose boxes."""

import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

SIDE = 64
"""Corners are told as if every picture had this side."""

GOOD = frozenset({200, 202, 429, 504})
"""Of a request that nothing is wrong with: too many at once, or a machine too busy, may still send it away."""

Row = tuple[str, int, int, int, int]
"""Class name and corners of a box, in a picture of `SIDE` × `SIDE` pixels."""

Seen = tuple[Row, ...]
"""The boxes of one picture, strongest first."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one picture's answer said of itself, and what it held.

    Attributes:
        version: That the answer names.
        rows: The boxes.
        side: Of the network's input, where the request asked for one; else 0.
        label: Index of the class, where the request asked for one only; else -1.
        first: Whether only the strongest box was asked for.
    """

    version: int
    rows: Seen
    side: int = 0
    label: int = -1
    first: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What every answer of a version must say.

    Attributes:
        rows: The boxes.
        classes: Names of the classes.
        side: Of the network's input, pixels.
        sha256: Of its manifest.
    """

    rows: Seen
    classes: tuple[str, ...]
    side: int
    sha256: str

    def contradicts(self, seen: Sighting) -> bool:
        """Tell whether an answer is not this version's."""
        rows = tuple(one for one in self.rows if seen.label < 0 or one[0] == self.classes[seen.label])
        return seen.rows != (rows[:1] if seen.first else rows) or seen.side not in (0, self.side)


def row(name: str, corners: Iterable[float], size: float) -> Row:
    """Return a box of a square picture of `size` pixels, whatever the size."""
    x1, y1, x2, y2 = (round(SIDE * value / size) for value in corners)
    return name, x1, y1, x2, y2


def result_rows(results: Iterable[dict[str, Any]], size: float) -> Seen:
    """Return the boxes of an answer in Ultralytics' shape."""
    return tuple(row(one["name"], (one["box"][side] for side in ("x1", "y1", "x2", "y2")), size) for one in results)


class Ledger:
    """All answers, counted. Threads share it."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Begin with the OpenAPI document, which says what may be answered."""
        self._declared = {
            (method.upper(), path): {int(status) for status in operation["responses"]}
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        }
        self._lock = threading.Lock()
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self.sightings: Counter[Sighting] = Counter()
        self.described: Counter[tuple[int, str]] = Counter()
        self.undeclared: list[str] = []
        self.unexpected: list[str] = []
        self.mixed: list[str] = []
        self.ended = threading.Event()

    def answer(self, kind: str, operation: str, status: int, text: str, *, fine: Collection[int] = GOOD) -> None:
        """Count an answer; 0 is a connection that broke off.

        Args:
            kind: Of request, for the table.
            operation: Method and path of the document; empty for what is not in it.
            status: Of the answer.
            text: Its begin, to be shown where something is wrong.
            fine: Statuses that such a request may meet.
        """
        method, _, path = operation.partition(" ")
        with self._lock:
            self.statuses[kind][status] += 1
            if status >= 500 or operation:
                declared = self._declared.get((method, path), set())
                if status and status not in declared:
                    self.undeclared.append(f"{kind}: {operation} answered {status}: {text[:300]}")
            if status not in fine:
                self.unexpected.append(f"{kind}: {operation} answered {status}: {text[:300]}")

    def note(self, sighting: Sighting) -> None:
        """Count the boxes of one picture."""
        with self._lock:
            self.sightings[sighting] += 1

    def describe(self, version: int, sha256: str) -> None:
        """Count a description of the model."""
        with self._lock:
            self.described[version, sha256] += 1

    def accuse(self, text: str) -> None:
        """Keep an answer that holds something of another version, or of another request."""
        with self._lock:
            self.mixed.append(text[:700])

    def judge(self, truth: dict[int, Truth]) -> None:
        """Compare all answers with the versions that were published, by number."""
        for seen, count in self.sightings.items():
            wanted = truth.get(seen.version)
            if not wanted or wanted.contradicts(seen):
                self.accuse(f"{count} × {seen}; that version is {wanted}")
        for (version, digest), count in self.described.items():
            wanted = truth.get(version)
            if not wanted or digest != wanted.sha256:
                self.accuse(f"{count} × version {version} described with digest {digest}")

    @property
    def versions(self) -> set[int]:
        """The versions that answered."""
        return {seen.version for seen in self.sightings}

    def table(self) -> str:
        """Spell the answers by kind and status."""
        statuses = sorted({status for counts in self.statuses.values() for status in counts})
        heads = "".join(f"{status or 'closed':>9}" for status in statuses)
        lines = [f"{'requests':<16}{heads}{'all':>9}"]
        for kind, counts in sorted(self.statuses.items()):
            cells = "".join(f"{counts[status] or '':>9}" for status in statuses)
            lines.append(f"{kind:<16}{cells}{counts.total():>9}")
        sums = [sum(counts[status] for counts in self.statuses.values()) for status in statuses]
        lines.append(f"{'all':<16}{''.join(f'{total:>9}' for total in sums)}{sum(sums):>9}")
        return "\n".join(lines)
