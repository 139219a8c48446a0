"""One version in memory, and what happens to one picture."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from steps.detection import Detections, is_above
from steps.detection.boxes import Floats
from steps.runtime import Detector, ModelCard
from steps.runtime.letterbox import Placement
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
        seen: The boxes of the answer, and then others down to the floor.
        card: Of the version that looked.
    """

    prediction: Prediction
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    seen: Detections
    card: ModelCard


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
        found, seen = self._read(output, placement, query, floor)
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
        return Sight(prediction, picture, seen, self.detector.card)

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
            defaults=card.served_defaults,
            metrics=edition.lineage.metrics,
            created=edition.lineage.created,
            lineage=edition.lineage.model_dump(exclude={"metrics", "created"}),
            backend=f"{self.format}: {self.detector.runs_on}",
        )

    def _read(self, output: Floats, placement: Placement, query: Query, floor: float) -> tuple[Detections, Detections]:
        """Return the boxes of the answer, and these with others down to the floor after them."""
        only = self._labels(query.classes)
        wanted = self.detector.thresholds
        if query.confidence is not None:
            wanted = np.full_like(wanted, query.confidence)
        limit = query.max_detections or self.detector.card.served_defaults.max_detections
        found = self.detector.read(output, placement, confidence=wanted, iou=query.iou, max_detections=limit, only=only)
        lower = np.minimum(wanted, np.float32(floor), dtype=np.float32)
        if not np.any(lower < wanted):
            return found, found
        # Read a second time: what is answered must not depend on what else takes part in the limit.
        deep = self.detector.read(
            output, placement, confidence=lower, iou=query.iou, max_detections=limit + _BEYOND, only=only
        )
        # Suppression goes from strong to weak, so the answer's boxes are the first of those above its thresholds.
        answered = np.flatnonzero(is_above(deep.scores, deep.labels, wanted))[: len(found)]
        return found, found.extend(deep.pick(np.delete(np.arange(len(deep)), answered)))

    def _labels(self, names: tuple[str, ...]) -> tuple[int, ...] | None:
        found = (find_class(name, self.detector.card.classes) for name in names)
        return tuple(label for label in found if label is not None) if names else None
