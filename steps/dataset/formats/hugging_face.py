"""Hugging Face's image folders: `metadata.jsonl`, a line an image, with `objects`; boxes are x, y, width, height in pixels.

Classes are texts, or indices that the data set's card (`README.md`) or `dataset_info.json` names.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from steps.dataset.formats.class_names import find_names, name_files
from steps.dataset.formats.csv_tables import table_at
from steps.dataset.formats.json_file import without_surrogates
from steps.dataset.formats.listed import Entry, Gathering, ListedSource
from steps.dataset.formats.source import Format, layout_of
from steps.dataset.issues import FOUND_LIMIT, Issue, Rejection
from steps.dataset.label_text import encoding_of, read_text
from steps.dataset.rows import Reading, Row, as_coordinate, as_size
from steps.dataset.split_names import of_folders
from steps.dataset.tree import Tree

METADATA = "metadata.jsonl"
IMAGE = ("file_name", "image_file_name", "image")
CATEGORIES = ("categories", "category", "category_id", "labels", "label", "class", "classes", "name", "names")

INFOS = ("dataset_info.json", "dataset_infos.json")
CARD = "README.md"

Names = Mapping[int, str]


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no `metadata.jsonl` has objects."""
    found = [path for path in tree.named(METADATA) if _has_objects(tree, path)]
    return layout_of("Hugging Face's image folder", found)


def open_source(tree: Tree, given: tuple[str, ...]) -> ListedSource:
    """Gather the lines of all files, image by image; see `source.Format`.

    Raises:
        DatasetError: If classes are indices, and the files that name them cannot be understood.
    """
    gathering = Gathering(tree)
    read = list(tree.named(METADATA))
    about = []
    indexed = False
    for path in read:
        split, odd = of_folders(path), encoding_of(tree.root / path)[1]
        if odd:
            about.append(Issue("label_encoding", path, None, odd))
        for number, text, line in _lines(tree, path):
            objects = _objects(line)
            reference = _first(line, IMAGE)
            if not isinstance(line, dict):
                gathering.reject("broken_line", path, number, text)
                continue
            if not isinstance(reference, str) or not reference.strip():
                gathering.reject("image_missing", path, number, text, rows=len(objects))
                continue
            size = [line.get("width"), line.get("height")]
            entry: Entry = {"file": path, "row": number, "split": split, "size": size, "objects": objects}
            indexed |= any(isinstance(each.get("category"), int) for each in objects)
            entry["present"] = isinstance(line.get("objects"), dict | list)
            gathering.add(reference, entry, rows=len(objects))
    names: Names = {}
    if indexed:
        names, files = _names(tree, given)
        read += files
        if not names:
            about.append(Issue("names_unknown", ""))
    order = tuple(dict.fromkeys(names[index] for index in sorted(names))) or None
    labels = partial(HuggingFaceLabels, names)
    return ListedSource(tree, recognise(tree), gathering.listing, labels, tuple(read), order, tuple(about))


@dataclass(frozen=True, slots=True)
class HuggingFaceLabels:
    """The objects of one image, as `open_source` listed them."""

    names: Names
    entries: tuple[Entry, ...]

    @property
    def source(self) -> str:
        """Return the first file that lists the image; see `source.Labels`."""
        return str(self.entries[0]["file"])

    def read(self) -> Reading:
        """Return every object; see `source.Labels`."""
        present = any(entry["present"] for entry in self.entries)
        reading = Reading(self.source, as_size(*self.entries[0]["size"]), in_pixels=True, present=present)
        for number, item in enumerate((item for entry in self.entries for item in entry["objects"]), 1):
            reading.total += 1
            found = f"{item.get('category')} bbox={json.dumps(item.get('bbox'))}"[:FOUND_LIMIT]
            try:
                reading.rows.append(self._row(item, number, found))
            except Rejection as fault:
                reading.note(fault.code, number, found)
        return reading

    def _row(self, item: dict[str, Any], number: int, found: str) -> Row:
        label = _label(item.get("category"), self.names)
        box = item.get("bbox")
        if not label:
            raise Rejection("unknown_class")
        if not isinstance(box, list) or len(box) != 4:
            raise Rejection("no_box")
        x, y, width, height = map(as_coordinate, box)
        if width <= 0 or height <= 0:
            raise Rejection("zero_size")
        return Row(number, label, (x, y, x + width, y + height), found)


def _label(category: Any, names: Names) -> str:
    if isinstance(category, str):
        return category.strip()
    if isinstance(category, bool) or not isinstance(category, int) or category < 0:
        return ""
    return names.get(category, "") if names else f"class-{category}"


