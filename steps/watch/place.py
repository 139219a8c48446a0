"""Which data sets lie below a prefix."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from steps.errors import ParameterError
from steps.store import Store

ARCHIVE = re.compile(r"(?P<name>[^/]+)\.(?:zip|tar|tar\.gz|tgz)")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""Names that a model, a run and a label may have alike."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set: its name, and what `ingest` takes as its source."""

    name: str
    source: str


def find_data_sets(store: Store, source: str = "") -> tuple[list[DataSet], list[tuple[str, str]]]:
    """Return the data sets in `store` sorted by name, and what was left out with the reason.

    Args:
        store: What lies directly in it are data sets: archives, and folders of loose files.
        source: URL of one of them to look at alone; empty for all.

    Raises:
        ParameterError: If `source` does not lie directly in `store`.
    """
    wanted = _wanted(store, source)
    places: dict[str, list[str]] = {}
    left_out = []
    for place in _places(store, wanted):
        archive = ARCHIVE.fullmatch(place)
        name = archive["name"] if archive else place.removesuffix("/")
        if not archive and not place.endswith("/"):
            left_out.append((place, "neither an archive (.zip, .tar, .tar.gz, .tgz) nor a folder"))
        elif not NAME.fullmatch(name):
            left_out.append((place, "its name should have 1 to 40 lower-case letters, digits and `-`"))
        else:
            places.setdefault(name, []).append(place)
    for name, several in list(places.items()):
        if len(several) > 1:
            left_out.append((" and ".join(several), f"each would be the data set {name!r}: keep one of them"))
            del places[name]
    return [DataSet(name, f"{store.url()}/{place}") for name, (place,) in sorted(places.items())], left_out


def _wanted(store: Store, source: str) -> str:
    below = f"{store.url()}/"
    place = source.removeprefix(below)
    if source and (not source.startswith(below) or not place.strip("/") or "/" in place.rstrip("/")):
        raise ParameterError(
            f"--source={source!r} does not lie directly below --datasets={store.url()!r}",
            hint=f"name one data set, such as {below}planes.zip, or none for all",
        )
    return place


def _places(store: Store, wanted: str) -> Iterator[str]:
    """Yield each archive and each folder, the latter with a slash at its end, once."""
    last = ""
    for entry in store.list(wanted):
        head, slash, _ = entry.key.partition("/")
        place = head + slash
        if place != last and (not wanted or place.rstrip("/") == wanted.rstrip("/")):
            yield place
        last = place
