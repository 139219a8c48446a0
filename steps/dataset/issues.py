"""What can be wrong with labelled images, and what is done about it: one table for every format.

A row is a line of a YOLO file, an object of a VOC file, an annotation of a COCO or Label Studio file.
"""

from dataclasses import dataclass
from typing import Literal

Action = Literal["repaired", "quarantined", "counted"]
Scope = Literal["row", "image", "source"]

FOUND_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to one kind of fault.

    Attributes:
        scope: What `quarantined` puts aside: the row, or the image with all its rows.
        action: `repaired` is used after mending, `quarantined` is put aside, `counted` is only worth knowing.
        reason: For people; completes "it was put aside because …".
    """

    scope: Scope
    action: Action
    reason: str


TREATMENTS: dict[str, Treatment] = {
    # Rows
    "clipped": Treatment("row", "repaired", "the box reached over the edge of the image and was cut there"),
    "comma_separated": Treatment("row", "repaired", "commas instead of spaces or decimal points"),
    "class_by_name": Treatment("row", "repaired", "the class was given by name instead of by index"),
    "confidence_dropped": Treatment("row", "repaired", "a sixth column, a confidence, was left out"),
    "corners_swapped": Treatment("row", "repaired", "the corners were in the wrong order"),
    "duplicate_row": Treatment("row", "repaired", "the same class and box stood there before"),
    "polygon_to_box": Treatment("row", "counted", "a polygon; its bounding box is used"),
    "class_dropped": Treatment("row", "counted", "the class is not among those to keep"),
    "crowd_left_out": Treatment("row", "counted", "a crowd region (iscrowd=1) is not one object"),
    "out_of_range": Treatment("row", "quarantined", "coordinates lie more than 1 % outside of the image"),
    "pixel_units": Treatment(
        "row", "quarantined", "coordinates look like pixels; YOLO wants shares of the image, 0 to 1"
    ),
    "not_a_number": Treatment("row", "quarantined", "a coordinate is not a finite number"),
    "wrong_columns": Treatment("row", "quarantined", "not `class x y width height`, nor a polygon"),
    "zero_size": Treatment("row", "quarantined", "the box has no width or no height"),
    "outside": Treatment("row", "quarantined", "the box lies outside of the image"),
    "unknown_class": Treatment("row", "quarantined", "the class is not among the names of the data set"),
    "no_box": Treatment("row", "quarantined", "the object has neither a box nor a polygon"),
    "region_kind": Treatment("row", "quarantined", "only rectangles and polygons can become boxes"),
    # Images
    "encoding": Treatment("image", "repaired", "the label file was not plain UTF-8"),
    "exif_upright": Treatment("image", "repaired", "the EXIF rotation was applied and the image written upright"),
    "labels_turned": Treatment(
        "image", "repaired", "labels made on the picture before its EXIF rotation were turned with it"
    ),
    "labels_scaled": Treatment("image", "repaired", "labels made on the same picture in another size were scaled"),
    "converted": Treatment("image", "repaired", "the kind of picture was converted to one that every reader knows"),
    "wrong_extension": Treatment("image", "repaired", "the file is of another kind than its extension says"),
    "first_frame_kept": Treatment("image", "repaired", "the file holds several pictures; the first is used"),
    "end_marker_added": Treatment(
        "image", "repaired", "the JPEG did not end with its end marker; nothing else is missing"
    ),
    "no_label_file": Treatment("image", "counted", "no label file: taken as background"),
    "empty_labels": Treatment("image", "counted", "no row in the labels: background"),
    "all_rows_bad": Treatment("image", "counted", "every row was put aside; the image counts as background"),
    "not_listed": Treatment("image", "counted", "the labels do not mention the image; it was left out"),
    "unreviewed": Treatment("image", "counted", "nobody has finished labelling the image; it was left out"),
    "image_empty": Treatment("image", "quarantined", "the file has 0 bytes"),
    "image_truncated": Treatment("image", "quarantined", "the picture ends too early"),
    "image_unreadable": Treatment("image", "quarantined", "the content is no picture that can be read"),
    "image_kind": Treatment("image", "quarantined", "pictures of this kind are not accepted"),
    "image_too_large": Treatment("image", "quarantined", "the picture has more pixels than --max-pixels allows"),
    "image_too_small": Treatment("image", "quarantined", "a side of the picture is shorter than 10 pixels"),
    "image_missing": Treatment("image", "quarantined", "the labels mention an image that is not there"),
    "image_ambiguous": Treatment("image", "quarantined", "several images fit the name that the labels mention"),
    "size_mismatch": Treatment("image", "quarantined", "the labels were made on a picture of another shape"),
    "label_unreadable": Treatment("image", "quarantined", "the labels of the image cannot be read"),
    # The source
    "label_without_image": Treatment("source", "counted", "a label file that belongs to no image"),
    "unsafe_file_dropped": Treatment("source", "counted", "a file that could run code when loaded; never opened"),
    "file_ignored": Treatment("source", "counted", "a file of a kind that is not needed"),
    "link_ignored": Treatment("source", "counted", "a link or special file; never followed"),
    "name_not_utf8": Treatment("source", "counted", "a file name that is not UTF-8; rename the file to use it"),
    "names_unknown": Treatment("source", "counted", "no class names came with the labels; --classes can give them"),
    "class_absent": Treatment("source", "counted", "a class that was asked for or renamed does not occur"),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault that was met.

    Attributes:
        code: Key of `TREATMENTS`.
        file: Path inside the source, with `/`.
        row: Line or object in that file, counted from 1, or the annotation's own id. None: the whole file.
        found: What stood there, cut to `FOUND_LIMIT` characters.
    """

    code: str
    file: str
    row: int | None = None
    found: str = ""

    @property
    def treatment(self) -> Treatment:
        """What is done about it."""
        return TREATMENTS[self.code]


class Rejection(Exception):  # noqa: N818  (not an error of the program: a verdict on one row or image)
    """A row or an image is put aside; `code` is a key of `TREATMENTS`."""

    def __init__(self, code: str, found: str = "") -> None:
        super().__init__(code)
        self.code, self.found = code, found[:FOUND_LIMIT]
