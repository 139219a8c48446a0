"""What the columns of a table of boxes mean: told by their names alone, never by their number or order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steps.dataset.split_names import SPLITS

Kind = Literal["corners", "size", "centre"]
"""The four numbers of a box: left, top, right, bottom; left, top, width, height; or centre, width, height."""

PICTURES = (
    "filename",
    "imagefilename",
    "imagefile",
    "imagename",
    "imgname",
    "imgfilename",
    "filepath",
    "imagepath",
    "imgpath",
    "path",
    "imageurl",
    "image",
    "img",
    "file",
    "fname",
    "imageid",
    "imgid",
)
"""Names of the column of images, the surest first; here and below in small letters without what is between words."""

CLASSES = (
    "labelname",
    "classname",
    "categoryname",
    "class",
    "label",
    "category",
    "object",
    "objectname",
    "objectclass",
    "species",
    "name",
    "classid",
    "labelid",
    "categoryid",
    "classindex",
)

SIDES: Mapping[str, tuple[str, ...]] = {
    "left": ("xmin", "x1", "left", "minx", "xtl", "topleftx", "xstart", "startx", "xlower", "x0"),
    "top": ("ymin", "y1", "top", "miny", "ytl", "toplefty", "ystart", "starty", "ylower", "y0"),
    "right": ("xmax", "x2", "right", "maxx", "xbr", "bottomrightx", "xend", "endx", "xupper", "x1"),
    "bottom": ("ymax", "y2", "bottom", "maxy", "ybr", "bottomrighty", "yend", "endy", "yupper", "y1"),
}
"""Names of the corners. `x1` is the left one, unless there is an `x0`."""

CENTRE = (
    ("xcenter", "centerx", "xcentre", "centrex", "cx", "xc"),
    ("ycenter", "centery", "ycentre", "centrey", "cy", "yc"),
)
LENGTHS = (("width", "w"), ("height", "h"))
IMAGE_LENGTHS = (
    ("imagewidth", "imgwidth", "imgw", "imagew", "originalwidth"),
    ("imageheight", "imgheight", "imgh", "imageh", "originalheight"),
)
IN_BOX = re.compile(r"^(?:bbox|bndbox|box|bb)(?=.)")
"""What may stand before the names of corners and lengths."""

SPLIT = ("split", "set", "subset", "partition", "usage")

ATTRIBUTES: Mapping[str, str] = {
    "isoccluded": "occluded",
    "occluded": "occluded",
    "istruncated": "truncated",
    "truncated": "truncated",
    "isgroupof": "group_of",
    "isdepiction": "depiction",
    "isinside": "inside",
    "difficult": "difficult",
    "iscrowd": "crowd",
    "pose": "pose",
    "confidence": "confidence",
    "score": "confidence",
    "trackid": "track",
}
"""Columns that are kept as attributes of an object, under these names."""

FLAG_OFF = frozenset({"", "0", "-1", "false", "no", "unspecified"})
"""Values of such columns that say nothing."""


OTHER_TABLES = {
    "regionshapeattributes": "is VGG Image Annotator's CSV; export it as COCO JSON",
    "leadtime": "is Label Studio's CSV; export the project as JSON",
    "maskpath": "lists the masks of Open Images; the boxes are in its `…-annotations-bbox.csv`",
}
"""Columns that tell a table of another kind, and the way out."""

UNCLEAR_BOXES = (
    "does not say whether its boxes are corners, or centre or corner and size; "
    "name the columns xmin, ymin, xmax, ymax, or left, top, width, height, or x_center, y_center, width, height"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of the columns in a row.

    Attributes:
        width: Cells of a row.
        picture: Of the image.
        label: Of the class.
        kind: What the box's numbers are.
        box: Of its numbers.
        size: Of width and height of the image; None where the table has none.
        split: Of the split, -1 where the table has none.
        attributes: Of what else is kept, by its name.
    """

    width: int
    picture: int
    label: int
    kind: Kind
    box: tuple[int, int, int, int]
    size: tuple[int, int] | None = None
    split: int = -1
    attributes: tuple[tuple[str, int], ...] = ()


