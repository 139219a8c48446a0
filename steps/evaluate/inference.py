"""Run a detector over many images with every core busy, and no more images in memory than there are cores."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from steps.detection import Detections
from steps.detection.drawing import Image
from steps.errors import DatasetError
from steps.evaluate.coco import MOST_DETECTIONS
from steps.evaluate.metrics import Speed
from steps.runtime import WEAKEST, Defaults, Detector
from steps.runtime.cores import available_cores

TIMED = 32
"""Images that speed is measured on."""

_WARM_UP = 3


class Inference:
    """A detector set up for many images.

    Small networks gain little from several threads, and the work around them nothing: so many images run side by
    side, each on one core, a third faster than one at a time on all cores. Speed is told for one at a time, as a
    server with one client would be.
    """

    def __init__(self, model: Path, labels: NDArray[np.int64], *, iou: float, cores: int = 0) -> None:
        """Load the model in folder `model`.

        Args:
            model: Model folder.
            labels: For each class of the model, the label to tell.
            iou: Of non-maximum suppression.
            cores: To use; 0 means all.
        """
        self._cores = cores or available_cores()
        self._alone = Detector.load(model, threads=self._cores)
        self._beside = Detector.load(model, threads=1) if self._cores > 1 else self._alone
        self._labels, self._iou = labels, iou

    def run_timed(self, images: Sequence[Path]) -> tuple[list[Detections], Speed]:
        """Run one image after another, and return what was found in each and the median times."""
        found, times = [], []
        for index, path in enumerate(images):
            image = read_image(path)
            if not index:
                for _ in range(_WARM_UP):
                    self._detect(self._alone, image)
            detections, seconds = self._detect(self._alone, image)
            found.append(detections)
            times.append((*seconds, sum(seconds)))
        median = (np.median(np.array(times), axis=0) * 1000).round(3)
        preprocess, inference, postprocess, total = median.tolist()
        return found, Speed(preprocess=preprocess, inference=inference, postprocess=postprocess, total=total)

    def run(self, images: Sequence[Path]) -> Iterator[Detections]:
        """Yield what is found in each image, in order; each core decodes and runs its own."""
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)
        waiting: deque[Future[Detections]] = deque()
        try:
            with ThreadPoolExecutor(self._cores) as pool:
                for path in images:
                    waiting.append(pool.submit(self._run_one, path))
                    if len(waiting) > 2 * self._cores:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            cv2.setNumThreads(threads)

    def answer(self, image: Image, defaults: Defaults) -> Detections:
        """Return what a server with `defaults` answers to an image. Labels count as the model's do."""
        card = self._alone.card.model_copy(update={"defaults": defaults})
        return replace(self._alone, card=card).detect(image)

    def answers(self, images: Sequence[Path], found: Sequence[Detections], defaults: Defaults) -> Iterator[Detections]:
        """Yield what a server with `defaults` answers to each image, on which `found` was found down to `WEAKEST`."""
        thresholds = np.zeros(len(self._labels), np.float32)
        thresholds[self._labels] = defaults.thresholds(self._alone.card.classes)
        for path, boxes in zip(images, found, strict=True):
            answered = boxes.above(thresholds)
            if len(answered) < len(boxes) == MOST_DETECTIONS and boxes.scores[-1] > thresholds.min():
                # What does not count took places of the limit, in which a server puts weaker boxes of other classes.
                answered = self.answer(read_image(path), defaults)
                answered = Detections(answered.xyxy, answered.scores, self._labels[answered.labels])
            yield answered

    def _run_one(self, path: Path) -> Detections:
        return self._detect(self._beside, read_image(path))[0]

    def _detect(self, detector: Detector, image: Image) -> tuple[Detections, tuple[float, float, float]]:
        """Return what is found, and the seconds of preparing, running and reading."""
        began = time.perf_counter()
        tensor, placement = detector.prepare(image)
        prepared = time.perf_counter()
        output = detector.backend.infer(tensor)
        ran = time.perf_counter()
        found = detector.read(output, placement, confidence=WEAKEST, iou=self._iou, max_detections=MOST_DETECTIONS)
        found = Detections(found.xyxy, found.scores, self._labels[found.labels])
        return found, (prepared - began, ran - prepared, time.perf_counter() - ran)


def read_image(path: Path) -> Image:
    """Decode a picture to blue, green, red, uint8 [h, w, 3], upright.

    Raises:
        DatasetError: If it is missing or no picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        what = "is not a picture that can be decoded" if path.exists() else "is missing"
        raise DatasetError(
            f"{path.name} {what}, in {path.parent}", hint="the data set is damaged: run the `ingest` step again"
        )
    return cast("Image", image)
