"""One version in memory, and what happens to one picture."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from steps.detection import Detections
from steps.runtime import Detector
from steps.serve.models.origin import Edition
from steps.serve.service import ModelInfo, Prediction, Query, Source, Stage, find_class

_BEYOND = 300
"""Boxes of at least the floor's score that are read beyond those that were asked for."""

_STAGES: tuple[Stage, ...] = ("queue", "decode", "preprocess", "inference", "postprocess")


@dataclass(frozen=True, slots=True)
class Sight:
    """What came of one picture: the answer, and what was seen beyond it.

    Attributes:
        prediction: What is answered.
        picture: As it was decoded, uint8 [height, width, 3].
        seen: The boxes of the answer, and then those between its confidence and the floor.
    """

    prediction: Prediction
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    seen: Detections


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Predictor:
    """A version that is verified, loaded and warm. Nothing in it changes; any number of threads may ask it."""

    edition: Edition
    detector: Detector
    format: str
    measured_ms: Mapping[str, float]

    @property
    def side(self) -> int:
        """Longer side of the network's input, pixels."""
        return max(self.detector.card.input.width, self.detector.card.input.height)

    def look(self, source: Source, query: Query, *, began: float, floor: float = 1.0) -> Sight:
        """Return what is on a picture.

        Args:
            source: The picture, or what decodes it; what it raises passes through.
            query: How to look; the model is this one, whichever it names.
            began: When the request was admitted, by `time.perf_counter`.
            floor: Boxes from this score on are told in `seen`, even where the request asks for stronger ones only.

        Raises:
            ModelError: If the network's answer is not what its card says.
        """
        times = [began, time.perf_counter()]
        picture = source() if callable(source) else source
        times.append(time.perf_counter())
        tensor, placement = self.detector.prepare(picture)
        times.append(time.perf_counter())
        output = self.detector.backend.infer(tensor)
        times.append(time.perf_counter())
        deeper = floor < query.confidence
        seen = self.detector.read(
            output,
            placement,
            confidence=min(query.confidence, floor),
            iou=query.iou,
            max_detections=query.max_detections + (_BEYOND if deeper else 0),
            only=self._labels(query.classes),
        )
        # Suppression goes from strong to weak: weaker boxes changed nothing above them.
        count = int(np.count_nonzero(seen.scores > query.confidence)) if deeper else len(seen)
        found = seen.pick(np.arange(min(count, query.max_detections))) if deeper else seen
        times.append(time.perf_counter())
        spent = (round(1000 * (later - earlier), 3) for earlier, later in pairwise(times))
        prediction = Prediction(
            detections=found,
            classes=self.detector.card.classes,
            model=self.edition.name,
            version=self.edition.number,
            speed_ms=dict(zip(_STAGES, spent, strict=True)),
            request_id=query.request_id,
            shape=(picture.shape[0], picture.shape[1]),
        )
        return Sight(prediction, picture, seen)

    def describe(self) -> ModelInfo:
        """Return what is served."""
        edition, card = self.edition, self.detector.card
        return ModelInfo(
            name=edition.name,
            version=edition.number,
            url=edition.url,
            sha256=edition.sha256,
            classes=card.classes,
            input=card.input,
            metrics=edition.lineage.metrics,
            created=edition.lineage.created,
            lineage=edition.lineage.model_dump(exclude={"metrics", "created"}),
            backend=f"{self.format}: {self.detector.runs_on}",
        )

    def _labels(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        found = (find_class(name, self.detector.card.classes) for name in names)
        return tuple(label for label in found if label is not None) if names else None
