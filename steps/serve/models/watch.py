"""A thread that looks again and again whether another version is to be served."""

import random
import threading
from collections.abc import Callable, Sequence

from steps.serve.models.shelf import Outcome, Shelf


class Watch:
    """Refreshes shelves every `interval_s` seconds, give or take a tenth, so that replicas do not ask in step."""

    def __init__(
        self, shelves: Sequence[Shelf], interval_s: float, told: Callable[[Shelf, Outcome], None] = lambda *_: None
    ) -> None:
        """Watch those of `shelves` whose origin moves; `told` hears each outcome. 0 seconds: never."""
        self._shelves = [shelf for shelf in shelves if shelf.origin.moves]
        self._interval_s, self._told = interval_s, told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin, unless there is nothing to watch."""
        if self._shelves and self._interval_s:
            self._thread.start()

    def stop(self) -> None:
        """End; a load that has begun is left behind."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s * random.uniform(0.9, 1.1)):  # noqa: S311
            for shelf in self._shelves:
                self._told(shelf, shelf.refresh())
