"""Versions of Argo Workflows: which ones the project is held together with, and what a tag says."""

import re
from typing import Final, NamedTuple

TAG: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?(?:[-+].*)?")


class ArgoVersion(NamedTuple):
    """Major and minor number: what differs in behaviour differs between these."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


SUPPORTED: Final = (ArgoVersion(4, 0), ArgoVersion(4, 1))
"""The versions that `tests/cluster` was run on, the oldest first."""
FOLLOWED: Final = SUPPORTED[-1]
"""Where the versions differ, the local engine does what this one does."""


def read_version(tag: str) -> ArgoVersion | None:
    """Return the version that a tag such as `v4.1.2` or `v4.1.0-rc1` names; None for `latest` and the like."""
    found = TAG.fullmatch(tag)
    return ArgoVersion(int(found[1]), int(found[2])) if found else None
