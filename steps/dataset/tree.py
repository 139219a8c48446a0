"""What files a source has: an index on disk, so that a million of them cost no memory."""

import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from steps.dataset.file_kinds import JUNK, PICTURES, RECORDS, unwanted
from steps.dataset.issues import FOUND_LIMIT, Issue
from steps.dataset.links import Links
from steps.dataset.listing import Listing
from steps.dataset.split_names import has_split_name

Note = Callable[[Issue], None]
"""Where issues go that belong to no image's labels."""


Metering = Callable[[int], Callable[[int], None]]
"""Takes the bytes of packed files, and returns what counts bytes that are unpacked from them; it refuses too many."""


def unlimited(_: int) -> Callable[[int], None]:
    """Return what counts nothing; see `Metering`."""
    return lambda _: None


def key(name: str) -> str:
    """Return `name` so that two spellings of one name compare equal: any case, any Unicode composition."""
    return unicodedata.normalize("NFC", name).casefold()


@dataclass(slots=True)
class Tree:
    """The files below a folder, without special files and what desktops leave behind; links are followed inside of it.

    Used with `with`, which closes the index and the listing.
    Paths are text relative to `root`, with `/`. Everything is listed in the order of paths.
    """

    root: Path
    folders: dict[str, str] = field(repr=False)
    """Every folder that has files, by `key`."""

    unpacked: Path
    """Folder, at first not there, for pictures that formats take out of other files; they are not among `pictures`."""

    meter: Metering
    """To be asked before something is unpacked."""

    links: Links = field(repr=False)
    """The links that were followed."""

    _index: Path
    _db: sqlite3.Connection = field(repr=False)
    _opened: ExitStack = field(repr=False)

    @classmethod
    def scan(cls, folder: Path, index: Path, note: Note, meter: Metering = unlimited) -> "Tree":
        """List the files below `folder`, wrapper folders peeled off; `index` is a file to keep the list in."""
        with ExitStack() as opened:
            db = opened.enter_context(closing(sqlite3.connect(index, isolation_level=None)))
            db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;")
            db.execute(
                "CREATE TABLE file (path TEXT PRIMARY KEY, folder TEXT, base TEXT, stem TEXT, suffix TEXT, picture INT)"
                " WITHOUT ROWID"
            )
            links = Links(folder)
            root = _unwrap(folder, note, links)
            links.settle(root)
            tree = cls(root, {}, index.with_suffix(".unpacked"), meter, links, index, db, opened)
            db.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)", tree._walk(note))
            db.executescript("CREATE INDEX by_base ON file (base); CREATE INDEX by_stem ON file (stem);")
            # Nothing failed: from here on the connection is the tree's to close.
            tree._opened = opened.pop_all()
        return tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def listing(self) -> Listing:
        """Return an empty listing that lies beside the index and is closed with it; a tree has one."""
        return self._opened.enter_context(Listing(self._index.with_suffix(".listing")))

    def pictures(self) -> Iterator[str]:
        """Yield every file that has the extension of a picture."""
        return self._paths("SELECT path FROM file WHERE picture ORDER BY path")

    def label_files(self) -> Iterator[str]:
        """Yield every file that is no picture: all have the extension of one that formats look into."""
        return self._paths("SELECT path FROM file WHERE NOT picture ORDER BY path")

    def files(self, *suffixes: str) -> Iterator[str]:
        """Yield every other file that has one of `suffixes`, such as `.txt`, in any case."""
        marks = ",".join("?" * len(suffixes))
        return self._paths(f"SELECT path FROM file WHERE suffix IN ({marks}) ORDER BY path", *suffixes)  # noqa: S608

    def records(self) -> Iterator[str]:
        """Yield every TFRecord file, by its name."""
        return (path for path in self.label_files() if RECORDS.fullmatch(path.rpartition("/")[2]))

    def place(self, path: str) -> Path:
        """Return where the file at `path` is: below `root`, or unpacked."""
        unpacked = self.unpacked / path
        return unpacked if unpacked.exists() else self.root / path

    def named(self, base: str) -> Iterator[str]:
        """Yield every file that is called `base`, in any case, in whatever folder."""
        return self._paths("SELECT path FROM file WHERE base = ? ORDER BY path", key(base))

    def census(self) -> dict[str, int]:
        """Return how many files of each extension there are."""
        return dict(self._db.execute("SELECT suffix, COUNT(*) FROM file GROUP BY suffix").fetchall())

    def has(self, path: str) -> bool:
        """Tell whether there is a file at exactly `path`."""
        return self._db.execute("SELECT 1 FROM file WHERE path = ?", (path,)).fetchone() is not None

    def pictures_of_stem(self, stem: str) -> list[str]:
        """Return the pictures that are called `stem`, whatever their extension and folder."""
        return list(self._paths("SELECT path FROM file WHERE stem = ? AND picture ORDER BY path", key(stem)))

    def files_of_stem(self, stem: str, suffix: str) -> list[str]:
        """Return the files that are called `stem` and have `suffix`, in any case, whatever their folder."""
        query = "SELECT path FROM file WHERE stem = ? AND suffix = ? ORDER BY path"
        return list(self._paths(query, key(stem), suffix))

    def pictures_in(self, folder: str, stem: str) -> list[str]:
        """Return the pictures directly in `folder` that are called `stem`, whatever their extension."""
        query = "SELECT path FROM file WHERE stem = ? AND picture AND folder = ? ORDER BY path"
        return _exactly(stem, list(self._paths(query, key(stem), folder)))

    def has_pictures(self, folder: str) -> bool:
        """Tell whether pictures lie directly in `folder`."""
        query = "SELECT 1 FROM file WHERE path > ? AND path < ? AND picture AND folder = ? LIMIT 1"
        bounds = (f"{folder}/", f"{folder}0") if folder else ("", "\U0010ffff")
        return self._db.execute(query, (*bounds, folder)).fetchone() is not None

    def file_in(self, folder: str, stem: str, suffix: str) -> str | None:
        """Return the file directly in `folder` that is called `stem` and has `suffix`, in any case; None if none is."""
        query = "SELECT path FROM file WHERE stem = ? AND suffix = ? AND folder = ? ORDER BY path"
        return next(iter(_exactly(stem, list(self._paths(query, key(stem), suffix, folder)))), None)

    def locate(self, reference: str, near: str = "") -> list[str]:
        """Return the pictures that `reference` can mean: none, one, or several where that cannot be told.

        A path that leads to a picture, from the folder `near` or from the root, is that picture. Otherwise the
        picture of the same name that agrees in the most folders from the end; among equals, the one nearest to
        `near`, and then the one that is spelled the same to the letter. So paths of another machine are understood, and
        where nothing fits, those that are addresses. A link and its target are one picture.
        """
        best = self._locate(reference, near)
        if not best and (plain := path_of_address(reference, escaped=True)) != reference:
            best = self._locate(plain, near)
        return self.links.one_of_each(best) if len(best) > 1 and self.links else best

    def _locate(self, reference: str, near: str) -> list[str]:
        """Return the pictures that `reference` can mean, taken as it is spelled."""
        parts = [part for part in re.split(r"[\\/]+", reference.strip()) if part not in ("", ".", "..")]
        if not parts:
            return []
        for start in (near, ""):
            path = "/".join([start, *parts] if start else parts)
            if os.path.splitext(path)[1].lower() in PICTURES and self.has(path):  # noqa: PTH122  (as below)
                return [path]
        found = self._paths("SELECT path FROM file WHERE base = ? AND picture ORDER BY path", key(parts[-1]))
        best: list[str] = []
        best_score = (-1, -1, False)
        for path in found:
            own = path.split("/")
            agreeing = _common(own[::-1], parts[::-1])
            score = (
                agreeing,
                _common(own, near.split("/") if near else []),
                own[-agreeing:] == parts[-agreeing:],
            )
            if score > best_score:
                best, best_score = [path], score
            elif score == best_score:
                best.append(path)
        return best

    def nearest(self, reference: str, near: str) -> str | None:
        """Return the file, no picture, that `reference` in the file `near` means: of its name, the one nearest to `near`.

        So paths of another machine are understood. None where no file is called so.
        """
        base = re.split(r"[\\/]+", reference.strip())[-1]
        found = list(self.named(base)) if base else []
        return min(found, key=lambda path: (parent(path) != parent(near), path.count("/"), path), default=None)

    def _paths(self, query: str, *values: str) -> Iterator[str]:
        for (path,) in self._db.cursor().execute(query, values):
            yield path

    def _walk(self, note: Note) -> Iterator[tuple[str, str, str, str, str, bool]]:
        waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
        while waiting:
            folder, chain = waiting.pop()
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    name = entry.name
                    path = f"{folder}/{name}" if folder else name
                    fault = _fault(entry, self.links, chain)
                    if fault:
                        note(Issue(fault, _shown(path)))
                    elif entry.is_dir():
                        waiting.append((path, (*chain, os.path.realpath(entry.path)) if entry.is_symlink() else chain))
                    else:
                        if chain or entry.is_symlink():
                            self.links.follow(path, self.root / path)
                        self.folders[key(folder)] = folder
                        stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a million times; pathlib is much slower)
                        suffix = suffix.lower()
                        yield path, folder, key(name), key(stem), suffix, suffix in PICTURES


