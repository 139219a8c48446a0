"""Memory that requests have left free, given back to the system."""

import ctypes
import threading
from typing import Final

INTERVAL_S: Final = 10.0
ARENAS: Final = 2
_M_ARENA_MAX: Final = -8
"""Of malloc.h."""


class Housekeeping:
    """A thread that lets glibc hand its free pages back every `interval_s` seconds; nothing with another C library.

    Pictures come in all sizes, from many threads, each with a heap of its own: what a crowd of large ones left stayed in
    those heaps, a hundred megabytes after ten minutes, and grew. Giving each buffer back at once would cost every request
    zeroed pages; now and then it costs none of them.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        library = ctypes.CDLL(None)
        self._trim, limit = getattr(library, "malloc_trim", None), getattr(library, "mallopt", None)
        self._interval_s, self._stop = interval_s, threading.Event()
        if limit:
            limit(_M_ARENA_MAX, ARENAS)
        if self._trim:
            threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def close(self) -> None:
        """End."""
        self._stop.set()

    def _run(self) -> None:
        while self._trim and not self._stop.wait(self._interval_s):
            self._trim(0)
