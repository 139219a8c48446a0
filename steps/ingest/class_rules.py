"""Which classes are kept, under which name, in which order."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steps.errors import DatasetError


@dataclass(frozen=True, slots=True)
class ClassRules:
    """What `--classes` and `--rename-classes` say.

    Attributes:
        keep: Names to keep, in the order of their indices. Empty: all.
        rename: Old name → new name; empty: the class is dropped.
    """

    keep: tuple[str, ...]
    rename: Mapping[str, str]

    @classmethod
    def parse(cls, classes: str, rename_classes: str) -> "ClassRules":
        """Read both parameters.

        Raises:
            ValueError: If a name stands twice, or a renaming has no `=`.
        """
        keep = _listed(classes)
        for name in keep:
            if keep.count(name) > 1:
                raise ValueError(f"{name!r} stands there twice; name each class once")
        rename: dict[str, str] = {}
        for pair in _listed(rename_classes):
            old, mark, new = (part.strip() for part in pair.partition("="))
            if not mark or not old or old in rename:
                raise ValueError(f"{pair!r} is not `old=new` for a name not yet renamed; example: Person=person,dog=")
            rename[old] = new
        return cls(keep, rename)

    def final(self, name: str) -> str | None:
        """Return what a class of the source is called, or None where it is dropped."""
        new = self.rename.get(name, name)
        return new if new and (not self.keep or new in self.keep) else None

    def dropped_on_purpose(self, name: str) -> bool:
        """Tell whether `--rename-classes` drops the class."""
        return self.rename.get(name, name) == ""

    def order(self, own: tuple[str, ...] | None, found: Iterable[str], seen: Iterable[str]) -> tuple[str, ...]:
        """Return the classes of the data set: as given, else in the source's own order, else sorted.

        Args:
            own: Names in the source's order, before renaming. None: the source has none.
            found: Names that occur, after renaming.
            seen: Names that occur, before renaming.

        Raises:
            DatasetError: If there is no class, or none of those that were asked for.
        """
        names = sorted({*(own or ()), *seen})
        if self.keep:
            if names and not any(map(self.final, names)):
                raise DatasetError(
                    f"none of the classes {', '.join(self.keep)} occurs; the source has {', '.join(names[:20]) or 'no class'}",
                    hint=self._guess(names) + "see --classes and --rename-classes",
                )
            return self.keep
        known = dict.fromkeys(filter(None, map(self.final, own or ())))
        classes = tuple(known) if own is not None else tuple(sorted(found, key=_natural))
        if not classes:
            raise DatasetError(
                "no class is left: there is no box, and no class name", hint="name the classes with --classes"
            )
        return classes

    def absent(self, names: Iterable[str]) -> list[str]:
        """Return the names that `--rename-classes` mentions and the source does not have."""
        known = set(names)
        return [old for old in self.rename if old not in known]

    def _guess(self, names: list[str]) -> str:
        near = [match for name in self.keep for match in difflib.get_close_matches(name, names, n=1, cutoff=0.5)]
        return f"did you mean {near[0]!r}? " if near else ""


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _natural(name: str) -> list[str | int]:
    """Sort `class-2` before `class-10`: text and numbers alternate, so like meets like."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name)]
