"""From one image and its labels, as they came, to a file of the data set and its boxes. Runs in worker processes."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Literal

from steps.dataset.formats.source import Labels
from steps.dataset.issues import FOUND_LIMIT, Fate, Issue, Rejection
from steps.dataset.rows import Canvas, PlacedBox, Reading, place
from steps.dataset.split_names import SplitName
from steps.ingest.class_rules import ClassRules
from steps.ingest.pictures import Picture, look_at

Unlabelled = Literal["auto", "background", "leave-out"]
"""What an image without a label file is."""

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
        unlabelled: See `IngestInputs`.
        hashed: Whether pictures get a perceptual hash.
    """

    images: Path
    max_pixels: int
    group_pattern: str
    rules: ClassRules
    owned: Path
    unlabelled: Unlabelled
    hashed: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One image to prepare.

    Attributes:
        file: Where it is.
        source: What the source calls it.
        name: What the data set will call it, without extension.
        labels: Its labels.
        split: Where the source puts it.
    """

    file: Path
    source: str
    name: str
    labels: Labels
    split: SplitName = ""


@dataclass(slots=True)
class Outcome:
    """What became of one image. Small: these travel between processes.

    Attributes:
        source: What the source calls it.
        file: Name in the data set. Empty: the image was rejected or left out.
        width: Pixels.
        height: Pixels.
        sha256: Of the file's bytes.
        group: See `records.ImageRecord`.
        split: See `records.ImageRecord`.
        phash: See `records.ImageRecord`.
        boxes: JSON list of `[class, [left, top, right, bottom], rings, [height, width, counts] of the mask, attributes]`.
        classes: Boxes by class.
        seen: Every class that the labels name, before renaming.
        rows: What became of its label rows.
        fate: What became of the image itself.
        label_file: Where its labels stand. Empty: there are none.
        label_fate: What became of that file.
        guessed: True where the image is taken for background though the source does not say so.
        issues: What was wrong.
    """

    source: str
    file: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    group: str = ""
    split: SplitName = ""
    phash: str = ""
    boxes: str = "[]"
    classes: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    rows: Counter[Fate] = field(default_factory=Counter)
    fate: Fate = "used"
    label_file: str = ""
    label_fate: Fate = "used"
    guessed: bool = False
    issues: list[Issue] = field(default_factory=list)


def prepare(tasks: Sequence[Task], settings: Settings) -> list[Outcome]:
    """Prepare a few images, one after the other."""
    return [_prepare(task, settings) for task in tasks]


def _prepare(task: Task, settings: Settings) -> Outcome:
    outcome = Outcome(task.source, split=task.split)
    reading: Reading | None = None
    try:
        # Before the image, so that the rows of a broken one are counted.
        outcome.label_file = task.labels.source if task.labels.source != task.source else ""
        reading = task.labels.read()
        _check_labelled(reading, settings)
        original = _read(task.file, settings.max_pixels)
        picture = look_at(original, task.file.name, settings.max_pixels, hashed=settings.hashed)
        outcome.issues += [Issue(code, task.source, None, found) for code, found in picture.changes]
        boxes = _boxes(reading, Canvas(picture.width, picture.height, picture.orientation), settings, outcome)
    except Rejection as fault:
        return _without(outcome, reading, fault)
    outcome.rows = reading.fates
    if any(issue.treatment.scope == "image" and issue.treatment.action == "repaired" for issue in outcome.issues):
        outcome.fate = "repaired"
    if any(issue.code == "encoding" for issue in reading.issues):
        outcome.label_fate = "repaired"
    outcome.file = task.name + picture.suffix
    outcome.width, outcome.height = picture.width, picture.height
    outcome.sha256, outcome.phash = hashlib.sha256(picture.data).hexdigest(), picture.phash
    found = re.search(settings.group_pattern, task.source) if settings.group_pattern else None
    outcome.group = (found.group(1) or "") if found else ""
    outcome.boxes = json.dumps(
        [[box.label, box.xyxy, box.rings, box.mask and astuple(box.mask), dict(box.attributes)] for box in boxes]
    )
    outcome.classes.update(box.label for box in boxes)
    _keep(task.file, picture, original, settings, settings.images / outcome.file)
    return outcome


def _check_labelled(reading: Reading, settings: Settings) -> None:
    if not reading.present and settings.unlabelled == "leave-out":
        raise Rejection("unlabelled")


def _without(outcome: Outcome, reading: Reading | None, fault: Rejection) -> Outcome:
    """Return the outcome of an image that is not used: what was found so far counts no more, and its rows go with it.

    Where every row was rejected each is named, since the reasons differ; otherwise the image is.
    """
    about = outcome.label_file if fault.code == "label_unreadable" else ""
    issue = Issue(fault.code, about or outcome.source, None, fault.found)
    named = list(reading.issues) if reading and fault.code == "all_rows_bad" else []
    fate: Fate = "left_out" if issue.treatment.action == "left_out" else "rejected"
    outcome.issues = [*named, issue]
    outcome.fate = outcome.label_fate = fate
    outcome.guessed = False
    outcome.rows = reading.fates if named and reading else Counter({fate: reading.total} if reading else {})
    return outcome


def _read(file: Path, max_pixels: int) -> bytes:
    size = file.stat().st_size
    if size > max(max_pixels * BYTES_A_PIXEL, 1024 * 1024):
        raise Rejection("image_too_large", f"{size} bytes")
    return file.read_bytes()


def _boxes(reading: Reading, canvas: Canvas, settings: Settings, outcome: Outcome) -> list[PlacedBox]:
    """Place the rows whose class is kept, and tell in `outcome` what happened to all of them."""
    kept = []
    for row in reading.rows:
        outcome.seen.add(row.label)
        label = settings.rules.final(row.label)
        if label is None:
            reading.note("class_dropped", row.number, row.label[:FOUND_LIMIT])
        else:
            kept.append(replace(row, label=label))
    reading.rows = kept
    boxes = place(reading, canvas)
    if reading.total == 0:
        reading.note("empty_labels" if reading.present else "no_label_file", None, "")
        outcome.guessed = not reading.present and settings.unlabelled == "auto"
    elif not boxes and reading.fates["rejected"]:
        raise Rejection("all_rows_bad", f"{reading.fates['rejected']} of {reading.total} rows")
    outcome.issues += [_of_image(issue, outcome) for issue in reading.issues]
    return boxes


def _of_image(issue: Issue, outcome: Outcome) -> Issue:
    """Return an issue of labels that is about their image under its name: many images can share the file of labels."""
    about = issue.treatment.scope == "image" and issue.code != "encoding"
    return replace(issue, file=outcome.source) if about else issue


def _keep(file: Path, picture: Picture, original: bytes, settings: Settings, target: Path) -> None:
    """Put the picture into the data set: a file that only we have and that stays as it is moves, others are written."""
    if picture.data is original and settings.owned in file.parents:
        file.replace(target)
    else:
        target.write_bytes(picture.data)
