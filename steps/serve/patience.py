"""Long work beside everybody's requests: it waits where a client would be sent away."""

import asyncio
import time
from collections.abc import Sequence

from steps.serve.service import DeadlineError, OverloadError, Prediction, Query, Service, Source


async def predict_patiently(
    service: Service, pictures: Sequence[Source], query: Query, *, until: float
) -> tuple[Prediction, ...]:
    """Ask `service`, again and again while it is overloaded, until `until` on the clock of `time.monotonic`.

    Raises:
        DeadlineError: If the time is over.
        ServiceError: As `Service.predict`.
    """
    began = time.monotonic()
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise DeadlineError(round(until - began, 1))
        try:
            return await service.predict(pictures, query)
        except OverloadError as error:
            await asyncio.sleep(min(max(error.retry_after_s, 0.05), left))
