"""How much may be kept: a rate for each reason, and quotas of a day for all together."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_DAY_S = 86_400


@dataclass(slots=True)
class _Bucket:
    level: float
    filled: float


@dataclass(slots=True)
class Allowance:
    """Counts what is kept. May be asked from several threads.

    Attributes:
        per_minute: Pictures of one reason; a burst of as many is allowed.
        per_day: Pictures of all reasons, in a day of UTC.
        bytes_per_day: Bytes of them.
        clock: Seconds since 1970.
    """

    per_minute: float
    per_day: int
    bytes_per_day: int
    clock: Callable[[], float] = time.time
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _day: int = -1
    _pictures: int = 0
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, reasons: Iterable[str]) -> tuple[list[str], str]:
        """Take a picture's place, for those of `reasons` that have one left; tell them, or else why there is none."""
        with self._lock:
            now = self.clock()
            self._turn(now)
            if self._pictures >= self.per_day or self._bytes >= self.bytes_per_day:
                return [], "quota"
            granted = [reason for reason in reasons if self._draw(reason, now)]
            self._pictures += bool(granted)
            return granted, "" if granted else "rate"

    def spend(self, size: int) -> None:
        """Count the bytes of what was kept."""
        with self._lock:
            self._bytes += size

    def _turn(self, now: float) -> None:
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._pictures, self._bytes = day, 0, 0

    def _draw(self, reason: str, now: float) -> bool:
        most = max(self.per_minute, 1.0)
        bucket = self._buckets.setdefault(reason, _Bucket(most, now))
        bucket.level = min(most, bucket.level + (now - bucket.filled) * self.per_minute / 60)
        bucket.filled = now
        if bucket.level < 1:
            return False
        bucket.level -= 1
        return True
