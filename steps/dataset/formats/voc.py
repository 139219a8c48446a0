"""Pascal VOC: an XML file an image, boxes in pixels.

Corners are taken as written, as edges in pixels: of the tools that write VOC files only the original ones counted from
1, and no file tells. An XML file belongs to the image of its own name in the mirrored folder (`JPEGImages` or `images`
for `Annotations`) or beside it; else to the one that its `<filename>` means. Other images in those folders are
background; images elsewhere, such as segmentation masks, are left out.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from steps.dataset.formats.source import Format, Picture
from steps.dataset.issues import Issue, Rejection
from steps.dataset.label_text import MAX_BYTES, decode
from steps.dataset.listing import Listing
from steps.dataset.rows import Reading, Ring, Rings, Row, around, as_size
from steps.dataset.split_names import SPLITS, SplitName
from steps.dataset.tree import Tree, called, key, mirrored, parent, stem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"'](?P<encoding>[A-Za-z0-9._-]+)")
DECLARATION = re.compile(r"^\ufeff?\s*<\?xml[^>]*\?>")
CVAT = re.compile(r"<annotations[\s>]")

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
    splits = _splits(tree)
    for path in tree.files(".xml"):
        beside = _beside(tree, path)
        folders |= dict.fromkeys(map(parent, beside))
        for picture in beside or _referenced(tree, path, listing):
            listing.add(picture, path)
    return VocSource(tree, recognise(tree), listing, frozenset(folders), splits)


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
        root, repaired = read_xml(self.file)
        reading = Reading(self.source, frame=_size(root), in_pixels=True)
        if repaired:
            reading.note("encoding", None, repaired)
        for number, item in enumerate(root.findall("object"), 1):
            reading.total += 1
            label = (item.findtext("name") or "").strip()
            box = item.find("bndbox") if item.find("robndbox") is None else item.find("robndbox")
            found = " ".join(
                [label, *(f"{side.tag}={(side.text or '').strip()}" for side in (() if box is None else box))]
            )
            if item.findtext("deleted", "").strip() == "1":
                reading.note("deleted", number, found)
                continue
            try:
                row = _row(number, label, item, found)
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
    splits: dict[str, SplitName]
    names: tuple[str, ...] | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield images with an XML file, and those without that lie in a folder of others with one."""
        for path in self.tree.pictures():
            xml = self.listing.first(path)
            if xml or parent(path) in self.folders:
                yield Picture(
                    path,
                    VocLabels(self.tree.root / xml if xml else None, xml or path),
                    split=self.splits.get(key(stem(path)), ""),
                )

    def left_out(self) -> Iterator[Issue]:
        """Yield images in other folders, and XML files without an image."""
        yield from self.listing.missed()
        for path in self.tree.pictures():
            if parent(path) not in self.folders and not self.listing.has(path):
                yield Issue("not_listed", path)

    def files(self) -> Iterator[str]:
        """Yield the lists of the splits; each XML file is an image's."""
        return _lists(self.tree)


def read_annotation(path: Path) -> "Element":
    """Return the root of a VOC file; entities and external references are refused.

    Raises:
        Rejection: `label_unreadable`, if it is no VOC file.
    """
    return read_xml(path)[0]


