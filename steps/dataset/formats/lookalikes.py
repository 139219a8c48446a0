"""What a source holds whose labels are not recognised: each file's kind by its name, and the way to labels that are read.

These are told by what only they have, and are not read: they hold no boxes, or no annotations, or a library of their own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import ijson

from steps.dataset.formats.json_file import json_file
from steps.dataset.tree import Tree

LOOKED_AT = 200
"""Files of one extension of which the first that looks like something is told."""

EVENTS = 5_000
"""Parser events of a JSON file within which it shows what it is."""


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A kind of file that is known and not read.

    Attributes:
        title: What people call it, as the end of "… looks like".
        way_out: What to do instead.
    """

    title: str
    way_out: str


RESULTS = Lookalike(
    "COCO results: predictions with scores, not annotations",
    "give the file with images, annotations and categories, such as instances_val.json",
)
VIA = Lookalike("VGG Image Annotator's JSON", "export it as COCO JSON (Annotation > Export Annotations, COCO format)")
BDD = Lookalike("BDD100K or Scalabel JSON", "convert it to COCO JSON, with bdd100k's own to_coco")
LABELBOX = Lookalike("a Labelbox export", "convert it to COCO JSON, with Labelbox's SDK")
ANNOTATION = Lookalike(
    "a single annotation of Label Studio, as its target storage has them", "export the project as JSON: its tasks"
)
CAPTIONS = Lookalike("captions or image information without boxes", "give the file that has bbox or segmentation")

SUFFIXES = {
    ".parquet": Lookalike(
        "Parquet, as Hugging Face stores data sets", "save it as an image folder with metadata.jsonl"
    ),
    ".arrow": Lookalike("Arrow, as Hugging Face stores data sets", "save it as an image folder with metadata.jsonl"),
    ".mat": Lookalike("MATLAB", "convert its boxes to CSV with filename, width, height, class, xmin, ymin, xmax, ymax"),
    ".npy": Lookalike("NumPy", "convert its boxes to CSV with filename, width, height, class, xmin, ymin, xmax, ymax"),
    ".npz": Lookalike("NumPy", "convert its boxes to CSV with filename, width, height, class, xmin, ymin, xmax, ymax"),
    ".h5": Lookalike("HDF5", "write pictures and labels as files"),
    ".pkl": Lookalike("a Python pickle, which is never opened", "write its boxes as COCO JSON or CSV"),
    ".xlsx": Lookalike("a spreadsheet", "save it as CSV with filename, width, height, class, xmin, ymin, xmax, ymax"),
}

KINDS = tuple(dict.fromkeys((RESULTS, VIA, BDD, LABELBOX, ANNOTATION, CAPTIONS, *SUFFIXES.values())))
"""Every kind that is known, for the documentation."""

Shape = Callable[[set[str]], bool]

JSON_SHAPES: tuple[tuple[Shape, Lookalike], ...] = (
    (lambda keys: {"item.image_id", "item.score"} <= keys, RESULTS),
    (lambda keys: {"result", "task"} <= keys or {"result.item.from_name", "result.item.value"} <= keys, ANNOTATION),
    (lambda keys: "item.data_row" in keys or "data_row" in keys, LABELBOX),
    (lambda keys: "item.labels.item.box2d" in keys or "frames.item.labels.item.box2d" in keys, BDD),
    (lambda keys: any(key.endswith((".regions", ".shape_attributes")) for key in keys), VIA),
    (
        lambda keys: {"images.item.id", "annotations.item.caption"} <= keys or keys & {"images.item.id"} == keys,
        CAPTIONS,
    ),
)


def lookalikes(tree: Tree, dropped: dict[str, str]) -> Iterator[tuple[str, Lookalike]]:
    """Yield files of `tree` that look like something known, an example of each kind.

    `dropped` has for each extension of files that are never looked at the path of one.
    """
    told = set()
    for path in islice(tree.files(".json"), LOOKED_AT):
        found = _json_kind(tree, path)
        if found and found not in told:
            told.add(found)
            yield path, found
    for suffix, path in dropped.items():
        if suffix in SUFFIXES:
            yield path, SUFFIXES[suffix]


def _json_kind(tree: Tree, path: str) -> Lookalike | None:
    keys: set[str] = set()
    try:
        with json_file(tree.root / path) as file:
            events: Iterator[tuple[str, str, Any]] = ijson.parse(file)
            keys = {place for place, _, _ in islice(events, EVENTS)}
    except (ijson.JSONError, ValueError):
        pass  # What was read before the fault may still show the kind.
    return next((kind for fits, kind in JSON_SHAPES if fits(keys)), None)
