"""What can be wrong with labelled images, and what is done about it: one table for every format.

A row is a line of a YOLO file, an object of a VOC file, an annotation of a COCO or Label Studio file. Each picture, label
file and row of a source has exactly one `Fate`; the counts of a source's fates add up to what it holds.
"""

from dataclasses import dataclass
from typing import Literal

Fate = Literal["used", "repaired", "merged", "rejected", "left_out"]
"""What becomes of a picture, a label file or a row: used as it is; used after a repair; one with another that is the same;
rejected because it is broken; left out by a rule that the user gave or the layout states."""

Action = Fate | Literal["noted"]
Scope = Literal["row", "image", "file", "source"]

FOUND_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to one kind of fault.

    Attributes:
        scope: What it is about: a row, an image with all its rows, a file other than an image, or the source as a whole.
        action: The fate of that thing; `noted` does not change it and is only worth knowing.
        reason: For people; completes "it was put aside because …".
        once: True where all of a source are of one cause: the first is named, and how many there are.
    """

    scope: Scope
    action: Action
    reason: str
    once: bool = False


TREATMENTS: dict[str, Treatment] = {
    # Rows
    "clipped": Treatment("row", "repaired", "the box reached over the edge of the image and was cut there"),
    "comma_separated": Treatment("row", "repaired", "commas instead of spaces or decimal points"),
    "class_by_name": Treatment("row", "repaired", "the class was given by name instead of by index"),
    "confidence_dropped": Treatment(
        "row", "repaired", "more columns than a box has, a confidence or a track, were left out"
    ),
    "keypoints_dropped": Treatment("row", "noted", "keypoints beside the box are not used"),
    "corners_swapped": Treatment("row", "repaired", "the corners were in the wrong order"),
    "duplicate_row": Treatment("row", "merged", "the same class and box stood there before"),
    "box_from_outline": Treatment("row", "noted", "an outline without a box; the box around it is used"),
    "class_dropped": Treatment("row", "left_out", "the class is not among those to keep"),
    "crowd_flag_dropped": Treatment(
        "row", "repaired", "iscrowd=1 on so many objects marks masks, not crowds; each is taken for one object"
    ),
    "crowd": Treatment("row", "rejected", "a crowd region (iscrowd=1) is not one object"),
    "image_unlisted": Treatment("row", "rejected", "the image of the annotation is not among the images of the file"),
    "image_id_repeated": Treatment("row", "rejected", "several images have the id of the annotation's image"),
    "mask_padded": Treatment("row", "repaired", "the run lengths of the mask ended early; the rest is background"),
    "out_of_range": Treatment("row", "rejected", "coordinates lie more than 1 % outside of the image"),
    "pixel_units": Treatment(
        "row", "rejected", "coordinates look like pixels; the format has shares of the image, 0 to 1"
    ),
    "share_units": Treatment(
        "row", "rejected", "coordinates look like shares of the image, 0 to 1; the format has pixels"
    ),
    "not_a_number": Treatment("row", "rejected", "a coordinate is not a finite number"),
    "wrong_columns": Treatment("row", "rejected", "the row lacks values that its format wants, or has more of them"),
    "ambiguous_columns": Treatment(
        "row", "rejected", "the columns can be read in two ways, and no other row of the source tells which"
    ),
    "broken_line": Treatment("row", "rejected", "the line is no JSON object"),
    "wrong_cells": Treatment("row", "rejected", "the row does not have as many cells as the header, or names no image"),
    "uneven_lists": Treatment("row", "rejected", "the record's lists do not give the object all sides of a box"),
    "mixed_units": Treatment(
        "row", "rejected", "in pixels where the image's first row is in shares of it, or the reverse"
    ),
    "zero_size": Treatment("row", "rejected", "the box has no width or no height"),
    "outside": Treatment("row", "rejected", "the box lies outside of the image"),
    "unknown_class": Treatment(
        "row", "rejected", "the object names no class, or one that is not among the names of the data set"
    ),
    "no_box": Treatment("row", "rejected", "the object has neither a box nor a polygon"),
    "region_kind": Treatment("row", "rejected", "only rectangles, ellipses, polygons and masks can become boxes"),
    "turned_box": Treatment(
        "row",
        "noted",
        "a turned box; the upright box around it is used, and its corners are kept as an outline",
        once=True,
    ),
    "image_label": Treatment("row", "left_out", "a label of the whole image, or of a relation, marks no object"),
    "superseded": Treatment("row", "left_out", "the annotation was cancelled, or a newer one of the same task is used"),
    "deleted": Treatment("row", "left_out", "the object was deleted in the labelling tool"),
    "ignored_region": Treatment("row", "left_out", "a region that the data set says is none of its objects"),
    "not_visible": Treatment("row", "left_out", "the object of the track is not on this frame (outside)"),
    "no_frame": Treatment("row", "rejected", "the object of the track does not say which frame it is on"),
    "mask_broken": Treatment("row", "rejected", "the mask cannot be read, or does not fit its size"),
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
    "no_label_file": Treatment(
        "image", "noted", "no label file, or none that says what is on the image: taken as background"
    ),
    "empty_labels": Treatment("image", "noted", "no row in the labels: background"),
    "all_rows_bad": Treatment("image", "rejected", "every row of its labels was rejected"),
    "unlabelled": Treatment("image", "left_out", "no label file, and --unlabelled leaves such images out"),
    "same_file": Treatment("image", "merged", "a link and its target; the one with labels is used"),
    "not_listed": Treatment("image", "left_out", "the labels do not mention the image"),
    "between_keyframes": Treatment(
        "image", "left_out", "a track passes the frame, and the file does not say where; export it with all frames"
    ),
    "unreviewed": Treatment("image", "left_out", "nobody has finished labelling the image"),
    "image_empty": Treatment("image", "rejected", "the file has 0 bytes"),
    "image_truncated": Treatment("image", "rejected", "the picture ends too early"),
    "image_unreadable": Treatment("image", "rejected", "the content is no picture that can be read"),
    "image_kind": Treatment("image", "rejected", "pictures of this kind are not accepted"),
    "image_too_large": Treatment("image", "rejected", "the picture has more pixels than --max-pixels allows"),
    "image_too_small": Treatment("image", "rejected", "a side of the picture is shorter than 10 pixels"),
    "image_missing": Treatment("image", "rejected", "the labels mention an image that is not there"),
    "image_ambiguous": Treatment("image", "rejected", "several images fit the name that the labels mention"),
    "record_broken": Treatment("image", "rejected", "the record is damaged, or the file of records ends too early"),
    "record_without_image": Treatment("image", "rejected", "the record has no picture"),
    "size_mismatch": Treatment("image", "rejected", "the labels were made on a picture of another shape"),
    "label_unreadable": Treatment("image", "rejected", "the labels of the image cannot be read"),
    # Other files, and the source
    "label_without_image": Treatment("file", "rejected", "a label file that belongs to no image"),
    "label_encoding": Treatment("file", "repaired", "the file of labels was not plain UTF-8"),
    "not_listed_labels": Treatment("file", "left_out", "labels of an image that no list of images has"),
    "same_label_file": Treatment("file", "merged", "a link and its target; one of them was read"),
    "other_labels": Treatment("file", "left_out", "labels of another format than the one that is read"),
    "unsafe_file_dropped": Treatment("file", "left_out", "a file that could run code when loaded; never opened"),
    "file_ignored": Treatment("file", "left_out", "a file that holds neither a picture nor labels"),
    "archive_inside": Treatment("file", "rejected", "an archive inside the source is not unpacked; unpack it first"),
    "system_file": Treatment("file", "left_out", "a file that desktops and version control leave behind"),
    "link_ignored": Treatment(
        "file",
        "left_out",
        "a link that leads nowhere, out of the source or in a circle, or a special file; never followed",
    ),
    "name_not_utf8": Treatment("file", "rejected", "a file name that is not UTF-8; rename the file to use it"),
    "names_unknown": Treatment("source", "noted", "no class names came with the labels; --classes can give them"),
    "names_repeated": Treatment("source", "noted", "a class name that several indices have; they are one class"),
    "class_absent": Treatment("source", "noted", "a class that was asked for or renamed does not occur"),
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault that was met.

    Attributes:
        code: Key of `TREATMENTS`.
        file: Path inside the source, with `/`.
        row: Line or object in that file, counted from 1, or the annotation's own id. None: the whole file.
        found: What stood there, cut to `FOUND_LIMIT` characters.
        rows: Label rows that share the fate of an image or file that is rejected or left out.
    """

    code: str
    file: str
    row: int | None = None
    found: str = ""
    rows: int = 0

    @property
    def treatment(self) -> Treatment:
        """What is done about it."""
        return TREATMENTS[self.code]


class Rejection(Exception):  # noqa: N818  (not an error of the program: a verdict on one row or image)
    """A row or an image is put aside; `code` is a key of `TREATMENTS`."""

    def __init__(self, code: str, found: str = "") -> None:
        super().__init__(code)
        self.code, self.found = code, found[:FOUND_LIMIT]
