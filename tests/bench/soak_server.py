"""The server that is soaked, as a process, and what it uses of the machine."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from tests.bench.soak_store import BUCKET
from tests.bench.soak_versions import NAME

BODY_BYTES = 2_000_000
HELD_BODIES = 6
"""Bodies of the largest size that the server holds at once."""

BATCH = 8
FLAGS = (
    f"--registry=s3://{BUCKET}/models",
    f"--model-name={NAME}",
    "--port=0",
    "--grpc-port=0",
    "--watch-seconds=0.5",
    "--workers=2",
    "--threads=1",
    "--max-waiting=16",
    f"--max-bytes={BODY_BYTES}",
    f"--max-held-bytes={HELD_BODIES * BODY_BYTES}",
    "--max-pixels=20000000",
    f"--max-batch={BATCH}",
    "--body-seconds=3",
    "--deadline-seconds=20",
    "--max-video-seconds=3",
    "--video-timeout-seconds=60",
    "--video-jobs=2",
    "--video-kept=2",
    f"--capture=s3://{BUCKET}/kept",
    "--capture-random=0.1",
    "--capture-per-minute=60",
)
"""Small limits, so that all of them are met again and again."""

STOP_S = 40.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    process: "subprocess.Popen[str]"
    url: str
    port: int
    grpc_port: int
    log: Path
    scratch: Path
    """Its folder for files that come and go."""

    def stop(self) -> list[str]:
        """Tell it to stop, and return what is wrong with how it ended, or with its log."""
        faults = []
        self.process.terminate()
        try:
            if code := self.process.wait(STOP_S):
                faults.append(f"the server ended with {code}")
        except subprocess.TimeoutExpired:
            faults.append(f"the server did not end within {STOP_S:g} s of SIGTERM")
        left = [path.name for path in self.scratch.rglob("*") if path.is_file() and path.name != "record.json"]
        if left:
            faults.append(f"the server left {len(left)} files behind: {left[:5]}")
        return faults

    def complaints(self) -> list[str]:
        """Return the lines of its log that tell of bugs."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return [line[:2000] for line in lines if '"level": "error"' in line or "Traceback" in line]

    def count(self, event: str) -> int:
        """Return how often its log tells of `event`."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return sum(f'"event": "{event}"' in line for line in lines)


@contextmanager
def serving(folder: Path, variables: dict[str, str]) -> Iterator[Server]:
    """Run a server, its files below `folder`, its store named by `variables`."""
    scratch, log = folder / "scratch", folder / "log"
    scratch.mkdir(parents=True)
    more = {"STEP_WORK": str(scratch / "work"), "TMPDIR": str(scratch), **variables}
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "steps", "serve", *FLAGS],
            env={**os.environ, **more},
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the server does not start:\n{log.read_text()[-3000:]}")
        ready = json.loads(line)
        yield Server(process, ready["url"], ready["port"], ready["grpc_port"], log, scratch)
    finally:
        process.kill()
        process.communicate(timeout=30)


@dataclass(frozen=True, slots=True)
class Use:
    """What is sampled of the server, and how much more of it at the end is no leak: a tenth, and `slack`."""

    name: str
    unit: str
    slack: float
    values: list[float] = field(default_factory=list)

    def middle(self, part: int) -> float:
        """Return the median of the fifth `part`, from 0 to 4."""
        size = max(1, len(self.values) // 5)
        return median(self.values[part * size : (part + 1) * size])

    @property
    def leaks(self) -> bool:
        """Whether the last fifth is above the third by more than it may: until then heaps grow to what a crowd needs."""
        return self.middle(4) > 1.1 * self.middle(2) + self.slack


class Samples(threading.Thread):
    """Looks at the server every second."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="samples", daemon=True)
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self.own = Use("memory of the server", "MB", 8)
        self.all = Use("memory with children", "MB", 8)
        self.files = Use("open files", "", 8)
        self.threads = Use("threads", "", 4)

    @property
    def uses(self) -> tuple[Use, ...]:
        """All that is sampled."""
        return self.own, self.all, self.files, self.threads

    def run(self) -> None:
        """Sample until told to stop."""
        while not self._ended.wait(1):
            self._take()

    def stop(self) -> None:
        """End."""
        self._ended.set()
        self.join(10)

    def children(self) -> list[str]:
        """Return the processes that the server has now."""
        return [f"{child.pid} {child.status()}" for child in self._process.children(recursive=True)]

    def peak_mb(self) -> float:
        """Return the most memory that the server ever had, children aside, in MB, where the system tells."""
        path = Path(f"/proc/{self._process.pid}/status")
        lines = path.read_text().splitlines() if path.is_file() else []
        return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), 0.0)

    def quiet(self, seconds: float) -> bool:
        """Wait until the server has no children; tell whether that came in time."""
        end = time.monotonic() + seconds
        while self.children():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def _take(self) -> None:
        try:
            own = self._process.memory_info().rss / 1e6
            files, threads = self._process.num_fds(), self._process.num_threads()
            children = self._process.children(recursive=True)
        except psutil.Error:  # It has ended; that is told elsewhere.
            return
        total = own
        for child in children:
            try:
                total += child.memory_info().rss / 1e6
            except psutil.Error:  # A video's process that ended just now.
                continue
        for use, value in zip(self.uses, (own, total, files, threads), strict=True):
            use.values.append(value)

    def table(self) -> str:
        """Spell the medians of the fifths."""
        lines = [f"{'median of each fifth':<24}{''.join(f'{part + 1:>9}' for part in range(5))}{'5th − 3rd':>12}"]
        for use in self.uses:
            middles = [use.middle(part) for part in range(5)]
            cells = "".join(f"{value:>9.1f}" for value in middles)
            name = f"{use.name}{use.unit and ', '}{use.unit}"
            lines.append(f"{name:<24}{cells}{middles[4] - middles[2]:>+12.1f}")
        return "\n".join(lines)
