"""Workers that are never far ahead, so that neither they nor what they return fills the memory."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.context import BaseContext
from multiprocessing.forkserver import ensure_running
from typing import TypeVar

from steps.errors import TemporaryError

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 4
"""Items that wait or are done, for each worker."""


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items; the last may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def warm_up() -> BaseContext:
    """Start what processes are made from, if it does not run: it loads its libraries while others unpack.

    It and its processes are born with Ctrl-C blocked, which a terminal sends to all: it is this process's to end them.
    A handler would be set too late, since a process that starts has that of Python until then.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["steps.ingest.preparation"])
    resource_tracker.ensure_running()  # Once it runs, what follows does not start it, and so unblock the signal.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return context


def each_in_order(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Yield `work(item)` in the order of `items`, done by `workers` processes; with one, by this one.

    Processes are started fresh, not forked, since libraries in this one may hold locks. They end with it, however it
    ends, and leave Ctrl-C to it.

    Raises:
        TemporaryError: If a worker is killed.
    """
    if workers == 1:
        yield from map(work, items)
        return
    try:
        yield from _ordered(ProcessPoolExecutor(workers, warm_up(), _follow_parent), work, items, workers)
    except BrokenProcessPool:
        raise TemporaryError(
            "a process that reads images was killed, most likely for memory",
            hint="give the step more memory, or lower --workers or --max-pixels",
        ) from None


def each_in_threads(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Yield `work(item)` in the order of `items`, done by threads: for work that mostly waits, or leaves Python."""
    yield from _ordered(ThreadPoolExecutor(threads), work, items, threads)


def _ordered(pool: Executor, work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """End when the parent is gone, which no signal tells."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
