"""What `argosight doctor` found out about one thing."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    GOOD = "ok"
    WRONG = "wrong"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        state: `WRONG` stops runs; `ABSENT` is something that can be added, and `UNKNOWN` what could not be looked at.
        title: What was looked at.
        found: What there is.
        hint: How to get it, or to mend it; empty if it is good.
    """

    state: State
    title: str
    found: str
    hint: str = ""


def good(title: str, found: str) -> Finding:
    """Return that `title` is as it must be."""
    return Finding(State.GOOD, title, found)


def wrong(title: str, found: str, hint: str) -> Finding:
    """Return that runs fail because of `title`."""
    return Finding(State.WRONG, title, found, hint)


def absent(title: str, found: str, hint: str) -> Finding:
    """Return that `title` is not there, and that only what needs it will not work."""
    return Finding(State.ABSENT, title, found, hint)


def unknown(title: str, found: str, hint: str = "") -> Finding:
    """Return that `title` could not be looked at."""
    return Finding(State.UNKNOWN, title, found, hint)
