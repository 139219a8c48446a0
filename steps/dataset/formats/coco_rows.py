"""Annotations of COCO files: boxes as x, y, width, height in pixels, outlines as rings, masks as run lengths."""

import json
from dataclasses import dataclass
from typing import Any

from steps.dataset.issues import FOUND_LIMIT, Rejection
from steps.dataset.masks import Mask, from_counts
from steps.dataset.rows import Corners, Reading, Rings, Row, around, as_coordinate, as_size


def entry_of(item: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Return what is kept of one annotation until its image is read; `name` is its class, None where that is unknown."""
    return {
        "id": item.get("id"),
        "name": name if name is not None else f"category_id {item.get('category_id')}",
        "known": name is not None,
        "bbox": item.get("bbox"),
        "crowd": is_crowd(item),
        "segmentation": item.get("segmentation"),
    }


def is_crowd(item: dict[str, Any]) -> bool:
    """Return whether the annotation is marked as a region of many objects."""
    return item.get("iscrowd") in (1, "1", True)


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """What COCO files say about one image.

    Attributes:
        source: The JSON file, inside the source.
        entries: Texts as the source listed them: an image's size, or an annotation.
        single: Files whose `iscrowd=1` marks masks of single objects.
        bare: Files without annotations, not even an empty list: they say nothing of what is on their images.
    """

    source: str
    entries: tuple[str, ...]
    single: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()

    def read(self) -> Reading:
        """Return every annotation; see `source.Labels`."""
        entries = list(map(json.loads, self.entries))
        reading = Reading(self.source, in_pixels=True, present=any(entry["file"] not in self.bare for entry in entries))
        for entry in entries:
            if "size" in entry:
                reading.frame = reading.frame or as_size(*entry["size"])
                continue
            reading.total += 1
            number = entry["id"] if isinstance(entry["id"], int) else None
            found = f"{entry['name']} bbox={json.dumps(entry['bbox'])}"[:FOUND_LIMIT]
            try:
                reading.rows.append(_row(entry, number, found, single=entry["file"] in self.single))
            except Rejection as fault:
                reading.note(fault.code, number, f"{found} {fault.found}".strip())
        return reading


def _row(entry: dict[str, Any], number: int | None, found: str, *, single: bool) -> Row:
    if not entry["bbox"] and not entry["segmentation"]:
        raise Rejection("no_box")
    if not entry["known"]:
        raise Rejection("unknown_class")
    if entry["crowd"] and not single:
        raise Rejection("crowd")
    remarks: tuple[str, ...] = ("crowd_flag_dropped",) if entry["crowd"] else ()
    rings, (mask, short) = _rings(entry["segmentation"]), _mask(entry["segmentation"])
    if short:
        remarks = (*remarks, "mask_padded")
    box = entry["bbox"]
    if box:
        return Row(number, entry["name"], corners_of(box), found, rings=rings, mask=mask, remarks=remarks)
    if rings:
        corners: Corners | None = around(rings)
    else:
        corners = mask.box() if mask else None
    if corners is None:
        raise Rejection("zero_size" if mask else "no_box")
    remarks = (*remarks, "box_from_outline")
    return Row(number, entry["name"], corners, found, rings=rings, mask=mask, remarks=remarks)


def corners_of(box: Any) -> Corners:
    """Return the box that JSON has as `[x, y, width, height]`.

    Raises:
        Rejection: If it is none.
    """
    if not isinstance(box, list) or len(box) != 4:
        raise Rejection("wrong_columns")
    x, y, width, height = map(as_coordinate, box)
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    return x, y, x + width, y + height


def _rings(segmentation: Any) -> Rings | None:
    """Return the rings of a segmentation; None where it has none, or where one is not sound."""
    if not isinstance(segmentation, list) or not segmentation:
        return None
    rings = []
    for ring in segmentation:
        try:
            values = [as_coordinate(value) for value in ring] if isinstance(ring, list) else []
        except Rejection:
            return None
        if len(values) < 6 or len(values) % 2:
            return None
        rings.append(tuple(zip(values[0::2], values[1::2], strict=True)))
    return tuple(rings)


def _mask(segmentation: Any) -> tuple[Mask | None, bool]:
    if not isinstance(segmentation, dict):
        return None, False
    return from_counts(segmentation.get("counts"), segmentation.get("size"))
