"""Where pictures are drawn on: a few at a time, since each lies in memory decoded for as long as its request lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from steps.detection import draw
from steps.serve.holdings import Holdings
from steps.serve.limits import Limits
from steps.serve.picture import Encoding, PictureSet, encode
from steps.serve.service import DeadlineError, OverloadError, Prediction, Query, Service

MOST_WAITING = 32
"""Requests that wait for a place; more are sent away. What they hold is encoded, and counts among the held bytes."""


class Studio:
    """Places for requests that keep decoded pictures.

    A worker needs a picture for as long as it looks at it, and there are few workers; what is kept beyond that has no
    other bound than this one.
    """

    def __init__(self, limits: Limits, holdings: Holdings) -> None:
        self._limits, self.holdings = limits, holdings
        self._places, self._deadline_s = asyncio.Semaphore(limits.drawings), limits.deadline_s
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and have it for the block; the deadline is that of both.

        Raises:
            OverloadError: If too many wait.
            DeadlineError: If the block has not ended in time.
        """
        if self._waiting >= MOST_WAITING:
            raise OverloadError(retry_after_s=1, waiting=self._waiting)
        try:
            async with asyncio.timeout(self._deadline_s) as limit:
                self._waiting += 1
                try:
                    await self._places.acquire()
                finally:
                    self._waiting -= 1
                try:
                    yield
                finally:
                    self._places.release()
        except TimeoutError:
            if limit.expired():
                raise DeadlineError(self._deadline_s) from None
            raise

    async def draw(
        self, request: Request, service: Service, content: bytes, encoding: Encoding, query: Query
    ) -> tuple[bytes, Prediction]:
        """Return the picture with the boxes drawn, which counts among what `request` holds, and what they say.

        Raises:
            Problem: As `PictureSet.decode`, `encode` and `Holdings.hold`.
            ServiceError: As `place` and `Service.predict`.
        """
        async with self.place():
            pictures = PictureSet((content,), self._limits)
            pictures.keep()
            (prediction,) = await service.predict(pictures.sources(), query)
            drawn = await run_in_threadpool(_render, pictures, prediction, encoding)
            self.holdings.hold(request, len(drawn))
            return drawn, prediction


def _render(pictures: PictureSet, prediction: Prediction, encoding: Encoding) -> bytes:
    return encode(draw(pictures.decode(0), prediction.detections, prediction.classes), encoding)
