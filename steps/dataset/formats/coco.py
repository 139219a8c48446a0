"""COCO JSON: files with `images`, `annotations` and `categories`; see `coco_rows` for the annotations.

Several files are read as one data set, a file a split for instance; categories are one when their names are. Where some are
called `instances…`, captions and keypoints, which tell the same images again, are left out. Files are streamed.

`iscrowd=1` marks a region of many objects, which is rejected; some tools, CVAT for one, write it for every mask. In COCO's own
files one annotation in a hundred is a crowd. Where more than `MOST_CROWDS` are, the mark says nothing of crowds.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from steps.dataset.formats.coco_rows import CocoLabels, entry_of, is_crowd
from steps.dataset.formats.json_file import json_file, odd_encodings, refusing_broken
from steps.dataset.formats.source import Format, Picture, layout_of, split_of_name
from steps.dataset.issues import FOUND_LIMIT, Issue
from steps.dataset.listing import Listing
from steps.dataset.tree import Tree, called, parent, path_of_address, stem
from steps.errors import DatasetError

TITLE = "COCO JSON"

MOST_CROWDS = 0.1
"""Share of a file's annotations that can be crowds."""

SAME_IMAGES = ("captions", "person_keypoints", "image_info", "panoptic", "stuff")
"""How names of COCO's own files begin that tell the images of `instances…` again."""

URLS = ("coco_url", "flickr_url", "url")
"""Where an image may be named that has no `file_name`."""

TWICE = "\0twice"


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no JSON file is a COCO one."""
    return layout_of(TITLE, _annotation_files(tree))


def open_source(tree: Tree, given: tuple[str, ...]) -> "CocoSource":  # noqa: ARG001  (COCO files have their own names)
    """Gather what the JSON files say, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is no JSON, or its categories cannot be understood.
    """
    gathered = _Gathered(tree, tree.listing(), {}, set(), set(), [])
    read = tuple(_annotation_files(tree))
    for number, path in enumerate(read):
        with refusing_broken(path):
            _gather(gathered, path, number)
    names = tuple(gathered.names)
    labels = partial(CocoLabels, single=frozenset(gathered.single), bare=frozenset(gathered.bare))
    return CocoSource(tree, layout_of(TITLE, read), names, gathered.listing, labels, tuple(gathered.issues), read)


@dataclass(frozen=True, slots=True)
class CocoSource:
    """Images that COCO files list; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    listing: Listing
    labels: Callable[[str, tuple[str, ...]], CocoLabels]
    issues: tuple[Issue, ...]
    read: tuple[str, ...]

    def pictures(self) -> Iterator[Picture]:
        """Yield every listed image; one without annotations is background."""
        for path, entries in self.listing.images():
            file = json.loads(entries[0])["file"]
            yield Picture(path, self.labels(file, entries), split=split_of_name(file))

    def left_out(self) -> Iterator[Issue]:
        """Yield images and annotations that belong to nothing, and files that are not read."""
        yield from self.issues
        yield from odd_encodings(self.tree, self.read)
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if not self.listing.has(path):
                yield Issue("not_listed", path)
        for path in self.tree.files(".json"):
            if path not in self.read and _is_coco(self.tree.root / path):
                yield Issue("other_labels", path, None, "COCO, beside instances…", _rows_in(self.tree, path) or 0)

    def files(self) -> Iterator[str]:
        """Yield the JSON files."""
        yield from self.read


def identity(value: Any) -> str:
    """Return an id as text, so that 1, 1.0, "1" and "1.0" are one; empty for what is no id."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    text = str(value).strip() if isinstance(value, int | str) else ""
    return re.sub(r"^(\d+)\.0+$", r"\1", text)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What the files so far have given.

    Attributes:
        tree: Where the images are.
        listing: Sizes and annotations by image.
        names: Class names, in order.
        single: See `CocoLabels`.
        bare: See `CocoLabels`.
        issues: What is wrong with the categories.
    """

    tree: Tree
    listing: Listing
    names: dict[str, None]
    single: set[str]
    bare: set[str]
    issues: list[Issue]


def _gather(gathered: _Gathered, path: str, number: int) -> None:
    file = gathered.tree.root / path
    categories = _categories(file, path)
    for name, ids in _repeated(categories).items():
        gathered.issues.append(Issue("names_repeated", path, None, f"{name}: {', '.join(ids)}"[:FOUND_LIMIT]))
    missing = _list_images(gathered, path, number)
    used = _list_annotations(gathered, path, number, categories, missing)
    for code, reference, rows in missing.values():
        gathered.listing.miss(Issue(code, path, None, reference, rows))
    # Names that only group others, such as Roboflow's first category, are no class unless one is labelled so.
    parents = _parents(file) - used
    gathered.names.update(dict.fromkeys(name for name in categories.values() if name not in parents))


def _annotation_files(tree: Tree) -> list[str]:
    found = [path for path in tree.files(".json") if _is_coco(tree.root / path)]
    if not any(stem(path).startswith("instances") for path in found):
        return found
    return [path for path in found if not stem(path).startswith(SAME_IMAGES)]


def _is_coco(path: Path) -> bool:
    """Return whether the file begins as a COCO one does: by the first image or annotation in it; the rest is not read."""
    begins = {"images.item.file_name", "annotations.item.image_id", *(f"images.item.{name}" for name in URLS)}
    try:
        with json_file(path) as file:
            for place, event, _ in ijson.parse(file):
                if place in begins:
                    return True
                if place == "" and event not in ("start_map", "map_key"):
                    return False
    except (ijson.JSONError, ValueError):
        return False
    return False


