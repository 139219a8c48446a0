"""The folders a running step owns, and the one way it tells how far it is."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Progress:
    """How far the step is: a bar on a terminal, a line now and then elsewhere, and the file `ARGO_PROGRESS_FILE`.

    Argo reads the last line of that file, `N/M`, and shows it beside the node. The line before it says the same in words,
    for the local engine.

    Attributes:
        interval_s: Seconds between two updates of the bar and the file, at least.
        line_interval_s: Seconds between two lines where there is no terminal, at least.
    """

    interval_s: float = 0.5
    line_interval_s: float = 10.0
    _last: float = field(default=0.0, init=False)
    _last_line: float = field(default=0.0, init=False)

    def __call__(self, done: int, total: int, message: str = "") -> None:
        """Report `done` of `total` units, 0 where the total is unknown; the end is always reported.

        Args:
            done: Units done.
            total: Units in all.
            message: The same in words, with the unit, such as `epoch 3 of 10, mAP50 0.71`: a line has nothing else.
        """
        now = time.monotonic()
        finished = 0 < total <= done
        if not finished and now - self._last < self.interval_s:
            return
        self._last = now
        words = " ".join(message.split())
        path = os.environ.get("ARGO_PROGRESS_FILE")
        if path:
            Path(path).write_text("".join(f"{line}\n" for line in (words, f"{done}/{max(total, 1)}") if line))
        if sys.stderr.isatty():
            bar = "█" * (24 * done // max(total, 1))
            end = "\n" if finished else ""
            sys.stderr.write(f"\r\x1b[K{bar[:24]:<24} {words or f'{done}/{total}'}{end}")
            sys.stderr.flush()
        elif words and (finished or now - self._last_line >= self.line_interval_s):
            self._last_line = now
            sys.stderr.write(f"{words}\n")
            sys.stderr.flush()

    def over(self, items: Iterable[T], total: int, units: str) -> Iterator[T]:
        """Yield `items` and report each one as it is done; `units` says of what and how, such as `images checked`."""
        for done, item in enumerate(items, 1):
            yield item
            self(done, total, f"{done:,} of {total:,} {units}")


@dataclass(frozen=True, slots=True)
class Workspace:
    """Folders of one run of one step.

    Attributes:
        out: Where outputs are written: artifact `dataset` goes to `out / "dataset"`. The folder appears
            under its final name only when the step has returned, so nothing half-written looks finished.
        state: Kept from one attempt to the next, for steps that resume. Empty at the first attempt.
        progress: Tells how far the step is.
    """

    out: Path
    state: Path
    progress: Progress = field(default_factory=Progress)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Lend an empty folder beside `out` that is gone afterwards, on the same disk, so that moves are renames."""
        import shutil  # noqa: PLC0415  (only steps that need scratch space pay for it)

        folder = self.out.parent / f".scratch-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
