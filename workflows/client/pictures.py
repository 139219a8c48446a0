"""Paths that people name → pictures to send, and where the drawn ones go."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workflows.client.errors import CallError

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to send.

    Attributes:
        path: The file.
        place: Its path below the folder of drawn pictures; no two pictures have the same.
    """

    path: Path
    place: Path


def find_pictures(paths: Iterable[Path]) -> list[Picture]:
    """Return the pictures that `paths` name: files as they are, of folders what looks like one, hidden ones left out.

    Raises:
        CallError: If a path does not exist, or there is no picture in all of them.
    """
    named = list(paths)
    found: list[Picture] = []
    places: set[Path] = set()
    for path in named:
        for file, below in _files(path, alone=len(named) == 1):
            place = _free(below, places)
            places.add(place)
            found.append(Picture(file, place))
    if not found:
        raise CallError(
            f"no pictures in {', '.join(map(str, named))}", hint=f"looked for {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _files(path: Path, *, alone: bool) -> list[tuple[Path, Path]]:
    if path.is_file():
        return [(path, Path(path.name))]
    if not path.is_dir():
        raise CallError(f"no file or folder {str(path)!r}", hint="name pictures, or folders of them")
    inside = [
        (file, file.relative_to(path))
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in SUFFIXES and file.is_file()
    ]
    shown = [(file, below) for file, below in inside if not any(part.startswith(".") for part in below.parts)]
    return shown if alone else [(file, Path(path.resolve().name) / below) for file, below in shown]


def _free(place: Path, taken: set[Path]) -> Path:
    number, free = 1, place
    while free in taken:
        number += 1
        free = place.with_stem(f"{place.stem}-{number}")
    return free
