"""Links inside a folder: followed where they lead to something in that same folder, and nowhere else."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from steps.dataset.split_names import of_folders

MOST_FOLDERS = 1000
"""Links to folders that are followed; more of them lead to each other."""


@dataclass(slots=True)
class Links:
    """The links that were followed.

    Attributes:
        within: Folder that links may not leave.
        root: Folder that paths are relative to: this one, or one inside it.
    """

    within: Path
    root: str = field(default="", init=False)
    _targets: dict[str, str] = field(default_factory=dict)
    _folders: int = 0

    def __post_init__(self) -> None:
        self.within = Path(os.path.realpath(self.within))
        self.settle(self.within)

    def __bool__(self) -> bool:
        return bool(self._targets)

    def fault(self, entry: os.DirEntry[str], chain: tuple[str, ...] = ()) -> str:
        """Return the issue code of a link that is not followed; empty where it is.

        A link to a folder around it, or to one on the way to it, would list the same files over and over. `chain` has
        the folders that links on the way led to.
        """
        target = Path(os.path.realpath(entry.path))
        if not target.exists() or self.within not in (target, *target.parents):
            return "link_ignored"
        if not target.is_dir():
            return "" if target.is_file() else "link_ignored"
        here = Path(os.path.realpath(Path(entry.path).parent))
        if target in (here, *here.parents) or str(target) in chain or self._folders >= MOST_FOLDERS:
            return "link_ignored"
        self._folders += 1
        return ""

    def settle(self, root: Path) -> None:
        """Have paths be relative to `root` from now on."""
        self.root = os.path.realpath(root)

    def follow(self, path: str, file: Path) -> None:
        """Remember the file at `path`, which a link leads to."""
        self._targets[path] = os.path.realpath(file)

    def real(self, path: str) -> str:
        """Return the file that `path` is or leads to."""
        return self._targets.get(path) or f"{self.root}/{path}"

    def twins(self, paths: Iterable[str], kept: Iterable[str]) -> set[str]:
        """Return those of `paths` that are the same file as one of `kept`."""
        shared = set(self._targets.values())
        if not shared:
            return set()
        have = {place for path in kept if (place := self.real(path)) in shared}
        return {path for path in paths if self.real(path) in have}

    def one_of_each(self, paths: list[str]) -> list[str]:
        """Return of those of `paths` that are the same file one: where a folder says a split, else the first."""
        kept: dict[str, str] = {}
        for path in paths:
            file = self.real(path)
            if file not in kept or (not of_folders(kept[file]) and of_folders(path)):
                kept[file] = path
        return list(kept.values())