def _categories(path: Path, source: str) -> dict[str, str]:
    """Return the names by id, in the order of the ids."""
    categories: dict[str, str] = {}
    with json_file(path) as file:
        for item in ijson.items(file, "categories.item", use_float=True):
            name = str(item.get("name", "")).strip() if isinstance(item, dict) else ""
            number = identity(item.get("id")) if isinstance(item, dict) else ""
            if not name or not number:
                raise DatasetError(
                    f"{source}: a category without a name or an id: {str(item)[:100]}",
                    hint='categories look like {"id": 1, "name": "plane"}',
                )
            if categories.get(number, name) != name:
                raise DatasetError(
                    f"{source}: category id {number} is both {categories[number]!r} and {name!r}",
                    hint="give each category an id of its own",
                )
            categories[number] = name
    return dict(sorted(categories.items(), key=lambda item: (not item[0].isdecimal(), item[0].zfill(20))))


def _repeated(categories: dict[str, str]) -> dict[str, list[str]]:
    times = Counter(categories.values())
    return {name: [number for number in categories if categories[number] == name] for name in times if times[name] > 1}


def _parents(path: Path) -> set[str]:
    with json_file(path) as file:
        return {
            str(item.get("supercategory", ""))
            for item in ijson.items(file, "categories.item")
            if isinstance(item, dict) and item.get("supercategory") != item.get("name")
        }


_Missing = dict[str, tuple[str, str, int]]
"""Id of an image that is not there → code of the issue, what the file calls the image, annotations."""


def _list_images(gathered: _Gathered, source: str, number: int) -> _Missing:
    missing: _Missing = {}
    listing, tree = gathered.listing, gathered.tree
    with json_file(tree.root / source) as file:
        for row, item in enumerate(ijson.items(file, "images.item", use_float=True), 1):
            entry = item if isinstance(item, dict) else {}
            reference = _reference(entry)
            image = identity(entry.get("id")) or f"\0{row}"
            found = tree.locate(reference, parent(source))
            if len(found) != 1:
                code = "image_ambiguous" if found else "image_missing"
                missing[image] = (code, called(reference or f"images[{row - 1}]", found), 0)
                continue
            other = listing.identified(f"{number}:{image}")
            listing.identify(f"{number}:{image}", found[0] if other in (None, found[0]) else TWICE)
            listing.add(found[0], json.dumps({"size": [entry.get("width"), entry.get("height")], "file": source}))
    return missing


def _reference(image: dict[str, Any]) -> str:
    """Return what the file calls the image: its `file_name`, else the path of its address."""
    if image.get("file_name"):
        return str(image["file_name"])
    return path_of_address(next((str(image[name]) for name in URLS if image.get(name)), ""))


def _list_annotations(
    gathered: _Gathered, source: str, number: int, names: dict[str, str], missing: _Missing
) -> set[str]:
    """List every annotation with its image; return the names of the classes that occur."""
    used: set[str] = set()
    by_name = set(names.values())
    crowds = total = 0
    with json_file(gathered.tree.root / source) as file:
        for row, item in enumerate(ijson.items(file, "annotations.item", use_float=True), 1):
            if not isinstance(item, dict):
                gathered.listing.miss(Issue("wrong_columns", source, row, str(item)[:FOUND_LIMIT]))
                continue
            total, crowds = total + 1, crowds + is_crowd(item)
            category = identity(item.get("category_id"))
            name = names.get(category) or (category if category in by_name else None)
            if name:
                used.add(name)
            image = identity(item.get("image_id"))
            path = gathered.listing.identified(f"{number}:{image}")
            if image in missing:
                code, reference, rows = missing[image]
                missing[image] = (code, reference, rows + 1)
            elif path is None or path == TWICE:
                code = "image_id_repeated" if path else "image_unlisted"
                found = f"image_id={item.get('image_id')!r} {name or ''}".strip()
                gathered.listing.miss(Issue(code, source, row, found[:FOUND_LIMIT]))
            else:
                gathered.listing.add(path, json.dumps(entry_of(item, name) | {"file": source}))
    if crowds > MOST_CROWDS * total:
        gathered.single.add(source)
    if not total and not _has_annotations(gathered.tree.root / source):
        gathered.bare.add(source)
    return used


def _has_annotations(path: Path) -> bool:
    """Return whether there is a list of annotations, an empty one too."""
    with json_file(path) as file:
        return any(place == "annotations" and event == "start_array" for place, event, _ in ijson.parse(file))


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".json") or not _is_coco(tree.root / path):
        return None
    rows = 0
    try:
        with json_file(tree.root / path) as file:
            for _ in ijson.items(file, "annotations.item", use_float=True):
                rows += 1
    except (ijson.JSONError, ValueError, RecursionError):
        return rows
    return rows


FORMAT = Format(
    name="coco",
    title=TITLE,
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "One file or several, a file a split for instance. Where some are called `instances…`, captions and keypoints are left out.",
        'Ids are numbers or text; 1, 1.0 and `"1"` are one; a category may be given by its name. An image without `file_name` is found by its `coco_url`.',
        "An image without annotations is background, unless its file has no list of annotations at all, as one with images to test on.",
        "Outlines keep all their rings, masks their run lengths; either gives the box where there is none.",
        "`iscrowd=1` is rejected as a crowd, unless more than a tenth of a file's annotations have it, as where CVAT exports masks.",
    ),
    sample="annotations/instances_train.json\nimages/a.jpg",
)
