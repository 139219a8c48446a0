"""The service: models by name, behind one line."""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from steps.serve.admission import Admission, Ticket
from steps.serve.capture.recorder import Capture
from steps.serve.models.shelf import Shelf
from steps.serve.predictor import Predictor
from steps.serve.service import (
    ImageSizeError,
    ModelInfo,
    Prediction,
    Query,
    Source,
    UnknownModelError,
)
from steps.serve.telemetry.metrics import Metrics
from steps.serve.telemetry.note import current

log = logging.getLogger(__name__)


class Engine:
    """Answers for one or several models; a `Service`."""

    def __init__(self, shelves: Sequence[Shelf], admission: Admission, metrics: Metrics, capture: Capture) -> None:
        self._shelves = {shelf.name: shelf for shelf in shelves}
        self._admission, self._metrics, self._capture = admission, metrics, capture

    def models(self) -> list[str]:
        """Return the names, the one that answers unnamed requests first."""
        return list(self._shelves)

    async def predict(self, pictures: Sequence[Source], query: Query) -> tuple[Prediction, ...]:
        """Return what is seen on each picture; errors as the `Service` says."""
        asked_ns = time.time_ns()
        # Taken once: whatever is swapped while it waits, all of a request is checked and answered by one version.
        predictor = self._shelf(query.model).predictor()
        if query.image_size not in (None, predictor.side):
            raise ImageSizeError(query.image_size or 0, (predictor.side,))
        named = query if query.request_id else replace(query, request_id=uuid4().hex)

        def work(ticket: Ticket) -> tuple[Prediction, ...]:
            return self._look(predictor, pictures, named, ticket)

        predictions = await self._admission.run(len(pictures), work)
        note = current.get()
        if note:
            note.answers.append((asked_ns, predictions))
        return predictions

    def describe(self, model: str = "") -> ModelInfo:
        """Return what is served under a name, and whether it is what should be."""
        return self._shelf(model).describe()

    def ready(self) -> bool:
        """Tell whether every model has a version."""
        return all(shelf.loaded for shelf in self._shelves.values())

    def live(self) -> bool:
        """Tell that the process answers: it does, if this is called."""
        return True

    def _shelf(self, model: str) -> Shelf:
        shelf = self._shelves.get(model) if model else next(iter(self._shelves.values()))
        if shelf is None:
            raise UnknownModelError(model, tuple(self._shelves))
        return shelf

    def _look(
        self, predictor: Predictor, pictures: Sequence[Source], query: Query, ticket: Ticket
    ) -> tuple[Prediction, ...]:
        sights, floor = [], self._capture.floor(predictor.detector.card)
        for source in pictures:
            ticket.check()
            sights.append(predictor.look(source, query, began=ticket.admitted, floor=floor))
        predictions = tuple(sight.prediction for sight in sights)
        if predictions:
            self._metrics.answer(predictions)
        for sight in sights:
            self._capture.offer(sight, predictor.edition)
        return predictions
