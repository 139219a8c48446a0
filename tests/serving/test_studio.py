import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from steps.serve.app import create_app
from steps.serve.holdings import Holdings
from steps.serve.limits import Limits
from steps.serve.service import DeadlineError, OverloadError, Prediction, Query, Source
from steps.serve.studio import MOST_WAITING, Studio
from tests.factories_model import write_model
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}


class Watched(Engine):
    """Keeps the most requests that it ever had at once."""

    now = most_at_once = 0

    async def predict(self, pictures: Sequence[Source], query: Query) -> tuple[Prediction, ...]:
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            await asyncio.sleep(0.02)
            return await super().predict(pictures, query)
        finally:
            self.now -= 1


def ask_often(url: str, path: str) -> set[int]:
    content = picture(64, 64)
    with ThreadPoolExecutor(8) as clients:
        answers = clients.map(lambda _: httpx.post(url + path, content=content, headers=JPEG, timeout=60), range(24))
        return {answer.status_code for answer in answers}


@pytest.mark.parametrize(("path", "bounded"), [("/predict?format=png", True), ("/predict", False)])
def test_few_pictures_are_kept_at_a_time_when_many_are_to_be_drawn_on(tmp_path: Path, path: str, bounded: bool) -> None:
    with ThreadPoolExecutor(8) as executor:
        engine = Watched(write_model(tmp_path / "model"), executor)
        with serving(create_app(engine, Limits(drawings=2))) as url:
            assert ask_often(url, path) == {200}
    assert (engine.most_at_once <= 2) == bounded


def test_request_is_sent_away_when_too_many_wait_for_a_place() -> None:
    async def crowd() -> None:
        studio, done = Studio(Limits(drawings=1), Holdings(0)), asyncio.Event()

        async def draw() -> None:
            async with studio.place():
                await done.wait()

        tasks = [asyncio.create_task(draw()) for _ in range(1 + MOST_WAITING)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(OverloadError):
            await draw()
        done.set()
        await asyncio.gather(*tasks)
        await draw()

    asyncio.run(crowd())


def test_request_is_sent_away_when_its_deadline_passes_before_or_after_it_has_a_place() -> None:
    async def wait() -> None:
        studio = Studio(Limits(drawings=1, deadline_s=0.1), Holdings(0))

        async def draw() -> None:
            async with studio.place():
                await asyncio.sleep(30)

        ends = await asyncio.gather(draw(), draw(), return_exceptions=True)
        assert [type(end) for end in ends] == [DeadlineError] * 2
        async with studio.place():
            await asyncio.sleep(0)

    asyncio.run(wait())
