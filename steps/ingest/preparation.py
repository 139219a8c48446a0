"""From one image and its labels, as they came, to a file of the data set and its boxes. Runs in worker processes."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from steps.dataset.formats.source import Labels
from steps.dataset.issues import FOUND_LIMIT, Issue, Rejection
from steps.dataset.rows import Canvas, PlacedBox, Reading, place
from steps.ingest.class_rules import ClassRules
from steps.ingest.pictures import Picture, look_at

BYTES_A_PIXEL = 8
"""No kind of picture that is accepted takes more."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every image.

    Attributes:
        images: Folder to put pictures into.
        max_pixels: See `IngestInputs`.
        group_pattern: See `IngestInputs`.
        rules: Classes to keep and rename.
        owned: Folder whose files may be moved rather than copied; nobody else has them.
    """

    images: Path
    max_pixels: int
    group_pattern: str
    rules: ClassRules
    owned: Path


@dataclass(frozen=True, slots=True)
class Task:
    """One image to prepare.

    Attributes:
        file: Where it is.
        source: What the source calls it.
        name: What the data set will call it, without extension.
        labels: Its labels.
    """

    file: Path
    source: str
    name: str
    labels: Labels


@dataclass(slots=True)
class Outcome:
    """What became of one image. Small: these travel between processes.

    Attributes:
        source: What the source calls it.
        file: Name in the data set. Empty: the image was put aside.
        width: Pixels.
        height: Pixels.
        sha256: Of the file's bytes.
        group: See `records.ImageRecord`.
        boxes: JSON list of `[class, [left, top, right, bottom], outline or null]`.
        classes: Boxes by class.
        seen: Every class that the labels name, before renaming.
        rows: Label rows that were there.
        issues: What was wrong.
    """

    source: str
    file: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    group: str = ""
    boxes: str = "[]"
    classes: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    rows: int = 0
    issues: list[Issue] = field(default_factory=list)


def prepare(tasks: Sequence[Task], settings: Settings) -> list[Outcome]:
    """Prepare a few images, one after the other."""
    return [_prepare(task, settings) for task in tasks]


def _prepare(task: Task, settings: Settings) -> Outcome:
    outcome = Outcome(task.source)
    reading: Reading | None = None
    try:
        original = _read(task.file, settings.max_pixels)
        picture = look_at(original, task.file.name, settings.max_pixels)
        outcome.issues += [Issue(code, task.source, None, found) for code, found in picture.changes]
        reading = task.labels.read()
        canvas = Canvas(picture.width, picture.height, picture.orientation)
        boxes = _boxes(reading, canvas, settings.rules, outcome)
    except Rejection as fault:
        outcome.issues = [Issue(fault.code, task.source, None, fault.found)]
        outcome.rows = reading.total if reading else 0
        return outcome
    outcome.file = task.name + picture.suffix
    outcome.width, outcome.height = picture.width, picture.height
    outcome.sha256 = hashlib.sha256(picture.data).hexdigest()
    found = re.search(settings.group_pattern, task.source) if settings.group_pattern else None
    outcome.group = (found.group(1) or "") if found else ""
    outcome.boxes = json.dumps([[box.label, box.xyxy, box.polygon] for box in boxes])
    outcome.classes.update(box.label for box in boxes)
    _keep(task.file, picture, original, settings, settings.images / outcome.file)
    return outcome


def _read(file: Path, max_pixels: int) -> bytes:
    size = file.stat().st_size
    if size > max(max_pixels * BYTES_A_PIXEL, 1024 * 1024):
        raise Rejection("image_too_large", f"{size} bytes")
    return file.read_bytes()


def _boxes(reading: Reading, canvas: Canvas, rules: ClassRules, outcome: Outcome) -> list[PlacedBox]:
    """Place the rows whose class is kept, and tell in `outcome` what happened to all of them."""
    kept = []
    for row in reading.rows:
        outcome.seen.add(row.label)
        label = rules.final(row.label)
        if label is None:
            reading.note("class_dropped", row.number, row.label[:FOUND_LIMIT])
        else:
            kept.append(replace(row, label=label))
    reading.rows = kept
    boxes = place(reading, canvas)
    if reading.total == 0:
        reading.note("empty_labels" if reading.present else "no_label_file", None, "")
    elif not boxes and any(issue.treatment.action == "quarantined" for issue in reading.issues):
        reading.note("all_rows_bad", None, f"{reading.total} rows")
    outcome.rows = reading.total
    outcome.issues += reading.issues
    return boxes


def _keep(file: Path, picture: Picture, original: bytes, settings: Settings, target: Path) -> None:
    """Put the picture into the data set: a file that only we have and that stays as it is moves, others are written."""
    if picture.data is original and settings.owned in file.parents:
        file.replace(target)
    else:
        target.write_bytes(picture.data)