def plain(cell: str) -> str:
    """Return a column's name in small letters, without what stands between words."""
    return re.sub(r"[^a-z0-9]+", "", cell.lower())


def columns_of(header: Sequence[str]) -> Columns | None:
    """Return what the columns of a table mean, None where its header does not name an image, a class and a box."""
    at = _places(header)
    picture, label = _first(at, PICTURES), _first(at, CLASSES)
    box = _box(at)
    if picture is None or label is None or box is None:
        return None
    kind, places = box
    taken = {picture, label, *places}
    pair = _pair(at, IMAGE_LENGTHS) or _pair(at, LENGTHS)
    split = _first(at, SPLIT)
    return Columns(
        len(header),
        picture,
        label,
        kind,
        places,
        None if pair is None or taken & set(pair) else pair,
        -1 if split is None or split in taken else split,
        tuple((ATTRIBUTES[name], place) for name, place in at.items() if name in ATTRIBUTES and place not in taken),
    )


def explained(header: Sequence[str]) -> str:
    """Return why a table with this header cannot be read, empty where it is not about images and classes at all."""
    at = _places(header)
    for column, why in OTHER_TABLES.items():
        if column in at:
            return why
    if _first(at, PICTURES) is None:
        return ""
    if _box(at) is not None:
        return "has boxes and no column of classes; add one called `class`"
    if {"xywh", "bbox", "boundingbox"} & at.keys() or {"x", "y"} <= (_boxed(at) | at).keys():
        return UNCLEAR_BOXES
    if _first(at, CLASSES) is not None:
        return "has a class for each image and no boxes: labels for classification, not for detection"
    return ""


def split_in(cells: Sequence[str], columns: Columns) -> str:
    """Return the split that a row names, empty where it names none."""
    return SPLITS.get(cells[columns.split].lower(), "") if columns.split >= 0 else ""


def attributes_in(cells: Sequence[str], columns: Columns) -> list[tuple[str, str]]:
    """Return what else a row says of its object; a confidence of 1 says nothing."""
    return sorted(
        {
            name: cells[place]
            for name, place in columns.attributes
            if cells[place].lower() not in FLAG_OFF and not (name == "confidence" and cells[place] in ("1", "1.0"))
        }.items()
    )


def _places(header: Sequence[str]) -> dict[str, int]:
    """Return the place of each column by its plain name; of two of one name, the first."""
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        name = plain(cell)
        if name:
            places.setdefault(name, place)
    return places


def _first(at: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((at[name] for name in names if name in at), None)


def _pair(at: Mapping[str, int], names: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    first, second = (_first(at, each) for each in names)
    return None if first is None or second is None else (first, second)


def _boxed(at: Mapping[str, int]) -> dict[str, int]:
    """Return the columns that have `bbox` before their name, without it."""
    return {IN_BOX.sub("", name): place for name, place in at.items() if IN_BOX.match(name)}


def _box(at: Mapping[str, int]) -> tuple[Kind, tuple[int, int, int, int]] | None:
    boxed = _boxed(at)
    inside = boxed | dict(at)
    from_zero = "x0" in inside and "y0" in inside
    left, top = (_first(inside, _zeroed(SIDES[side], from_zero, first=True)) for side in ("left", "top"))
    right, bottom = (_first(inside, _zeroed(SIDES[side], from_zero, first=False)) for side in ("right", "bottom"))
    if left is not None and top is not None and right is not None and bottom is not None:
        return "corners", (left, top, right, bottom)
    lengths = _pair(boxed, LENGTHS) or _pair(at, LENGTHS)
    centre = _pair(inside, CENTRE)
    if lengths is not None and centre is not None:
        return "centre", (*centre, *lengths)
    if lengths is not None and left is not None and top is not None:
        return "size", (left, top, *lengths)
    return None


def _zeroed(names: tuple[str, ...], from_zero: bool, *, first: bool) -> list[str]:
    """Return `names` without `x1` and `y1` where they mean the other corner."""
    return [name for name in names if name not in ("x1", "y1") or first != from_zero]
