"""CVAT's own XML, "for images 1.1" and "for video 1.1": one file of a task or project, boxes and outlines in pixels.

"For images" lists images by name, with their shapes. "For video" lists tracks, whose shapes say the number of the frame
that they are on; the frame is the picture `frame_000012`, or else the one whose name ends in that number. A shape with
`outside` says that the object is not on that frame. Files are streamed.

`datumaro` reads these files too; one broken shape costs it the whole source, and it keeps all images in memory.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from steps.dataset.formats.cvat_listing import BETWEEN, list_file
from steps.dataset.formats.cvat_shapes import described, row_of
from steps.dataset.formats.source import Format, Picture, layout_of
from steps.dataset.formats.xml_file import BROKEN, elements, refusing_broken_xml
from steps.dataset.issues import Issue, Rejection
from steps.dataset.listing import Listing
from steps.dataset.rows import Reading, as_size
from steps.dataset.tree import Tree

HEAD = 4096
"""Bytes of a file within which its root begins."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no XML file is one of CVAT's."""
    found = _label_files(tree)
    return layout_of("CVAT XML", found)


def open_source(tree: Tree, given: tuple[str, ...]) -> "CvatSource":  # noqa: ARG001  (CVAT's files have their own names)
    """Gather what the XML files say, image by image; see `source.Format`.

    Raises:
        DatasetError: If a file is broken XML, or has tracks of several videos.
    """
    listing = tree.listing()
    files = tuple(_label_files(tree))
    order: dict[str, None] = {}
    for path in files:
        with refusing_broken_xml(path):
            order |= list_file(tree, path, listing)
    return CvatSource(tree, recognise(tree), tuple(order), listing, files)


@dataclass(frozen=True, slots=True)
class CvatLabels:
    """What CVAT's files say about one image.

    Attributes:
        source: The XML file, inside the source.
        entries: Texts as `open_source` listed them: the image itself, or a shape.
    """

    source: str
    entries: tuple[str, ...]

    def read(self) -> Reading:
        """Return every shape; see `source.Labels`."""
        reading = Reading(self.source, in_pixels=True, present=False)
        for entry in map(json.loads, self.entries):
            if "size" in entry:
                reading.frame = reading.frame or as_size(*entry["size"])
                reading.present |= entry["present"]
                continue
            reading.total += 1
            found = described(entry)
            if entry["kind"] == "tag" or entry["values"].get("outside") == "1":
                reading.note("image_label" if entry["kind"] == "tag" else "not_visible", entry["number"], found)
                continue
            try:
                row = row_of(entry, reading.frame)
            except Rejection as fault:
                reading.note(fault.code, entry["number"], fault.found or found)
                continue
            reading.rows.append(row)
        return reading


@dataclass(frozen=True, slots=True)
class CvatSource:
    """Images that CVAT's files list, or the frames of their videos; see `source.Source`."""

    tree: Tree
    layout: str
    names: tuple[str, ...] | None
    listing: Listing
    label_files: tuple[str, ...]

    def pictures(self) -> Iterator[Picture]:
        """Yield every listed image; one without shapes is background."""
        for path, entries in self.listing.images():
            if self.listing.identified(BETWEEN + path) is None:
                image = json.loads(entries[0])
                yield Picture(path, CvatLabels(image["file"], entries), split=image["split"])

    def left_out(self) -> Iterator[Issue]:
        """Yield what has no image, images that are not listed, and frames of which a track does not say all."""
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if not self.listing.has(path):
                yield Issue("not_listed", path)
        for path, entries in self.listing.images():
            if self.listing.identified(BETWEEN + path) is not None:
                yield Issue("between_keyframes", path, None, "", sum("number" in json.loads(each) for each in entries))

    def files(self) -> Iterator[str]:
        """Yield the XML files."""
        yield from self.label_files


def _label_files(tree: Tree) -> list[str]:
    return [path for path in tree.files(".xml") if _is_cvat(tree, path)]


def _is_cvat(tree: Tree, path: str) -> bool:
    """Tell by the root and what comes first in it; the rest of the file is not read.

    A parser for each of 100,000 Pascal VOC files takes half a minute, so it is asked only where the root may be the one.
    """
    with (tree.root / path).open("rb") as file:
        if b"<annotations" not in file.read(HEAD).replace(b"\0", b""):
            return False
    try:
        for nested in elements(tree.root / path, "start"):
            if nested[0].tag != "annotations":
                return False
            if len(nested) > 1:
                return nested[1].tag in ("version", "meta", "image", "track")
    except BROKEN:
        return False
    return False


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".xml") or not _is_cvat(tree, path):
        return None
    rows = 0
    try:
        for nested in elements(tree.root / path, "start"):
            rows += len(nested) == 3 and nested[1].tag in ("image", "track")
    except BROKEN:
        return rows
    return rows


FORMAT = Format(
    name="cvat",
    title="CVAT XML",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "CVAT for images 1.1: boxes, polygons, masks and ellipses; polylines, points, cuboids and skeletons are rejected "
        "by name, labels of the whole image left out. A turned box becomes the upright box around it, its corners the "
        "outline. `subset`, or else the name of the file, says the split. Classes are in the order of `<labels>`.",
        "CVAT for video 1.1: tracks, frame by frame; the frames lie beside it as `frame_000000.png` or with the number at "
        "the end of their names. `outside` leaves the shape out; a frame between two keyframes without a shape of its own "
        "is left out, since the file does not say where the object is.",
    ),
    sample="annotations.xml\nimages/a.jpg",
)
