"""File names in the data set: the image's own where that is harmless, the same in whatever order images come."""

import hashlib
import re
import unicodedata

from steps.dataset.tree import key, stem

LONGEST = 80
SUFFIXED = re.compile(r".*-[0-9a-f]{10}", re.DOTALL)


def plain_name(path: str) -> str:
    """Return the name of `path` in plain ASCII letters, digits, `.`, `_` and `-`, without extension."""
    ascii_only = unicodedata.normalize("NFKD", stem(path)).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_only).strip("-.")[:LONGEST] or "image"


def is_own(path: str, name: str) -> bool:
    """Tell whether `name` is the image's name unchanged, and cannot be taken for one that `distinct_name` made."""
    return name == stem(path) and not SUFFIXED.fullmatch(name)


def distinct_name(path: str, name: str, *, spelled: bool = False) -> str:
    """Return `name` with a mark of the whole path: for names that were changed, or that several images have.

    The mark is the same however the path is spelled, unless it is `spelled`: for paths that differ in nothing else.
    """
    return f"{name}-{hashlib.sha256((path if spelled else key(path)).encode()).hexdigest()[:10]}"
