"""Label Studio's JSON export: a list of tasks, each with its annotations.

The newest annotation that was not cancelled counts. None: the task is unreviewed and left out; one without regions:
reviewed background. Regions are in percent of the picture; a rotated rectangle becomes its axis-aligned box in pixels.
Images lie in the source under their own name, or at the `s3://` address that the task gives. An image keeps the SHA-1
of its address as its name, so that it is called the same in every export.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import ijson

from steps.dataset.file_kinds import PICTURES
from steps.dataset.formats.json_file import json_file, odd_encodings, refusing_broken
from steps.dataset.formats.regions import count_rows, is_region, labels_of, regions_in, rows_of
from steps.dataset.formats.source import Format, Picture
from steps.dataset.issues import FOUND_LIMIT, Issue, Rejection
from steps.dataset.listing import Listing
from steps.dataset.rows import Reading
from steps.dataset.tree import Tree, called, parent
from steps.errors import DatasetError

MINIMAL_KEYS = frozenset({"annotation_id", "annotator", "created_at", "updated_at", "lead_time"})
MINIMAL = re.compile(r"item\.(annotation_id|annotator|[^.]+\.item\.(original_width|[a-z]+labels))")
"""Places in a JSON-MIN export that no other JSON file has."""

UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is a list of tasks."""
    return _layout(_task_files(tree))


def open_source(tree: Tree, given: tuple[str, ...]) -> "LabelStudioSource":  # noqa: ARG001  (tasks have their own names)
    """Gather the tasks, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is broken JSON, or a task has no image.
    """
    listing = tree.listing()
    read = tuple(_task_files(tree))
    for path in read:
        with refusing_broken(path), json_file(tree.root / path) as file:
            for number, item in enumerate(ijson.items(file, "item", use_float=True), 1):
                _list_task(tree, path, number, as_task(item), listing)
    return LabelStudioSource(tree, _layout(read), listing, read)


@dataclass(frozen=True, slots=True)
class LabelStudioLabels:
    """The annotations of one image, as JSON texts that `open_source` listed."""

    entries: tuple[str, ...]

    @property
    def source(self) -> str:
        """Return the file of the tasks; see `source.Labels`."""
        return str(json.loads(self.entries[0])["source"])

    def read(self) -> Reading:
        """Return a row for every label of every object; see `source.Labels`."""
        entries = [json.loads(entry) for entry in self.entries]
        reading = Reading(entries[0]["source"], frame=(100.0, 100.0))
        number = 0
        for results in (entry["regions"] for entry in entries):
            for result in results:
                if not is_region(result):
                    reading.total += 1
                    reading.note("image_label", None, json.dumps(result)[:FOUND_LIMIT])
            for region in regions_in(results):
                number += 1
                reading.total += 1
                found = json.dumps(region[0]["value"])[:FOUND_LIMIT]
                try:
                    rows = list(rows_of(region, number, found))
                except Rejection as fault:
                    reading.note(fault.code, number, f"{found} {fault.found}".strip())
                    continue
                reading.total += len(rows) - 1
                reading.rows += rows
        return reading


