"""The thread that brings to the store what was chosen, and the line before it, which is short on purpose."""

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import cv2

from steps.errors import StepError
from steps.runtime import ModelCard
from steps.serve.capture.allowance import Allowance
from steps.serve.capture.document import Captured, document
from steps.serve.capture.samplers import Sampler
from steps.serve.models.origin import Edition
from steps.serve.predictor import Sight
from steps.store import Store

log = logging.getLogger(__name__)

MOST_HELD = 64 * 2**20
"""Bytes of pictures that wait for the store, decoded as they were looked at; a single one may have more."""

MOST_WAITING = 1000
"""Answers that wait for the store."""

CLOSE_S = 5.0
"""Seconds that the end of the server waits for what is left."""

_QUALITY = 95
_NICE = 10


class Capture(Protocol):
    """Sees every answer. Returns at once and never raises."""

    def floor(self, card: ModelCard) -> float:
        """Return the score from which on it wants to see boxes of a model, also weaker ones than were asked for."""

    def offer(self, sight: Sight, edition: Edition) -> None:
        """Look at an answer, and keep it or not. Called in the thread that made it."""

    def close(self) -> None:
        """Bring what is left to the store, within a few seconds."""


class NoCapture:
    """Capture switched off."""

    def floor(self, card: ModelCard) -> float:  # noqa: ARG002
        """Want to see no more than is answered."""
        return 1.0

    def offer(self, sight: Sight, edition: Edition) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """There is nothing left."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    sight: Sight
    edition: Edition
    reasons: list[str]
    held: int


class Recorder:
    """Capture switched on."""

    def __init__(
        self,
        store: Store,
        samplers: Sequence[Sampler],
        allowance: Allowance,
        *,
        pictures: bool,
        told: Callable[[str, str, str], None] = lambda *_: None,
    ) -> None:
        """Prepare to keep.

        Args:
            store: Where to.
            samplers: What to keep; one of them suffices.
            allowance: How much of it.
            pictures: Whether the picture is kept too, or only the boxes.
            told: Hears model, reason and outcome of each choice: `kept`, `rate`, `quota`, `full` or `failed`.
        """
        self._store, self._samplers, self._allowance = store, samplers, allowance
        self._pictures, self._told = pictures, told
        self._line: queue.SimpleQueue[_Chosen | None] = queue.SimpleQueue()
        self._held, self._lock = 0, threading.Lock()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def floor(self, card: ModelCard) -> float:
        """Return the lowest score that a sampler wants to see."""
        return min(sampler.floor(card) for sampler in self._samplers)

    def offer(self, sight: Sight, edition: Edition) -> None:
        """Choose by the samplers, within what is allowed and what the line can hold."""
        try:
            reasons = [sampler.reason for sampler in self._samplers if sampler.wants(sight.seen, sight.card)]
            if not reasons:
                return
            held = sight.picture.nbytes if self._pictures else 0
            if (self._held and self._held + held > MOST_HELD) or self._line.qsize() > MOST_WAITING:
                self._tell(edition, reasons, "full")
                return
            granted, refusal = self._allowance.take(reasons)
            if not granted:
                self._tell(edition, reasons, refusal)
                return
            with self._lock:
                self._held += held
            self._line.put(_Chosen(sight, edition, granted, held))
        except Exception:
            log.exception("capture_bug")  # of ours: the answer is not to suffer

    def close(self) -> None:
        """Bring what is left, and end."""
        self._line.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        if sys.platform == "linux":  # Threads have a niceness of their own: encoding gives way to answering.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (chosen := self._line.get()) is not None:
            try:
                self._bring(chosen)
                outcome = "kept"
            except Exception as error:  # noqa: BLE001  (whatever it is: it is counted, and the next one is tried)
                outcome = "failed"
                self._complain(error)
            finally:
                with self._lock:
                    self._held -= chosen.held
            self._tell(chosen.edition, chosen.reasons, outcome)

    def _bring(self, chosen: _Chosen) -> None:
        now = datetime.now(UTC)
        id_ = f"{now:%H%M%S}-{uuid4().hex[:12]}"
        base = f"{chosen.edition.name}/{now:%Y-%m-%d}"
        picture = b""
        if self._pictures:
            picture = cv2.imencode(".jpg", chosen.sight.picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
            self._store.put(f"{base}/{id_}.jpg", picture)
        kept: Captured = document(
            chosen.sight, chosen.edition, chosen.reasons, id_=id_, file=f"{id_}.jpg" if picture else None
        )
        data = kept.model_dump_json(indent=1).encode()
        self._store.put(f"{base}/{id_}.json", data)
        self._allowance.spend(len(picture) + len(data))
        self._failing = False

    def _complain(self, error: Exception) -> None:
        """Log the first of a row of failures: a store that is away for an hour is one event, not thousands."""
        if not self._failing:
            text = error.message if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
            log.warning("capture_failed", extra={"error": text})
        self._failing = True
        time.sleep(0.5)

    def _tell(self, edition: Edition, reasons: Sequence[str], outcome: str) -> None:
        for reason in reasons:
            self._told(edition.name, reason, outcome)
