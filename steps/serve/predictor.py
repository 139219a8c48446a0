"""One published version in memory, and what happens to one picture."""

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np

from steps.detection import draw
from steps.registry import Registry, Version
from steps.runtime import Detector, verify_files
from steps.serve.answer import Answer, ImageAnswer, Metadata, Options, Speed, results_of
from steps.serve.picture import decode, encode


@dataclass(frozen=True, slots=True)
class Predictor:
    """A version that is loaded and warm. May be called from several threads."""

    version: Version
    detector: Detector
    max_pixels: int

    @classmethod
    def load(cls, version: Version, registry: Registry, folder: Path, *, threads: int, max_pixels: int) -> Self:
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
        return cls(version, detector, max_pixels)

    def predict(self, content: bytes, options: Options) -> Answer | bytes:
        """Return what is on a picture, or with `format=image` the picture with the boxes drawn, as JPEG.

        Raises:
            Problem: If `content` is no picture, or one that is too large.
        """
        times = [time.perf_counter()]
        picture = decode(content, self.max_pixels)
        times.append(time.perf_counter())
        tensor, placement = self.detector.prepare(picture)
        times.append(time.perf_counter())
        output = self.detector.backend.infer(tensor)
        times.append(time.perf_counter())
        detections = self.detector.read(
            output, placement, confidence=options.conf, iou=options.iou, max_detections=options.max_det
        )
        times.append(time.perf_counter())
        classes = self.detector.card.classes
        if options.format == "image":
            return encode(draw(picture, detections, classes))
        decoding, preparing, inferring, reading = (
            round(1000 * (later - earlier), 3) for earlier, later in pairwise(times)
        )
        speed = Speed(decode=decoding, preprocess=preparing, inference=inferring, postprocess=reading)
        found = ImageAnswer(shape=picture.shape[:2], speed=speed, results=results_of(detections, classes))
        return Answer(images=(found,), metadata=Metadata(model=self.version.name, version=self.version.number))
