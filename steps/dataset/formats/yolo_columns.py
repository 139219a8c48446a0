"""What the numbers after a YOLO box mean, told by all rows of a source that have them, never by one.

`class x y width height` may be followed by a confidence, by a track's number, or by both, and some tools write the
confidence first. One row can often be read in two ways. So every way is tried on many rows: what explains each of them that
can be explained is meant; where two ways that give different boxes are left, such rows are rejected.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from steps.dataset.issues import Rejection
from steps.dataset.label_text import read_text
from steps.dataset.rows import OVERSHOOT

FILES = 500
"""Label files that are looked at: enough to tell, and no second reading of a large source."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One way to read the numbers after the class.

    Attributes:
        box: Where the box begins among them.
        polygon: True where they are corners.
        track: Which of them is a track's number.
    """

    box: int = 0
    polygon: bool = False
    track: int | None = None


PLAIN = Meaning()
FIRST = Meaning(box=1)
TRACKED = Meaning(track=4)
SCORED_AND_TRACKED = Meaning(track=5)
POLYGON = Meaning(polygon=True)

Test = Callable[[Sequence[str], Sequence[float]], bool]


def _is_box(values: Sequence[float]) -> bool:
    x, y, width, height = values
    low, high = -OVERSHOOT, 1 + OVERSHOOT
    sides = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
    return width > 0 and height > 0 and all(low <= side <= high for side in sides)


def _is_share(value: float) -> bool:
    return 0 <= value <= 1


WAYS: dict[int, dict[Meaning, Test]] = {
    5: {
        PLAIN: lambda _, values: _is_box(values[:4]) and _is_share(values[4]),
        TRACKED: lambda tokens, values: _is_box(values[:4]) and tokens[4].isdecimal(),
        FIRST: lambda _, values: _is_box(values[1:]) and _is_share(values[0]),
    },
    6: {
        POLYGON: lambda _, values: all(-OVERSHOOT <= value <= 1 + OVERSHOOT for value in values),
        SCORED_AND_TRACKED: lambda tokens, values: (
            _is_box(values[:4]) and _is_share(values[4]) and tokens[5].isdecimal()
        ),
    },
}
"""Numbers after the class → the ways to read them, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows with 5 and with 6 numbers after the class are read; None where that cannot be told.

    `corners` is True where every row has 8 numbers, as labels of turned boxes have.
    """

    five: Meaning | None = PLAIN
    six: Meaning | None = POLYGON
    corners: bool = False

    def of(self, count: int) -> Meaning | None:
        """Return how a row with `count` numbers, 5 or 6, is read."""
        return self.five if count == 5 else self.six


USUAL_COLUMNS = Columns()


def find_columns(files: Iterable[Path]) -> Columns:
    """Return what the first rows of `files` show."""
    rows: dict[int, list[set[Meaning]]] = {5: [], 6: []}
    counts: set[int] = set()
    for file in islice(files, FILES):
        try:
            text, _ = read_text(file)
        except (Rejection, OSError):
            continue  # Whoever reads the image's labels says so.
        for line in text.splitlines():
            tokens = line.split()[1:]
            if tokens:
                counts.add(len(tokens))
            if len(tokens) in rows:
                rows[len(tokens)].append(_ways(tokens))
    return Columns(_meant(rows[5], PLAIN), _meant(rows[6], POLYGON), counts == {8})


def _ways(tokens: list[str]) -> set[Meaning]:
    try:
        values = [float(token) for token in tokens]
    except ValueError:
        return set()
    if not all(map(math.isfinite, values)):
        return set()
    return {meaning for meaning, fits in WAYS[len(values)].items() if fits(tokens, values)}


def _meant(rows: list[set[Meaning]], usual: Meaning) -> Meaning | None:
    explained = [ways for ways in rows if ways]
    if not explained:
        return usual
    left = set.intersection(*explained)
    boxes = {(meaning.box, meaning.polygon) for meaning in left}
    if len(boxes) != 1:
        return None
    # Ways that agree on the box differ in what else is kept: a number that can be a confidence is taken for one.
    return usual if usual in left else next(iter(left))
