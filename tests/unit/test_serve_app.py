"""What the application does when a real server would have to be slow for it: requests go straight into it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.factories_model import write_model
from tests.serving.engine import Engine
from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model")


class Paused(Executor):
    """Takes work and begins it only when told to."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.work: list[tuple[Future[Any], Any, tuple[Any, ...]]] = []

    def submit(self, function: Any, /, *args: Any, **_options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.work.append((future, function, args))
        return future

    def go(self) -> None:
        for future, function, args in self.work:
            future.set_result(self.pool.submit(function, *args).result())


@pytest.fixture
def executor() -> Iterator[Paused]:
    paused = Paused()
    yield paused
    paused.pool.shutdown()


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def test_one_is_sent_away_when_too_many_wait(model: Path, executor: Paused) -> None:
    async def talk() -> tuple[list[httpx.Response], httpx.Response, httpx.Response]:
        async with client_of(create_app(Engine(model, executor, most=8), Limits())) as client:

            def post() -> "asyncio.Task[httpx.Response]":
                return asyncio.create_task(client.post("/predict", content=picture(64, 64), headers=JPEG))

            waiting = [post() for _ in range(8)]
            while len(executor.work) < 8:
                await asyncio.sleep(0)
            refused = await post()
            health = await client.get("/healthz")
            executor.go()
            return await asyncio.gather(*waiting), refused, health

    answers, refused, health = asyncio.run(talk())
    assert {answer.status_code for answer in answers} == {200}
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["detail"] == "8 pictures are waiting already"
    assert health.status_code == 200


def test_request_is_refused_when_its_body_stalls(model: Path) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield picture(64, 64)[:100]
        await asyncio.Event().wait()

    async def talk() -> httpx.Response:
        async with client_of(create_app(Engine(model, ThreadPoolExecutor(1)), Limits(body_timeout_s=0.05))) as client:
            return await client.post("/predict", content=stalled(), headers=JPEG)

    refused = asyncio.run(talk())
    assert (refused.status_code, refused.json()["detail"]) == (408, "the body did not arrive within 0.05 s")


def test_no_traceback_is_told_when_there_is_a_bug(model: Path) -> None:
    closed = ThreadPoolExecutor(1)
    closed.shutdown()

    async def talk() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Engine(model, closed), Limits()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/predict", content=picture(64, 64), headers=JPEG)

    answer = asyncio.run(talk())
    assert answer.status_code == 500
    assert answer.json()["detail"] == "a bug in the server: RuntimeError"
