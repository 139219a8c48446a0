"""The loop that keeps a run going: look, do, note, wait."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from types import FrameType
from typing import Protocol

from workflows.local.manifest import Manifest
from workflows.local.node import Phase
from workflows.local.pod import Ended, Started
from workflows.local.pods import Pods
from workflows.local.run import Run
from workflows.local.scheduler import Scheduler
from workflows.local.substitution import substitute
from workflows.local.workflow_values import start_values

STOPPING = "stopping; interrupt once more to end it at once"
TICK_S = 0.25
"""Seconds between two looks at the progress of processes."""


class Observer(Protocol):
    """Whoever watches a run."""

    def show(self, run: Run) -> None:
        """Look at `run`, which must not be changed; called several times a second."""


class Loop:
    """Takes `run` to its end, and writes its state into `folder` after every change."""

    def __init__(self, manifest: Manifest, run: Run, pods: Pods, folder: Path, observer: Observer | None) -> None:
        self.run = run
        self._pods = pods
        self._scheduler = Scheduler(manifest, run, pods)
        locks = substitute(manifest.spec.synchronization, start_values(manifest, run))
        self._mutexes = [mutex.name for mutex in locks.mutexes]
        self._folder = folder
        self._observer = observer
        self._interruptions = 0
        self._answered = 0
        self._saved = ""

    def finish(self) -> Run:
        """Go on until the run has ended, and return it. The first interruption ends it in order, the second at once."""
        with self._interruptible():
            while not self._turn():
                self._wait()
        self._pods.unlock(self.run.name)
        self._pods.join()
        return self.run

    def _turn(self) -> bool:
        if self._interruptions > self._answered:
            self._answered = self._interruptions
            self._scheduler.stop()
            self.run.message = STOPPING
            if self._answered > 1:
                self._pods.kill()
        if self.run.phase == Phase.PENDING and not self._answered:
            self.run.message = self._pods.lock(self.run.name, self._mutexes)
            self.run.phase = Phase.PENDING if self.run.message else Phase.RUNNING
        done = (self.run.phase != Phase.PENDING or self._answered > 0) and self._scheduler.advance()
        self._pods.read_progress()
        self._saved = self.run.save(self._folder, unless=self._saved)
        if self._observer:
            self._observer.show(self.run)
        return done

    def _wait(self) -> None:
        """Wait until something happens, but not longer than until the next look, and note what did."""
        wait_s = TICK_S if self._scheduler.wait_s is None else min(TICK_S, self._scheduler.wait_s)
        try:
            event = self._pods.events.get(timeout=max(wait_s, 0.001))
        except Empty:
            return
        self._note(event)
        while not self._pods.events.empty():
            self._note(self._pods.events.get())

    def _note(self, event: Started | Ended) -> None:
        node = self.run.nodes[event.node]
        if isinstance(event, Started):
            node.pid, node.birth = event.pid, event.birth
            return
        node.outputs, node.process_s = event.outputs, event.process_s
        self._pods.release(node.name)
        self._scheduler.finish(node, event.phase, event.message)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Count Ctrl-C and SIGTERM instead of dying of them. Only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def count(_number: int, _frame: FrameType | None) -> None:
            self._interruptions += 1

        before = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