def called(reference: str, found: list[str]) -> str:
    """Return in words what labels call an image that is not there, or that several files can be: the first two of them."""
    if len(found) < 2:
        return reference[-FOUND_LIMIT:]
    return f"{reference[-FOUND_LIMIT // 3 :]}, which can be {found[0]} or {found[1]}"[:FOUND_LIMIT]


def parent(path: str) -> str:
    """Return the folder of `path`, empty for the root."""
    return path.rpartition("/")[0]


def stem(path: str) -> str:
    """Return the file name in `path` without folders and extension."""
    return os.path.splitext(path.rpartition("/")[2])[0]  # noqa: PTH122  (a million times; pathlib is much slower)


def _exactly(name: str, paths: list[str]) -> list[str]:
    """Return those of `paths` that are called `name` to the letter; all, if none is."""
    return [path for path in paths if stem(path) == name] or paths


def mirrored(folder: str, old: tuple[str, ...], new: str) -> str | None:
    """Return `folder` with its last part that is one of `old`, in any case, spelled `new`; None where there is none."""
    parts = folder.split("/")
    for place in range(len(parts) - 1, -1, -1):
        if key(parts[place]) in old:
            return "/".join([*parts[:place], new, *parts[place + 1 :]])
    return None


def _unwrap(folder: Path, note: Note, links: Links) -> Path:
    """Return the folder inside wrapper folders: those that hold one folder and else nothing that is looked at.

    A folder that is called as a split is none, even alone: its name says where its images belong.
    """
    while True:
        with os.scandir(folder) as entries:
            inside = list(entries)
        if any(entry.is_symlink() for entry in inside):
            return folder
        faults = {entry.name: _fault(entry, links) for entry in inside}
        wanted = [entry for entry in inside if not faults[entry.name]]
        if len(wanted) != 1 or not wanted[0].is_dir() or has_split_name(wanted[0].name):
            return folder
        for name, fault in faults.items():
            if fault:
                note(Issue(fault, _shown(name)))
        folder = Path(wanted[0].path)


def path_of_address(reference: str, *, escaped: bool = False) -> str:
    """Return the path inside an address, as a file would be called: tools on the web escape names, and sign addresses.

    What is no address, or none that can be read, stays as it is, unless it is `escaped` as if it were one.
    """
    if "://" not in reference:
        return unquote(reference) if escaped else reference
    try:
        return unquote(urlsplit(reference).path)
    except ValueError:  # Half of an IPv6 address, such as http://[a.jpg.
        return reference


def _common(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if key(a) != key(b):
            break
        count += 1
    return count


def _fault(entry: os.DirEntry[str], links: Links, chain: tuple[str, ...] = ()) -> str:
    if JUNK.fullmatch(entry.name):
        return "system_file"
    if not _is_text(entry.name):
        return "name_not_utf8"
    if entry.is_symlink() and (fault := links.fault(entry, chain)):
        return fault
    if not (entry.is_dir() or entry.is_file()):
        return "link_ignored"
    return "" if entry.is_dir() else unwanted(entry.name)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
