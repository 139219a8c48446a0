"""Which files of a source are looked at: an allow-list, by extension."""

import os
import re

PICTURES = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".dib",
        ".webp",
        ".tif",
        ".tiff",
        ".gif",
        ".mpo",
        ".heic",
        ".heif",
        ".avif",
        ".jp2",
        ".dng",
        ".pfm",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    }
)
"""Extensions of files that somebody meant as a picture. Not all can be read; those are quarantined by name."""

LABELS = frozenset(
    {
        ".txt",
        ".xml",
        ".json",
        ".jsonl",
        ".yaml",
        ".yml",
        ".names",
        ".data",
        ".labels",
        ".csv",
        ".tsv",
        ".pbtxt",
    }
)
"""Extensions of files that the formats look into; see `RECORDS` for more."""

RECORDS = re.compile(
    r"(?:.*(?:\.tf-?rec(?:ords?)?|\.records?|[._-](?:tf-?)?rec(?:ords?)?-\d+-of-\d+)|[^.]+-\d{5}-of-\d{5})(?:\.gz)?",
    re.IGNORECASE,
)
"""Names of TFRecord files, which hold pictures and labels in one; a shard's ends as in `train.record-00000-of-00010`, or
has no more than that end, as in `train-00000-of-00010`."""

CARD = re.compile(r"(?:.*/)?README\.md", re.IGNORECASE)
"""Name of a data set's card, which may say what classes are called."""

UNSAFE = frozenset(
    {
        ".cache",
        ".npy",
        ".npz",
        ".pt",
        ".pth",
        ".pkl",
        ".pickle",
        ".joblib",
        ".ckpt",
        ".h5",
        ".onnx",
        ".py",
        ".sh",
        ".so",
        ".pyc",
    }
)
"""Extensions of files that could run code when some library loads them."""

ARCHIVES = frozenset({".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".bz2", ".xz", ".zst", ".z01", ".001"})
"""Extensions of archives, which are not unpacked inside a source."""

JUNK = re.compile(r"__MACOSX|Thumbs\.db|desktop\.ini|@eaDir|\..*", re.IGNORECASE)
"""Names that desktops and version control leave behind."""


def is_picture(name: str) -> bool:
    """Return whether a file was meant as a picture, by its extension."""
    return os.path.splitext(name)[1].lower() in PICTURES  # noqa: PTH122  (a million times; pathlib is much slower)


def is_label_file(name: str) -> bool:
    """Return whether formats look into a file that is called so; pictures apart."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  (as above)
    return suffix in LABELS or bool(RECORDS.fullmatch(name))


def unwanted(name: str) -> str:
    """Return the issue code of a file that is never looked at for its extension, or empty where it is wanted."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  (as above)
    if suffix in PICTURES or is_label_file(name) or CARD.fullmatch(name):
        return ""
    if suffix in ARCHIVES:
        return "archive_inside"
    return "unsafe_file_dropped" if suffix in UNSAFE else "file_ignored"
