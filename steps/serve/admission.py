"""A few workers, a short line before them, and a plain no to whom the line has no room for."""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from steps.serve.service import DeadlineError, OverloadError

T = TypeVar("T")

_WEIGHT = 0.1
"""Of the newest picture in the running mean of how long one takes."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a job may know of its own admission. Times are those of `time.perf_counter`."""

    admitted: float
    due: float
    deadline_s: float

    def check(self) -> None:
        """Stop work that nobody waits for any more.

        Raises:
            DeadlineError: If the deadline has passed.
        """
        if time.perf_counter() > self.due:
            raise DeadlineError(self.deadline_s)


class Admission:
    """Runs jobs in worker threads, first come first served.

    Whoever would wait behind `most_waiting` pictures, or for longer than the deadline, is sent away at once: at twice
    the load a server can bear, it must not spend itself on answers that come too late.
    """

    def __init__(self, *, workers: int, most_waiting: int, deadline_s: float) -> None:
        self._executor = ThreadPoolExecutor(workers, "predict")
        self._workers, self._most_waiting, self._deadline_s = workers, most_waiting, deadline_s
        self._lock = threading.Lock()
        self._inside = self._working = 0
        self._mean_s = 0.0

    @property
    def waiting(self) -> int:
        """Pictures that were admitted and not begun."""
        return self._inside - self._working

    @property
    def working(self) -> int:
        """Pictures in work."""
        return self._working

    async def run(self, pictures: int, job: Callable[[Ticket], T]) -> T:
        """Return what `job` returns, run in a worker; it counts as `pictures` in the line.

        Raises:
            OverloadError: If the line is too long.
            DeadlineError: If the answer is not there in time. A job that has not begun then never begins.
        """
        now = time.perf_counter()
        ticket = Ticket(now, now + self._deadline_s, self._deadline_s)
        self._enter(pictures)
        return await self._wait(self._submit(pictures, job, ticket))

    def close(self) -> None:
        """Let what was begun finish, and take nothing more."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, pictures: int, job: Callable[[Ticket], T], ticket: Ticket) -> Future[T]:
        try:
            future = self._executor.submit(self._work, pictures, job, ticket)
        except RuntimeError:  # after `close`: the process ends
            self._leave(pictures)
            raise OverloadError(retry_after_s=1) from None
        future.add_done_callback(lambda done: self._leave(pictures) if done.cancelled() else None)
        return future

    async def _wait(self, future: Future[T]) -> T:
        try:
            async with asyncio.timeout(self._deadline_s) as limit:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if limit.expired():
                raise DeadlineError(self._deadline_s) from None
            raise
        finally:
            # An error that knows this frame, which knows the future, which knows the error: all that the job held, a
            # model among it, would stay until the collector's rarest round.
            del future

    def _enter(self, pictures: int) -> None:
        with self._lock:
            ahead = self._inside
            wait_s = ahead * self._mean_s / self._workers
            full = ahead + pictures > self._workers + self._most_waiting or wait_s > self._deadline_s
            if ahead and full:  # Nobody ahead: even the largest batch finds room.
                raise OverloadError(retry_after_s=max(1, math.ceil(wait_s)), waiting=self.waiting)
            self._inside += pictures

    def _work(self, pictures: int, job: Callable[[Ticket], T], ticket: Ticket) -> T:
        with self._lock:
            self._working += pictures
        began = time.perf_counter()
        took = 0.0
        try:
            ticket.check()
            answer = job(ticket)
            took = (time.perf_counter() - began) / pictures
            return answer
        finally:
            with self._lock:
                self._working -= pictures
                self._inside -= pictures
                if took:  # What failed was over sooner, and tells nothing.
                    self._mean_s += _WEIGHT * (took - self._mean_s) if self._mean_s else took

    def _leave(self, pictures: int) -> None:
        with self._lock:
            self._inside -= pictures
