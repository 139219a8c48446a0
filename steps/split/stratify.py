"""Divide groups of images so that each part has its share of every class.

Iterative stratification, after Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", ECML
PKDD 2011: the rarest class is dealt out first. Three things differ. What is dealt out is a group, which cannot be cut.
The part that gets it is the one whose shares of all the group's classes gain most by it, not of the rarest alone, which
halves the error. And a part that has no room left is passed over, so that sizes are exact where groups allow, at the
cost of the most frequent classes, which bear it best.

Nothing here is random: groups carry a key, and their order by key decides where counts leave a choice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BACKGROUND = -1
"""Images without a box are dealt out like a class."""


@dataclass(frozen=True, slots=True)
class Group:
    """Images that stay together.

    Attributes:
        key: Decides the order of groups that are otherwise alike.
        members: Indices of the images.
        labels: How many of the images show each class; `BACKGROUND` counts those that show none.
    """

    key: str
    members: tuple[int, ...]
    labels: Mapping[int, int]

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.members)


def target_sizes(images: int, fractions: Sequence[float]) -> list[int]:
    """Divide a number of images, at least one a part, as near to `fractions` as whole images allow."""
    exact = [images * fraction for fraction in fractions]
    sizes = [max(1, int(share)) for share in exact]
    while sum(sizes) != images:
        step = 1 if sum(sizes) < images else -1
        changeable = [part for part, size in enumerate(sizes) if size + step >= 1]
        sizes[max(changeable, key=lambda part: (round((exact[part] - sizes[part]) * step, 9), sizes[part]))] += step
    return sizes


class Division:
    """Groups being dealt out to parts."""

    def __init__(self, groups: Sequence[Group], fractions: Sequence[float]) -> None:
        """Prepare for `groups`, of which there must be at least as many as `fractions`."""
        self.parts: list[list[Group]] = [[] for _ in fractions]
        self.totals = sum((Counter(group.labels) for group in groups), Counter[int]())
        self.room = target_sizes(sum(group.size for group in groups), fractions)
        self.fractions = tuple(fractions)
        self.wanted = [{label: n * fraction for label, n in self.totals.items()} for fraction in fractions]
        self._deal(groups)
        self._fill_empty()
        self._even_out()

    def _deal(self, groups: Sequence[Group]) -> None:
        """Deal out every group: rarest class first, and within a class the largest group first."""
        ordered = sorted(groups, key=lambda group: (-group.size, group.key))
        showing: dict[int, list[int]] = {label: [] for label in self.totals}
        for index, group in enumerate(ordered):
            for label in group.labels:
                showing[label].append(index)
        left, dealt = Counter(self.totals), [False] * len(ordered)
        while left:
            rarest = min(left, key=lambda label: (left[label], label))
            for index in showing[rarest]:
                if dealt[index]:
                    continue
                dealt[index], group = True, ordered[index]
                self._put(group, self._best_part(group))
                for label, count in group.labels.items():
                    left[label] -= count
            del left[rarest]

    def _best_part(self, group: Group) -> int:
        parts = range(len(self.parts))
        with_room = [part for part in parts if self.room[part] >= group.size]
        if not with_room:
            return max(parts, key=lambda part: self.room[part])
        return min(with_room, key=lambda part: (self._harm(group, part), -self.room[part]))

    def _fill_empty(self) -> None:
        """Give every part a group: the smallest of a part that has several, where one got none."""
        for part, groups in enumerate(self.parts):
            if not groups:
                donors = [(donor, group) for donor, has in enumerate(self.parts) if len(has) > 1 for group in has]
                donor, group = min(donors, key=lambda pair: (pair[1].size, self._harm(pair[1], part), pair[1].key))
                self._move(group, donor, part)

    def _even_out(self) -> None:
        """Move single groups as long as that brings the sizes nearer to their targets, with least harm to classes."""
        while True:
            gains = {
                (source, target, size): abs(self.room[source])
                + abs(self.room[target])
                - abs(self.room[source] + size)
                - abs(self.room[target] - size)
                for source, groups in enumerate(self.parts)
                if len(groups) > 1
                for size in {group.size for group in groups}
                for target in range(len(self.parts))
                if target != source
            }
            best = max(gains.values(), default=0)
            if best <= 0:
                return
            source, target, size = min(move for move, gain in gains.items() if gain == best)
            alike = [group for group in self.parts[source] if group.size == size]
            self._move(min(alike, key=lambda group: (self._harm(group, target), group.key)), source, target)

    def _harm(self, group: Group, part: int) -> float:
        """Return how much worse the classes' shares in `part` become with `group`: the change of chi squared."""
        harm = 0.0
        for label, count in group.labels.items():
            wanted = self.wanted[part][label]
            harm += ((wanted - count) ** 2 - wanted**2) / (self.totals[label] * self.fractions[part])
        return round(harm, 9)  # so that the order of additions decides nothing

    def _move(self, group: Group, source: int, target: int) -> None:
        self.parts[source].remove(group)
        self.room[source] += group.size
        for label, count in group.labels.items():
            self.wanted[source][label] += count
        self._put(group, target)

    def _put(self, group: Group, part: int) -> None:
        self.parts[part].append(group)
        self.room[part] -= group.size
        for label, count in group.labels.items():
            self.wanted[part][label] -= count
