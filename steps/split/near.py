"""Which of many perceptual hashes belong together, without comparing all with all.

Two hashes are near if few of their 256 bits differ, and few of the 64 that stand for the lowest frequencies. Groups are
the connected parts of that relation. Candidates come from the 64: cut into ten parts, of which at least two are equal
where up to eight bits differ, so hashes are compared only within the tables of two parts ("multi-index hashing",
Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012).

Many frames of one camera fill few rows of these tables. There nothing is compared whose group is known already, and a
group grows from one frame to all that are near it at once, so that the work does not grow with the square of frames.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

WORDS = 4
"""Of 64 bits, in a hash."""

PARTS = 10
"""Of the first word."""

MOST_LOW = PARTS - 2
"""Bits of the first word that may differ: two parts are then equal, wherever the bits are."""

NEAR = 48
"""Bits of the whole hash that may differ. Measured in docs/splits.md: copies differ in up to about 40, pictures of one kind in 60 and more."""

SHORT_ROW = 64
"""Hashes in a row of a table that are compared one with another, all rows of the table at once."""

MOST_A_HASH = 1024
"""Comparisons for each hash in a long row: beyond, the rest of the row is left to other tables."""

BLOCK = 1 << 16
"""Pairs that are compared at once in a long row."""

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]


def as_words(hashes: Sequence[str]) -> Hashes:
    """Return hashes of 64 hex digits as an array of shape (n, 4)."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u8").astype(np.uint64).reshape(-1, WORDS)


def distances(one: Hashes, other: Hashes) -> Indices:
    """Return how many bits differ, over the last axis."""
    counts = np.bitwise_count(one ^ other).astype(np.int64)
    found: Indices = counts[..., 0]
    for word in range(1, WORDS):  # faster than a sum along the axis
        found = found + counts[..., word]
    return found


class Search:
    """Groups of hashes that are near: a chain of them is one group.

    Args:
        hashes: Shape (n, 4). Equal ones belong in once, sorted, so that nothing depends on their order.
        most: Bits that may differ.
        budget: Comparisons for each hash in a long row.
    """

    def __init__(self, hashes: Hashes, most: int = NEAR, budget: int = MOST_A_HASH) -> None:
        self._hashes, self._most, self._budget = hashes, most, budget
        self._low = np.ascontiguousarray(hashes[:, 0])
        self._parents = np.arange(len(hashes))
        self.compared = 0
        """Pairs that were compared."""

    def groups(self) -> Indices:
        """Return the group of each hash: the smallest index in it."""
        if not self._most:
            return self._parents
        for keys in self._tables():
            self._look_through(keys)
        return self._roots_of(np.arange(len(self._hashes)))

    def _tables(self) -> Iterator[Hashes]:
        """Yield for every pair of parts what each hash has there: equal where both parts are.

        The bits of a part are those that are ten apart, so that a plain sky, which settles neighbouring frequencies alike,
        fills no table with one row.
        """
        for first, second in combinations(range(PARTS), 2):
            mask = sum(1 << bit for bit in range(64) if bit % PARTS in (first, second))
            yield self._low & np.uint64(mask)

    def _look_through(self, keys: Hashes) -> None:
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0])
        lengths = np.diff(np.r_[starts, len(keys)])
        rows = np.repeat(np.arange(len(lengths)), lengths)
        short = lengths[rows] <= SHORT_ROW
        self._compare_short(order[short], rows[short])
        for row in np.flatnonzero(lengths > SHORT_ROW):
            self._compare_long(order[starts[row] : starts[row] + lengths[row]])

    def _compare_short(self, order: Indices, rows: Indices) -> None:
        """Compare each hash with the one after it in its row, then with the second after it, and so on."""
        roots, left = self._roots_of(order), np.arange(len(order))
        for apart in range(1, SHORT_ROW):
            left = left[left + apart < len(order)]
            left = left[rows[left] == rows[left + apart]]
            if not left.size:
                return
            unknown = left[roots[left] != roots[left + apart]]
            one, other = order[unknown], order[unknown + apart]
            near = self._are_near(one, other)
            for pair in zip(one[near].tolist(), other[near].tolist(), strict=True):
                self._join(*pair)
            if near.any():
                roots = self._roots_of(order)

    def _compare_long(self, row: Indices) -> None:
        """Let groups grow in one long row until nothing in it is near, or too much of it would have to be compared."""
        roots, budget = self._roots_of(row), self._budget * len(row)
        while len(row) and budget > 0:
            inside = roots == roots[0]
            edge, row, roots = row[inside], row[~inside], roots[~inside]
            while len(edge) and len(row) and budget > 0:
                some, edge = np.split(edge, [max(1, BLOCK // len(row))])
                budget -= len(some) * len(row)
                near = self._are_near(some[:, None], row[None, :])
                hit = near.any(axis=0)
                if hit.any():
                    # One join for each hash will do: those of the edge are joined already.
                    for one, other in zip(near.argmax(axis=0)[hit].tolist(), row[hit].tolist(), strict=True):
                        self._join(int(some[one]), other)
                    # What is near brings its whole group along.
                    found = np.isin(roots, roots[hit])
                    edge, row, roots = np.r_[edge, row[found]], row[~found], roots[~found]

    def _are_near(self, one: Indices, other: Indices) -> NDArray[np.bool_]:
        near: NDArray[np.bool_] = np.bitwise_count(self._low[one] ^ self._low[other]) <= min(MOST_LOW, self._most)
        self.compared += near.size
        pairs = [side[near] for side in np.broadcast_arrays(one, other)]
        near[near] = distances(*(self._hashes[side] for side in pairs)) <= self._most
        return near

    def _roots_of(self, indices: Indices) -> Indices:
        roots = self._parents[indices]
        while not np.array_equal(above := self._parents[roots], roots):
            roots = above
        self._parents[indices] = roots
        return roots

    def _join(self, one: int, other: int) -> None:
        one, other = self._root(one), self._root(other)
        self._parents[max(one, other)] = min(one, other)

    def _root(self, index: int) -> int:
        while (above := int(self._parents[index])) != index:
            index = above
        return index