@dataclass(frozen=True, slots=True)
class LabelStudioSource:
    """Images that tasks mention; see `source.Source`."""

    tree: Tree
    layout: str
    listing: Listing
    read: tuple[str, ...]
    names: tuple[str, ...] | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield the image of every reviewed task."""
        for path, entries in self.listing.images():
            name = hashlib.sha1(json.loads(entries[0])["uri"].encode(), usedforsecurity=False).hexdigest()
            yield Picture(path, LabelStudioLabels(entries), name)

    def left_out(self) -> Iterator[Issue]:
        """Yield unreviewed tasks, those without an image, and images without a task."""
        yield from odd_encodings(self.tree, self.read)
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if not self.listing.has(path) and self.listing.identified(path) is None:
                yield Issue("not_listed", path)

    def files(self) -> Iterator[str]:
        """Yield the files of tasks."""
        yield from self.read

    def labels(self) -> Iterator[tuple[str, str]]:
        """Yield `(label, image)` for every label of every reviewed task, so that unknown ones can be refused at once."""
        for path, entries in self.listing.images():
            for entry in map(json.loads, entries):
                for region in regions_in(entry["regions"]):
                    yield from ((label, path) for label in labels_of(region))


@dataclass(frozen=True, slots=True)
class Review:
    """What the annotations of one task say.

    Attributes:
        results: Those of the newest annotation that was not cancelled. None: nobody has finished one.
        other: Results of each annotation that does not count.
    """

    results: list[Any] | None
    other: tuple[list[Any], ...]


def review_of(task: Any) -> Review:
    """Return what the annotations of a task say; old versions call them completions. Predictions are none."""
    annotations = (task.get("annotations") or task.get("completions")) if isinstance(task, dict) else None
    stated = [
        item
        for item in (annotations if isinstance(annotations, list) else [])
        if isinstance(item, dict) and isinstance(item.get("result"), list)
    ]
    last = max(
        (item for item in stated if not item.get("was_cancelled")),
        key=lambda item: (str(item.get("updated_at") or item.get("created_at") or ""), _as_int(item.get("id"))),
        default=None,
    )
    return Review(last["result"] if last else None, tuple(item["result"] for item in stated if item is not last))


def _layout(read: Sequence[str]) -> str:
    return f"Label Studio's JSON export: {', '.join(read)}" if read else ""


def _task_files(tree: Tree) -> list[str]:
    return [path for path in tree.files(".json") if _has_tasks(tree.root / path)]


def _has_tasks(path: Path) -> bool:
    """Return whether the first item of the file is a task, as the JSON or the JSON-MIN export has it."""
    try:
        with json_file(path) as file:
            for place, event, _ in ijson.parse(file):
                if place == "" and event not in ("start_array",):
                    return False
                if place in ("item.data", "item.annotations.item.result", "item.completions.item.result"):
                    return True
                if MINIMAL.fullmatch(place):
                    return True
                if place == "item" and event == "end_map":
                    return False
    except (ijson.JSONError, ValueError):
        return False
    return False


def as_task(item: Any) -> Any:
    """Return a task as the JSON export has it; one of the JSON-MIN export has its results among the data, each without an id.

    There is an item for each annotation. One without results was annotated too: nothing is on its picture.
    """
    if not isinstance(item, dict) or "data" in item:
        return item
    results: list[dict[str, Any]] = []
    for name, values in item.items():
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict):
                kind = next((key for key in value if key.endswith("labels")), name)
                sizes = {key: value[key] for key in ("original_width", "original_height") if key in value}
                results.append({"type": kind, "from_name": name, "value": value, **sizes})
    data = {name: value for name, value in item.items() if isinstance(value, str) and name not in MINIMAL_KEYS}
    annotation = {"id": item.get("annotation_id"), "updated_at": item.get("updated_at"), "result": results}
    return {"data": data, "annotations": [annotation]}


def _list_task(tree: Tree, source: str, number: int, task: Any, listing: Listing) -> None:
    uri = _uri(task, source, number)
    found = _locate(tree, uri, parent(source))
    review = review_of(task)
    regions = review.results
    other = sum(map(count_rows, review.other))
    if regions is None:
        image = found[0] if len(found) == 1 else uri
        listing.miss(Issue("unreviewed", image, number, uri[-FOUND_LIMIT:], other))
        for path in found:
            listing.identify(path, path)
        return
    for _ in range(other):
        listing.miss(Issue("superseded", source, number, uri[-FOUND_LIMIT:]))
    if len(found) == 1 or (not found and uri.startswith("s3://")):
        entry = {"uri": uri, "source": source, "regions": regions}
        listing.add(found[0] if found else uri, json.dumps(entry))
    else:
        code = "image_ambiguous" if found else "image_missing"
        listing.miss(Issue(code, source, number, called(uri, found), count_rows(regions)))


def _uri(task: Any, source: str, number: int) -> str:
    """Return the address of the task's image: `data.image`, or the first value in `data` that looks like a picture's."""
    data = task.get("data") if isinstance(task, dict) else None
    values = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    preferred = data.get("image") if isinstance(data, dict) else None
    for value in [preferred, *values]:
        if isinstance(value, str) and Path(_name(value)).suffix.lower() in PICTURES:
            return value
    if isinstance(preferred, str) and preferred:
        return preferred
    raise DatasetError(
        f"{source}: task {number} has no image in its data: {str(data)[:150]}",
        hint="export a project whose tasks have an image, such as {'data': {'image': 's3://bucket/a.jpg'}}",
    )


def _name(uri: str) -> str:
    """Return the path that `uri` means; Label Studio's local files carry it as a query."""
    if "://" not in uri and not uri.startswith("/"):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:  # See `path_of_address`.
        return uri
    inside = parse_qs(parts.query).get("d")
    return inside[0] if inside else unquote(parts.path)


def _locate(tree: Tree, uri: str, near: str) -> list[str]:
    path = _name(uri)
    folder, _, base = path.rpartition("/")
    return tree.locate(path, near) or tree.locate(f"{folder}/{UPLOADED.sub('', base)}", near)


def _as_int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json") or not _has_tasks(tree.root / path):
        return None
    rows = 0
    try:
        with json_file(tree.root / path) as file:
            for task in ijson.items(file, "item", use_float=True):
                review = review_of(as_task(task))
                rows += sum(map(count_rows, (review.results or [], *review.other)))
    except (ijson.JSONError, ValueError, RecursionError):
        return rows
    return rows


FORMAT = Format(
    name="label-studio",
    title="Label Studio's JSON export",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "The newest annotation of a task that was not cancelled counts, the objects of the others are left out; so are tasks without one."
        " Predictions are no labels. `completions` of old versions are annotations.",
        "Rectangles and ellipses, turned or not, polygons and brush strokes, in percent. Results that share a region's id are one object;"
        " choices, ratings and texts are its attributes.",
        "JSON-MIN is read too, as far as it goes: it does not say which annotation was cancelled.",
        "Images lie in the source, or at the `s3://` address of the task.",
    ),
    sample="export.json\nimages/a.jpg",
)
