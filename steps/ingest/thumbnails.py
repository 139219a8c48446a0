"""Small pictures with their boxes, for people to see at a glance whether the labels fit."""

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFile, ImageOps

from steps.dataset.issues import TREATMENTS
from steps.ingest.ledger import Ledger
from steps.ingest.pictures import FORMATS, orientation_of

COUNT = 24
LONGEST_SIDE = 320
COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6", "#bcf60c", "#008080", "#9a6324")


def draw_samples(ledger: Ledger, images: Path, folder: Path, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Write thumbnails of some images of the data set to `folder`, and return their list for the intake report."""
    listed = []
    for number, entry in enumerate(ledger.sample(COUNT), 1):
        name = f"{number:02}.jpg"
        _draw(images / entry.file, folder / name, json.loads(entry.boxes), classes)
        listed.append({"file": f"thumbnails/{name}", "source": entry.source, "boxes": len(json.loads(entry.boxes))})
    return listed


def draw_quarantine(
    ledger: Ledger, images: Path, folder: Path, classes: tuple[str, ...], original: Callable[[str], Path]
) -> list[dict[str, Any]]:
    """Write thumbnails of images that were put aside, or had rows put aside, as far as they can be seen.

    `original` tells where an image lies that is not in the data set, by what the source calls it.
    """
    listed: list[dict[str, Any]] = []
    for source, reason in _put_aside(ledger):
        name = f"quarantine-{len(listed) + 1:02}.jpg"
        entry = ledger.entry_of(source)
        boxes = json.loads(entry.boxes) if entry else []
        file = images / entry.file if entry else original(source)
        if _try_to_draw(file, folder / name, boxes, classes):
            listed.append({"file": f"thumbnails/{name}", "source": source, "boxes": len(boxes), "reason": reason})
        if len(listed) == COUNT:
            break
    return listed


def _put_aside(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Yield images and why they, or rows of them, were put aside: of every reason some."""
    codes = [code for code in ledger.counts if TREATMENTS[code].action == "rejected" and code != "image_too_large"]
    done = set()
    for code in sorted(codes):
        for finding in ledger.findings(code, max(4, COUNT // len(codes))):
            if finding.image and finding.image not in done:
                done.add(finding.image)
                found = f": {finding.issue.found}" if finding.issue.found else ""
                yield finding.image, f"{TREATMENTS[code].reason}{found}"


def _try_to_draw(file: Path, target: Path, boxes: list[Any], classes: tuple[str, ...]) -> bool:
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # The part that is there is worth seeing.
    try:
        _draw(file, target, boxes, classes)
    except Exception:  # noqa: BLE001  (decoders raise anything on broken bytes, and these are broken)
        return False
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return True


def _draw(file: Path, target: Path, boxes: list[Any], classes: tuple[str, ...]) -> None:
    with warnings.catch_warnings(), Image.open(file, formats=FORMATS) as image:
        warnings.simplefilter("ignore")
        upright = image.size if orientation_of(image) < 5 else image.size[::-1]
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        small = ImageOps.exif_transpose(image).convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    across, down = small.width / upright[0], small.height / upright[1]
    pen = ImageDraw.Draw(small)
    for label, (left, top, right, bottom), *_ in boxes:
        colour = COLOURS[classes.index(label) % len(COLOURS)]
        pen.rectangle((left * across, top * down, right * across, bottom * down), outline=colour, width=2)
    small.save(target, "JPEG", quality=85)
