"""Numbers as people read them: two to three significant digits, units, and a dash for what is not known."""

from collections.abc import Sequence

UNKNOWN = "–"


def score(value: float | None) -> str:
    """Spell a score between 0 and 1 with three decimals."""
    return UNKNOWN if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """Spell a share as a percentage: `0.0312` is `3.1 %`."""
    if value is None:
        return UNKNOWN
    hundredths = value * 100
    return f"{hundredths:.1f} %" if 0 < hundredths < 9.95 else f"{hundredths:.0f} %"


def count(value: float | None) -> str:
    """Spell a whole number with separators: `12345` is `12,345`."""
    return UNKNOWN if value is None else f"{round(value):,}"


def counted(value: int, one: str, many: str = "") -> str:
    """Spell a number with its noun: `1 box`, `2 boxes`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def significant(value: float) -> str:
    """Spell `value` with three significant digits, and no exponent between 0.001 and a million."""
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def milliseconds(value: float | None) -> str:
    """Spell milliseconds: `8.31` is `8.3 ms`, `1234` is `1.2 s`."""
    if value is None:
        return UNKNOWN
    if value >= 1000:
        return seconds(value / 1000)
    return f"{value:.0f} ms" if value >= 99.5 else f"{value:.1f} ms"


def seconds(value: float | None) -> str:
    """Spell a duration: `0.42 s`, `8.3 s`, `1 min 23 s`, `2 h 05 min`."""
    if value is None:
        return UNKNOWN
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 59.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(value / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(value / 3600)
    return f"{hours // 24} d {hours % 24} h"


def round_duration(value: float) -> str:
    """Spell a round duration, as on an axis: `0`, `0.5 s`, `30 s`, `5 min`, `1 h 30 min`."""
    if value == 0:
        return "0"
    if value < 60:
        return f"{value:g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"


def size(value: float | None) -> str:
    """Spell bytes in decimal units: `43 MB`, `1.2 GB`."""
    if value is None:
        return UNKNOWN
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
