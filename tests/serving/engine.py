"""A `Service` of one real model and no more, so that what the protocols do is tested apart from the engine's own ways."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI

from steps.runtime import Detector
from steps.serve.connection import BoundedConnection
from steps.serve.server import bind
from steps.serve.service import (
    ImageSizeError,
    ModelInfo,
    OverloadError,
    Prediction,
    Query,
    Source,
    UnknownModelError,
    find_class,
)


@dataclass
class Engine:
    """A model folder that answers as version 1 of `planes`; `most` pictures may wait."""

    folder: Path
    executor: Executor
    most: int = 32
    name: str = "planes"
    waiting: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.detector = Detector.load(self.folder, threads=1)

    def models(self) -> list[str]:
        return [self.name]

    async def predict(self, pictures: Sequence[Source], query: Query) -> tuple[Prediction, ...]:
        info = self.describe(query.model)
        labels = {find_class(name, info.classes) for name in query.classes}
        if query.image_size not in (None, info.input.width):
            raise ImageSizeError(query.image_size or 0, (info.input.width,))
        if self.waiting + len(pictures) > self.most:
            raise OverloadError(retry_after_s=0.2, waiting=self.waiting)
        wanted = [at for at in range(len(info.classes)) if not query.classes or at in labels]

        def work() -> tuple[Prediction, ...]:
            return tuple(map(look, pictures))

        def look(source: Source) -> Prediction:
            picture = source() if callable(source) else source
            began = time.perf_counter()
            found = self.detector.detect(picture, confidence=query.confidence, iou=query.iou, max_detections=10_000)
            limit = query.max_detections or info.defaults.max_detections
            found = found.pick(np.flatnonzero(np.isin(found.labels, wanted))[:limit])
            spent = 1000 * (time.perf_counter() - began)
            shape = (picture.shape[0], picture.shape[1])
            return Prediction(
                found, info.classes, self.name, 1, {"inference": spent}, query.request_id or "made-up", shape
            )

        self.waiting += len(pictures)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        finally:
            self.waiting -= len(pictures)

    def describe(self, model: str = "") -> ModelInfo:
        if model not in ("", self.name):
            raise UnknownModelError(model, (self.name,))
        card = self.detector.card
        return ModelInfo(
            name=self.name,
            version=1,
            url="file:///models/planes/1",
            sha256="0" * 64,
            classes=card.classes,
            input=card.input,
            defaults=card.served_defaults,
            metrics={"map50": 0.91},
            created=card.created,
        )

    def ready(self) -> bool:
        return True

    def live(self) -> bool:
        return True


@contextmanager
def serving(app: FastAPI, http: type[BoundedConnection] = BoundedConnection) -> Iterator[str]:
    """Serve `app` on a thread, and yield its URL."""
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, http=http, log_level="error", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
