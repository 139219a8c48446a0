"""TFRecord as TensorFlow's Object Detection API writes it: pictures, boxes and masks in one file, or in shards.

Pictures are taken out of the records, into the folder `Tree.unpacked`, so that the rest of ingest sees files; a picture's
path is the file of records, and below it the name that the record gives. Boxes are shares of the image.
"""

import base64
import errno
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from steps.dataset.file_kinds import JUNK, PICTURES, RECORDS
from steps.dataset.formats.label_maps import label_map_files, read_label_maps
from steps.dataset.formats.listed import ListedSource
from steps.dataset.formats.source import Format, layout_of, split_of_name
from steps.dataset.formats.tfrecord_file import Record, message, records
from steps.dataset.formats.tfrecord_rows import BOX, IMAGE, OBJECT, TfRecordLabels, count_rows, texts_of
from steps.dataset.issues import Issue
from steps.dataset.listing import Listing
from steps.dataset.tree import Tree
from steps.errors import InputError

LOOKED_AT = 50
"""Records of a file that are looked at to recognise it."""

KINDS = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"RIFF": ".webp",
    b"II*\0": ".tif",
}
"""First bytes of pictures."""


def recognise(tree: Tree) -> str:
    """Return the layout in words, empty if no file has records of labelled pictures."""
    found = [path for path in tree.records() if _seen(tree, path)[0]]
    return layout_of("TFRecord, TensorFlow's Object Detection API", found, shown=3)


def open_source(tree: Tree, given: tuple[str, ...]) -> ListedSource:
    """Take the pictures out of all records; see `source.Format`.

    Raises:
        DatasetError: If label maps disagree, or cannot be understood, or more is unpacked than is allowed.
        InputError: If the disk is full.
    """
    files = list(tree.records())
    count = tree.meter(sum((tree.root / path).stat().st_size for path in files))
    maps = read_label_maps(tree, given)
    unpacking = _Unpacking(tree.unpacked, tree.listing(), count)
    for path in files:
        for record in records(tree.root / path):
            unpacking.take(path, record)
    about = (Issue("names_unknown", ""),) if unpacking.only_ids and not maps.names else ()
    read = (*files, *label_map_files(tree))
    labels = partial(TfRecordLabels, maps)
    return ListedSource(tree, recognise(tree), unpacking.listing, labels, read, maps.names or None, about)


@dataclass(slots=True)
class _Unpacking:
    """Pictures on their way out of records.

    Attributes:
        folder: To write them below.
        listing: Gets what else the records say.
        count: Counts bytes, and refuses too many.
        only_ids: True where a record gives its classes by id alone.
    """

    folder: Path
    listing: Listing
    count: Callable[[int], None]
    only_ids: bool = False

    def take(self, path: str, record: Record) -> None:
        """Write the picture of a record of the file at `path`, and list the rest of it."""
        self.count(len(record.data))
        place = f"{path}/{record.number:06}"
        example = None if record.broken else _parsed(record.data)
        if example is None:
            self.listing.miss(
                Issue("record_broken", place, record.number, record.broken or "its content is no tf.train.Example")
            )
            return
        features = example.features.feature
        rows = count_rows(features)
        if f"{IMAGE}encoded" not in features:
            self.listing.miss(
                Issue("record_without_image", place, record.number, ", ".join(sorted(features)[:5]), rows)
            )
            return
        encoded = next(iter(features[f"{IMAGE}encoded"].bytes_list.value), b"")
        name = _name(next(iter(texts_of(features, f"{IMAGE}filename")), ""), encoded, record.number)
        picture = f"{path}/{name}"
        if self.listing.has(picture):
            picture = f"{path}/{record.number:06}-{name}"
        _write(self.folder / picture, encoded)
        del features[f"{IMAGE}encoded"]
        self.only_ids |= bool(rows) and not any(texts_of(features, f"{OBJECT}class/text"))
        example = base64.b64encode(example.SerializeToString()).decode()
        entry = {"file": path, "row": record.number, "split": split_of_name(path), "example": example}
        self.listing.add(picture, json.dumps(entry))


def _parsed(data: bytes) -> Any:
    """Return the message in a record, None where it is none."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415  (only such data pays for it)

    try:
        return message("Example").FromString(data)
    except (DecodeError, UnicodeDecodeError):
        return None


def _name(given: str, encoded: bytes, number: int) -> str:
    """Return what to call a picture: the name in the record, as far as a file can be called so, else its number."""
    suffix = next((suffix for mark, suffix in KINDS.items() if encoded.startswith(mark)), ".bin")
    base = re.sub(r"[\x00-\x1f\x7f-\x9f\ufffd]", "", given.replace("\\", "/").rpartition("/")[2]).strip()
    if not base or JUNK.fullmatch(base) or len(base.encode()) > 200:
        return f"{number:06}{suffix}"
    return base if PurePosixPath(base).suffix.lower() in PICTURES else base + suffix


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise InputError(
            "the disk is full: not all pictures fit that the records hold", hint="give the step more disk"
        ) from None


def _seen(tree: Tree, path: str) -> tuple[bool, str]:
    """Return whether the file at `path` has labelled pictures, and else what it has instead."""
    found = ""
    try:
        for record in islice(records(tree.root / path), LOOKED_AT):
            example = None if record.broken else _parsed(record.data)
            keys = sorted(example.features.feature) if example else []
            if f"{IMAGE}encoded" in keys and any(key.startswith(OBJECT) for key in keys):
                return True, ""
            found = found or record.broken or (f"records of {', '.join(keys[:6])}" if keys else "")
    except OSError as error:
        return False, str(error)
    return False, found or "no record"


def _unread(tree: Tree) -> Iterator[str]:
    for path in tree.records():
        known, found = _seen(tree, path)
        if not known:
            yield (
                f"{path} is called as TFRecord files are, and has no labelled pictures as TensorFlow's Object Detection API "
                f"writes them ({IMAGE}encoded, {BOX}xmin, …): {found}"
            )


def _rows_in(tree: Tree, path: str) -> int | None:
    if not RECORDS.fullmatch(path.rpartition("/")[2]) or not _seen(tree, path)[0]:
        return None
    rows = 0
    for record in records(tree.root / path):
        example = None if record.broken else _parsed(record.data)
        rows += count_rows(example.features.feature) if example else 0
    return rows


FORMAT = Format(
    name="tfrecord",
    title="TFRecord of TensorFlow's Object Detection API",
    recognise=recognise,
    open=open_source,
    rows_in=_rows_in,
    dialects=(
        "Files called `….tfrecord`, `….tfrec`, `….record`, or as shards are, `train.record-00000-of-00010` and `train-00000-of-00010`; packed with gzip or not. "
        "TensorFlow is not needed.",
        "Each record is a `tf.train.Example` with `image/encoded`, `image/object/bbox/xmin` … in shares of the image, and "
        "`image/object/class/text`, or `class/label` with a `label_map.pbtxt`; a text that the map does not have is none, and the label counts.",
        "`image/object/mask` is kept, as PNG pictures or as numbers; `difficult`, `is_crowd`, `truncated`, `occluded` and `group_of` are attributes.",
        "Checksums are checked: a broken record is rejected, and those after it are read. Of a file that was cut off, the records before are.",
        "A file whose name has `train`, `val`, `valid` or `test` in it is that split.",
    ),
    sample="train.record-00000-of-00002\ntrain.record-00001-of-00002\nval.record\nlabel_map.pbtxt",
    unread=_unread,
)
