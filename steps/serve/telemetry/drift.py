"""What the model sees in the long run: boxes by class and confidence. When it shifts, the world did, or the model."""

import threading
from collections.abc import Iterator

import numpy as np
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from steps.detection import Detections

BOUNDS = np.arange(1, 11) / 10
"""Upper bounds of confidence."""

MOST_CLASSES = 200
"""Classes of a model that are told apart; further ones are `other`. Each costs twelve time series."""


class Drift(Collector):
    """Counts boxes in arrays: 300 boxes cost as little as one, and nothing is named until somebody asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, _Counts] = {}

    def add(self, model: str, classes: tuple[str, ...], found: Detections) -> None:
        """Count the boxes of one answer. Classes that a later version adds or moves begin anew."""
        with self._lock:
            counts = self._seen.get(model)
            if counts is None or counts.classes is not classes:
                counts = self._seen[model] = _Counts.following(counts, classes)
            if len(found):
                counts.add(found)

    def collect(self) -> Iterator[Metric]:
        """Yield `argosight_confidence`, a histogram by model and class that was seen; its count is that of the boxes."""
        family = HistogramMetricFamily(
            "argosight_confidence", "Confidence of the boxes that were answered", labels=["model", "class"]
        )
        with self._lock:
            for model, counts in self._seen.items():
                for label, name in enumerate(counts.names):
                    cumulated = np.cumsum(counts.boxes[label]).tolist()
                    if cumulated[-1]:
                        buckets = [(f"{bound:g}", count) for bound, count in zip(BOUNDS, cumulated, strict=True)]
                        family.add_metric([model, name], [*buckets, ("+Inf", cumulated[-1])], counts.sums[label])
        yield family


class _Counts:
    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.names = (*classes[:MOST_CLASSES], "other") if len(classes) > MOST_CLASSES else classes
        self.boxes = np.zeros((len(self.names), len(BOUNDS)), np.int64)
        self.sums = np.zeros(len(self.names))

    @classmethod
    def following(cls, before: "_Counts | None", classes: tuple[str, ...]) -> "_Counts":
        """Return counts for a version's `classes` that go on from those of the version before it."""
        counts = cls(classes)
        if before:
            for at, name in enumerate(counts.names):
                if name in before.names:
                    was = before.names.index(name)
                    counts.boxes[at], counts.sums[at] = before.boxes[was], before.sums[was]
        return counts

    def add(self, found: Detections) -> None:
        rows = np.minimum(found.labels, len(self.names) - 1)
        columns = np.minimum(np.searchsorted(BOUNDS, found.scores), len(BOUNDS) - 1)
        np.add.at(self.boxes, (rows, columns), 1)
        np.add.at(self.sums, rows, found.scores)
