"""Run a detector over many images with every core busy, and no more images in memory than there are cores."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
from steps.runtime import Detector
from steps.runtime.cores import available_cores

CONFIDENCE = 0.001
"""Weakest box that is scored, as in ultralytics' validation: average precision looks at the whole range."""

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

    def _run_one(self, path: Path) -> Detections:
        return self._detect(self._beside, read_image(path))[0]

    def _detect(self, detector: Detector, image: Image) -> tuple[Detections, tuple[float, float, float]]:
        """Return what is found, and the seconds of preparing, running and reading."""
        began = time.perf_counter()
        tensor, placement = detector.prepare(image)
        prepared = time.perf_counter()
        output = detector.backend.infer(tensor)
        ran = time.perf_counter()
        found = detector.read(output, placement, confidence=CONFIDENCE, iou=self._iou, max_detections=MOST_DETECTIONS)
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
