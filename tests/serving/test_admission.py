import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from steps.serve.admission import Admission, Ticket
from steps.serve.service import DeadlineError, OverloadError


def admission(*, workers: int = 1, waiting: int = 2, deadline_s: float = 30) -> "closing[Any]":
    return closing(Admission(workers=workers, most_waiting=waiting, deadline_s=deadline_s))


class Held:
    """A job that waits to be let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, _ticket: Ticket) -> str:
        self.begun.set()
        assert self.go.wait(20)
        return "done"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


def test_request_is_sent_away_when_the_line_is_full() -> None:
    async def scenario(line: Admission) -> None:
        job = Held()
        inside = [asyncio.create_task(line.run(1, job)) for _ in range(3)]
        await until(lambda: line.waiting == 2)
        with pytest.raises(OverloadError) as refused:
            await line.run(1, job)
        assert (refused.value.waiting, line.working) == (2, 1)
        assert refused.value.retry_after_s >= 1
        job.go.set()
        assert await asyncio.gather(*inside) == ["done"] * 3
        assert (line.waiting, line.working) == (0, 0)

    with admission() as line:
        asyncio.run(scenario(line))


def test_batch_is_let_in_when_nobody_is_ahead_though_it_is_longer_than_the_line() -> None:
    async def scenario(line: Admission) -> None:
        job = Held()
        batch = asyncio.create_task(line.run(16, job))
        await until(job.begun.is_set)
        with pytest.raises(OverloadError):
            await line.run(1, job)
        job.go.set()
        assert await batch == "done"

    with admission() as line:
        asyncio.run(scenario(line))


def test_job_never_begins_when_its_deadline_passed_in_the_line() -> None:
    async def scenario(line: Admission) -> None:
        first, second = Held(), Held()
        held = asyncio.create_task(line.run(1, first))
        await until(first.begun.is_set)
        with pytest.raises(DeadlineError):
            await line.run(1, second)
        with pytest.raises(DeadlineError):
            await held
        assert (line.waiting, line.working) == (0, 1)  # What has begun still counts.
        first.go.set()
        await until(lambda: line.working == 0)
        assert not second.begun.is_set()

    with admission(deadline_s=0.2) as line:
        asyncio.run(scenario(line))


def test_place_is_free_again_when_a_job_fails() -> None:
    def fail(_ticket: Ticket) -> None:
        raise ZeroDivisionError

    async def scenario(line: Admission) -> None:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await line.run(1, fail)
        assert line.waiting == line.working == 0

    with admission(waiting=0) as line:
        asyncio.run(scenario(line))


def test_request_is_sent_away_when_it_would_wait_beyond_its_deadline() -> None:
    async def scenario(line: Admission) -> None:
        await line.run(1, lambda _ticket: time.sleep(0.4))
        job = Held()
        inside = [asyncio.create_task(line.run(1, job)) for _ in range(3)]
        await until(lambda: line.waiting == 2)
        with pytest.raises(OverloadError) as refused:  # Three ahead, of 0.4 s each.
            await line.run(1, job)
        assert refused.value.retry_after_s == 2
        job.go.set()
        await asyncio.gather(*inside)

    with admission(waiting=100, deadline_s=1) as line:
        asyncio.run(scenario(line))


def test_job_stops_when_it_checks_a_passed_deadline() -> None:
    ticket = Ticket(admitted=0, due=time.perf_counter() - 1, deadline_s=5)
    with pytest.raises(DeadlineError, match="5 s"):
        ticket.check()


def test_request_is_sent_away_when_the_server_ends() -> None:
    with admission() as line:
        pass
    with pytest.raises(OverloadError):
        asyncio.run(line.run(1, lambda _ticket: None))
