"""Durations as Argo spells them, and times as people read them."""

import re
from datetime import UTC, datetime

UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


def seconds_of(text: str, *, bare: bool = True) -> float:
    """Return the seconds in a Go duration such as `1h30m`, `20s` or `500ms`; with `bare`, also in plain seconds.

    Raises:
        ValueError: If `text` is of another form.
    """
    if bare and text.isdecimal():
        return float(text)
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} should be a duration such as 20s, 12m or 1h30m")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def clock_text(seconds: float) -> str:
    """Spell a span as people read it: `4.2 s`, `3:05 min`, `1:03:05 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def now() -> datetime:
    """Return the current time, UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Spell `moment` as Kubernetes does, to the second: `2026-01-31T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
