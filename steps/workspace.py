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
    """How far the step is: a line on a terminal, and `N/M` in `ARGO_PROGRESS_FILE` where that is set.

    Argo shows the content of that file beside the node; so does the local engine.
    """

    interval_s: float = 0.5
    _last: float = field(default=0.0, init=False)

    def __call__(self, done: int, total: int, message: str = "") -> None:
        """Report `done` of `total` units; `message` is a few words such as `epoch 3, mAP50 0.71`."""
        now = time.monotonic()
        if done < total and now - self._last < self.interval_s:
            return
        self._last = now
        path = os.environ.get("ARGO_PROGRESS_FILE")
        if path:
            Path(path).write_text(f"{done}/{max(total, 1)}\n")
        if sys.stderr.isatty():
            bar = "█" * (24 * done // max(total, 1))
            end = "\n" if done >= total else ""
            sys.stderr.write(f"\r\x1b[K{bar:<24} {done}/{total} {message}{end}")
            sys.stderr.flush()
        elif message:
            sys.stderr.write(f"[{done}/{total}] {message}\n")
            sys.stderr.flush()

    def over(self, items: Iterable[T], total: int, message: str = "") -> Iterator[T]:
        """Yield `items` and report each one as it is done."""
        for done, item in enumerate(items, 1):
            yield item
            self(done, total, message if done == total else "")


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
