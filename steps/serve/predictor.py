"""One published version in memory, and what happens to one picture."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self
from uuid import uuid4

import numpy as np

from steps.registry import Registry, Version
from steps.runtime import Detector, verify_files
from steps.serve.service import (
    ImageSizeError,
    ModelInfo,
    OverloadError,
    Prediction,
    Source,
    UnknownModelError,
)

MAX_WAITING = 32
"""Pictures that wait or are in work; more are sent away at once, rather than kept waiting until they have given up."""


@dataclass(slots=True)
class Predictor:
    """A version that is loaded and warm, as a `Service`. Its work runs in `executor`, off the event loop."""

    version: Version
    detector: Detector
    executor: Executor
    waiting: int = field(default=0, init=False)

    @classmethod
    def load(cls, version: Version, registry: Registry, folder: Path, executor: Executor, *, threads: int) -> Self:
        """Fetch `version` into `folder`, check the SHA-256 of every file, load it, and run it once.

        The folder is not needed afterwards.

        Raises:
            ModelError: If a file is missing, was changed, or does not load.
        """
        model = registry.fetch(version, folder)
        detector = Detector.load(model, threads=threads)
        verify_files(model, detector.card)
        wanted = detector.card.input
        detector.detect(np.zeros((wanted.height, wanted.width, 3), np.uint8))
        return cls(version, detector, executor)

    def models(self) -> list[str]:
        """Return the one model's name."""
        return [self.version.name]

    async def predict(
        self,
        pictures: Sequence[Source],
        *,
        model: str = "",
        confidence: float = 0.25,
        iou: float = 0.7,
        max_detections: int = 300,
        classes: tuple[str, ...] = (),
        image_size: int | None = None,
        request_id: str = "",
    ) -> tuple[Prediction, ...]:
        """Return what is seen on each picture; errors as the `Service` says."""
        self._check(model)
        side = max(self.detector.card.input.width, self.detector.card.input.height)
        if image_size not in (None, side):
            raise ImageSizeError(image_size or 0, (side,))
        if self.waiting + len(pictures) > MAX_WAITING:
            raise OverloadError(retry_after_s=1, waiting=self.waiting)
        request_id = request_id or uuid4().hex
        chosen = tuple(label for label, name in enumerate(self.detector.card.classes) if name in classes)
        began = time.perf_counter()

        def work() -> tuple[Prediction, ...]:
            return tuple(
                self._detect(
                    source,
                    began=began,
                    confidence=confidence,
                    iou=iou,
                    limit=max_detections,
                    chosen=chosen if classes else None,
                    request_id=request_id,
                )
                for source in pictures
            )

        self.waiting += len(pictures)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        finally:
            self.waiting -= len(pictures)

    def describe(self, model: str = "") -> ModelInfo:
        """Return what is served."""
        self._check(model)
        lineage = self.version.manifest.lineage
        return ModelInfo(
            name=self.version.name,
            version=self.version.number,
            url=self.version.url,
            sha256=self.version.sha256,
            classes=self.detector.card.classes,
            input=self.detector.card.input,
            metrics=lineage.metrics,
            created=lineage.created,
            lineage=lineage.model_dump(exclude={"metrics", "created"}),
            backend="onnx",
        )

    def ready(self) -> bool:
        """Tell that the version is loaded."""
        return True

    def live(self) -> bool:
        """Tell that the process answers."""
        return True

    def _check(self, model: str) -> None:
        if model not in ("", self.version.name):
            raise UnknownModelError(model, (self.version.name,))

    def _detect(
        self,
        source: Source,
        *,
        began: float,
        confidence: float,
        iou: float,
        limit: int,
        chosen: tuple[int, ...] | None,
        request_id: str,
    ) -> Prediction:
        times = [began, time.perf_counter()]
        picture = source() if callable(source) else source
        times.append(time.perf_counter())
        tensor, placement = self.detector.prepare(picture)
        times.append(time.perf_counter())
        output = self.detector.backend.infer(tensor)
        times.append(time.perf_counter())
        most = limit if chosen is None else 10_000
        found = self.detector.read(output, placement, confidence=confidence, iou=iou, max_detections=most)
        if chosen is not None:
            found = found.pick(np.flatnonzero(np.isin(found.labels, chosen))[:limit])
        times.append(time.perf_counter())
        queue, decode, preprocess, inference, postprocess = (
            round(1000 * (later - earlier), 3) for earlier, later in pairwise(times)
        )
        return Prediction(
            detections=found,
            classes=self.detector.card.classes,
            model=self.version.name,
            version=self.version.number,
            speed_ms={
                "queue": queue,
                "decode": decode,
                "preprocess": preprocess,
                "inference": inference,
                "postprocess": postprocess,
            },
            request_id=request_id,
            shape=(picture.shape[0], picture.shape[1]),
        )