def _lines(tree: Tree, path: str) -> Iterator[tuple[int, str, Any]]:
    """Yield number, text and content of each line; the content is None where it is no JSON."""
    encoding, _ = encoding_of(tree.root / path)
    with (tree.root / path).open(encoding=encoding, errors="replace") as lines:
        for number, text in enumerate(lines, 1):
            if text.strip():
                try:
                    content = json.loads(text, parse_constant=lambda _: None)
                    yield number, text.strip(), without_surrogates(content) if "\\ud" in text.lower() else content
                except (ValueError, RecursionError):
                    yield number, text.strip(), None


def _objects(line: Any) -> list[dict[str, Any]]:
    """Return the objects of a line, each with `bbox` and `category`: it has lists side by side, or a list of objects."""
    objects = line.get("objects") if isinstance(line, dict) else None
    if isinstance(objects, list):
        items = [each if isinstance(each, dict) else {} for each in objects]
        return [{"bbox": each.get("bbox"), "category": _first(each, CATEGORIES)} for each in items]
    if not isinstance(objects, dict):
        return []
    boxes, categories = objects.get("bbox"), _first(objects, CATEGORIES)
    boxes, categories = (each if isinstance(each, list) else [] for each in (boxes, categories))
    count = max(len(boxes), len(categories))
    padded = ([*each, *[None] * (count - len(each))] for each in (boxes, categories))
    return [{"bbox": box, "category": category} for box, category in zip(*padded, strict=True)]


def _has_objects(tree: Tree, path: str) -> bool:
    try:
        return any(isinstance(line, dict) and "objects" in line for _, _, line in _lines(tree, path))
    except Rejection:
        return False


def _names(tree: Tree, given: tuple[str, ...]) -> tuple[Names, list[str]]:
    """Return what indices mean, and the files that were asked."""
    for path in (path for base in (CARD, *INFOS) for path in tree.named(base)):
        try:
            text, _ = read_text(tree.root / path)
            content = json.loads(text) if path.endswith(".json") else yaml.load(_front(text), yaml.BaseLoader)  # noqa: S506
        except (Rejection, ValueError, RecursionError, yaml.YAMLError):
            continue
        names = _class_label(content)
        if names:
            return names, [path]
    return find_names(tree) or dict(enumerate(given)), list(name_files(tree))


def _front(card: str) -> str:
    """Return the YAML between `---` at the head of a card."""
    parts = card.lstrip("\ufeff \r\n").split("---", 2)
    return parts[1] if len(parts) == 3 and not parts[0] else ""


def _class_label(content: Any) -> Names:
    """Return the names of the first class label anywhere in a description of features."""
    if isinstance(content, dict):
        names = content.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return dict(enumerate(names))
        if isinstance(names, dict) and names and all(str(index).isdecimal() for index in names):
            return {int(index): str(name) for index, name in names.items()}
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return next(filter(None, map(_class_label, inner)), {})


def _first(item: Any, names: tuple[str, ...]) -> Any:
    return next((item[name] for name in names if name in item), None) if isinstance(item, dict) else None


def _rows_in(tree: Tree, path: str) -> int | None:
    if path.rpartition("/")[2].lower() != METADATA or not _has_objects(tree, path):
        return None
    return sum(len(_objects(line)) for _, _, line in _lines(tree, path))


def _unread(tree: Tree) -> Iterator[str]:
    for path in tree.files(".jsonl"):
        try:
            line = next((line for _, _, line in _lines(tree, path)), None)
        except Rejection:
            continue
        if isinstance(line, dict) and line and "objects" not in line:
            kind = "labels for classification" if "label" in line else "not labels for detection"
            keys = ", ".join(map(str, list(line)[:6]))
            yield f"{path} has {keys}: {kind}; Hugging Face's `metadata.jsonl` has boxes in `objects`"
    for path in tree.named("metadata.csv"):
        if table_at(tree, path) is None:
            yield f"{path} cannot hold boxes as Hugging Face has them; write them to `metadata.jsonl`, in `objects`"


FORMAT = Format(
    name="hugging-face",
    title="Hugging Face's image folder",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "Files called `metadata.jsonl`, a line an image: `file_name`, and `objects` with `bbox` and `categories` (or `category`, "
        "`label`), as lists side by side or as a list of objects. Boxes are x, y, width, height in pixels, as COCO's.",
        "Classes are texts, or indices that the card `README.md`, `dataset_info.json` or `classes.txt` names.",
        "A line whose objects are empty is background; an image that no line has is left out. Folders called train, validation and test "
        "are splits. A file with `label` alone is for classification, and named.",
    ),
    sample="README.md\ntrain/metadata.jsonl\ntrain/a.jpg",
    unread=_unread,
)