def read_xml(path: Path) -> tuple["Element", str]:
    """Return the root of a VOC file, and what had to be repaired to read it (empty: nothing).

    XML parsers know few encodings. A file that declares another one, such as GB2312, is decoded before; so is one whose
    bytes are not what it declares, or UTF-8 where it declares nothing.

    Raises:
        Rejection: `label_unreadable`, if it is no VOC file.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Rejection("label_unreadable", f"{path.stat().st_size} bytes")
    data = path.read_bytes()
    declared = DECLARED.match(data)
    encoding = declared["encoding"].decode("ascii").lower() if declared else "utf-8"
    text, repaired = _decoded(data, encoding)
    if CVAT.search(text, 0, 1000):  # Before it is parsed: such a file can be large.
        raise Rejection("label_unreadable", "the root is <annotations>, not <annotation>")
    try:
        root: Element | None = fromstring(DECLARATION.sub("", text, count=1))
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise Rejection("label_unreadable", f"{type(error).__name__}: {' '.join(str(error).split())}") from None
    if root is None or root.tag != "annotation":
        raise Rejection("label_unreadable", f"the root is <{root.tag if root is not None else ''}>, not <annotation>")
    return root, repaired


def _decoded(data: bytes, encoding: str) -> tuple[str, str]:
    if encoding.replace("_", "-") not in ("utf-8", "utf8", "us-ascii", "ascii") and not data.startswith(
        (b"\xff\xfe", b"\xfe\xff")
    ):
        name = "gb18030" if encoding in ("gb2312", "gbk", "gb18030", "cp936") else encoding
        try:
            return data.decode(name), ""
        except (LookupError, UnicodeDecodeError):
            return decode(data)[0], f"not {encoding}, as it says"
    return decode(data)


def _row(number: int, label: str, item: "Element", found: str) -> Row:
    box = item.find("bndbox")
    rings = _rings(item.find("polygon"))
    if not label:
        raise Rejection("unknown_class")
    turned = item.find("robndbox")
    if turned is not None:
        ring = _turned(turned)
        return Row(number, label, around((ring,)), found, loose=True, rings=(ring,), remarks=("turned_box",))
    if box is None or (rings and not any((side.text or "").strip() for side in box)):
        if rings is None:
            raise Rejection("no_box")
        return Row(number, label, around(rings), found, rings=rings, remarks=("box_from_outline",))
    left, top, right, bottom = (_number(box.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    ordered = min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    swapped = left > right or top > bottom
    return Row(number, label, ordered, found, rings=rings, remarks=("corners_swapped",) if swapped else ())


def _turned(box: "Element") -> Ring:
    """Return the corners of roLabelImg's box: a centre, a size, and an angle in radians, clockwise on the picture."""
    x, y, width, height, angle = (_number(box.findtext(name)) for name in ("cx", "cy", "w", "h", "angle"))
    if not all(map(math.isfinite, (x, y, width, height, angle))):
        raise Rejection("not_a_number")
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    cosine, sine = math.cos(angle), math.sin(angle)
    sides = ((-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2))
    return tuple((x + cosine * right - sine * low, y + sine * right + cosine * low) for right, low in sides)


def _rings(polygon: "Element | None") -> Rings | None:
    """Return the outline in a `<polygon>`, whose corners are `<x1>`, `<y1>`, `<x2>` … or `<pt>` elements; None: there is none."""
    if polygon is None:
        return None
    points = polygon.findall("pt")
    if points:
        corners = [(_number(point.findtext("x")), _number(point.findtext("y"))) for point in points]
    else:
        corners = []
        while polygon.find(f"x{len(corners) + 1}") is not None:
            name = str(len(corners) + 1)
            corners.append((_number(polygon.findtext(f"x{name}")), _number(polygon.findtext(f"y{name}"))))
    return (tuple(corners),) if len(corners) >= 3 else None


def _lists(tree: Tree) -> Iterator[str]:
    """Yield `train.txt`, `val.txt` and `test.txt` of `ImageSets/Main`; lists of one class, or of two splits, say no more."""
    for name in SPLITS:
        yield from (path for path in tree.named(f"{name}.txt") if key(path).split("/")[-3:-1] == ["imagesets", "main"])


def _splits(tree: Tree) -> dict[str, SplitName]:
    """Return the split of each image that a list has, by the name of the image."""
    splits: dict[str, SplitName] = {}
    for path in _lists(tree):
        with (tree.root / path).open(encoding="utf-8", errors="replace") as lines:
            names = (line.split()[0] for line in lines if line.strip())
            splits |= {key(name): SPLITS[key(stem(path))] for name in names}
    return splits


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
            listing.miss(Issue("image_ambiguous", xml, None, called(reference or stem(xml), found)))
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
        "`Annotations`) or beside it; else to the one that its `<filename>` means. Any encoding, GB2312 and GBK among them.",
        "A `<polygon>` is kept as an outline, and is the box where there is no `<bndbox>`.",
        "The XML files of LabelMe's web tool have polygons alone; objects that are `<deleted>` in them are left out.",
        "roLabelImg's `<robndbox>` becomes the upright box around it; its four corners are kept as an outline.",
        "The splits of `ImageSets/Main` are the source's own.",
    ),
    sample="Annotations/a.xml\nJPEGImages/a.jpg",
)
