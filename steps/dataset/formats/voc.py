"""Pascal VOC: an XML file an image, boxes in pixels.

Corners are taken as written, as edges in pixels: of the tools that write VOC files only the original ones counted from
1, and no file tells. An XML file belongs to the image of its own name in the mirrored folder (`JPEGImages` or `images`
for `Annotations`) or beside it; else to the one that its `<filename>` means. Other images in those folders are
background; images elsewhere, such as segmentation masks, are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from steps.dataset.formats.source import Format, Picture
from steps.dataset.issues import Issue, Rejection
from steps.dataset.label_text import MAX_BYTES
from steps.dataset.listing import Listing
from steps.dataset.rows import Reading, Row, as_size
from steps.dataset.tree import Tree, key, mirrored, parent, stem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LABEL_FOLDERS = ("annotations", "xmls", "xml", "labels", "annotation", "ann")
IMAGE_FOLDERS = ("JPEGImages", "images", "imgs", "img", "image")


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no XML file is a VOC annotation."""
    for path in tree.files(".xml"):
        try:
            read_annotation(tree.root / path)
        except Rejection:
            continue
        return f"Pascal VOC, XML files in {parent(path) or 'the root'}/"
    return ""


def open_source(tree: Tree, given: tuple[str, ...]) -> "VocSource":  # noqa: ARG001  (VOC files have their own names)
    """Match XML files with images; see `source.Format`."""
    listing = tree.listing()
    folders: dict[str, None] = {}
    for path in tree.files(".xml"):
        beside = _beside(tree, path)
        folders |= dict.fromkeys(map(parent, beside))
        for picture in beside or _referenced(tree, path, listing):
            listing.add(picture, path)
    return VocSource(tree, recognise(tree), listing, frozenset(folders))


@dataclass(frozen=True, slots=True)
class VocLabels:
    """The XML file of one image.

    Attributes:
        file: The XML file. None: there is none.
        source: Its path inside the source, or the image's where there is none.
    """

    file: Path | None
    source: str

    def read(self) -> Reading:
        """Return every object; see `source.Labels`."""
        if self.file is None:
            return Reading(self.source, present=False)
        root = read_annotation(self.file)
        reading = Reading(self.source, frame=_size(root), in_pixels=True)
        for number, item in enumerate(root.findall("object"), 1):
            reading.total += 1
            label = (item.findtext("name") or "").strip()
            box = item.find("bndbox")
            found = " ".join(
                [label, *(f"{side.tag}={(side.text or '').strip()}" for side in (() if box is None else box))]
            )
            try:
                row = _row(number, label, box, found)
            except Rejection as fault:
                reading.note(fault.code, number, found)
                continue
            reading.rows.append(row)
        return reading


@dataclass(frozen=True, slots=True)
class VocSource:
    """Images with VOC labels; see `source.Source`."""

    tree: Tree
    layout: str
    listing: Listing
    folders: frozenset[str]
    names: tuple[str, ...] | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield images with an XML file, and those without that lie in a folder of others with one."""
        for path in self.tree.pictures():
            xml = self.listing.first(path)
            if xml or parent(path) in self.folders:
                yield Picture(path, VocLabels(self.tree.root / xml if xml else None, xml or path))

    def left_out(self) -> Iterator[Issue]:
        """Yield images in other folders, and XML files without an image."""
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if parent(path) not in self.folders and not self.listing.has(path):
                yield Issue("not_listed", path)

    def files(self) -> Iterator[str]:
        """Yield nothing: each XML file is an image's."""
        return iter(())


def read_annotation(path: Path) -> "Element":
    """Return the root of a VOC file; entities and external references are refused.

    Raises:
        Rejection: `label_unreadable`, if it is no VOC file.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Rejection("label_unreadable", f"{path.stat().st_size} bytes")
    try:
        root: Element | None = parse(path).getroot()
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise Rejection("label_unreadable", f"{type(error).__name__}: {' '.join(str(error).split())}") from None
    if root is None or root.tag != "annotation":
        raise Rejection("label_unreadable", f"the root is <{root.tag if root is not None else ''}>, not <annotation>")
    return root


def _row(number: int, label: str, box: "Element | None", found: str) -> Row:
    if box is None:
        raise Rejection("no_box")
    if not label:
        raise Rejection("unknown_class")
    left, top, right, bottom = (_number(box.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    ordered = min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    swapped = left > right or top > bottom
    return Row(number, label, ordered, found, remarks=("corners_swapped",) if swapped else ())


def _number(text: str | None) -> float:
    if text is None:
        raise Rejection("wrong_columns")
    try:
        return float(text)
    except ValueError:
        raise Rejection("not_a_number") from None


def _size(root: "Element") -> tuple[float, float] | None:
    try:
        return as_size(*(float(root.findtext(f"size/{side}") or 0) for side in ("width", "height")))
    except ValueError:
        return None


def _beside(tree: Tree, xml: str) -> list[str]:
    """Return the images of the same name in the first folder where images of `xml` are expected that has one."""
    folder = parent(xml)
    for name in (*IMAGE_FOLDERS, None):
        candidate = folder if name is None else mirrored(folder, LABEL_FOLDERS, name)
        place = None if candidate is None else tree.folders.get(key(candidate))
        found = [] if place is None else tree.pictures_in(place, stem(xml))
        if found:
            return found
    return []


def _referenced(tree: Tree, xml: str, listing: Listing) -> list[str]:
    """Return the image that the `<filename>` of `xml` means, or one of the same name anywhere."""
    try:
        reference = (read_annotation(tree.root / xml).findtext("filename") or "").strip()
    except Rejection:
        reference = ""
    for found in (tree.locate(reference, parent(xml)), tree.pictures_of_stem(stem(xml))):
        if len(found) == 1:
            return found
        if found:
            listing.miss(Issue("image_ambiguous", xml, None, reference or stem(xml)))
            return []
    return []


def _rows_in(tree: Tree, path: str) -> int | None:
    if not path.lower().endswith(".xml"):
        return None
    try:
        return len(read_annotation(tree.root / path).findall("object"))
    except Rejection:
        return None


FORMAT = Format(
    name="voc",
    title="Pascal VOC",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "An XML file belongs to the image of its own name in the mirrored folder (`JPEGImages` or `images` for "
        "`Annotations`) or beside it; else to the one that its `<filename>` means.",
    ),
    sample="Annotations/a.xml\nJPEGImages/a.jpg",
)
