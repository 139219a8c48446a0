"""One model's place in the server: the version that answers, and how the next one takes over."""

import logging
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Literal

from steps.errors import StepError, TemporaryError
from steps.serve.models.loading import Loader
from steps.serve.models.origin import Origin
from steps.serve.predictor import Predictor
from steps.serve.service import ModelInfo, NotReadyError

log = logging.getLogger(__name__)

Outcome = Literal["unchanged", "loaded", "failed", "unreachable"]
"""Of a look at the origin; `unreachable`: it did not answer, so nothing is known."""

LONGEST_PAUSE_S = 600.0
"""Between tries of one version that keeps failing; the pause doubles up to it."""


class Shelf:
    """Holds one version at a time.

    The next one is loaded and run beside it, then takes its place in one assignment. A request keeps the version that
    it began with; the old one is freed when the last of those requests has its answer.
    """

    def __init__(self, origin: Origin, loader: Loader) -> None:
        self.origin = origin
        self._loader = loader
        self._current: Predictor | None = None
        self._reason = ""
        self._failed = _Failure()
        self._lock = threading.Lock()  # One load at a time; requests never take it.

    @property
    def name(self) -> str:
        """The model's name."""
        return self.origin.name

    @property
    def reason(self) -> str:
        """Why the version that should be served is not; empty where it is."""
        return self._reason

    @property
    def loaded(self) -> bool:
        """Whether a version answers."""
        return self._current is not None

    def predictor(self) -> Predictor:
        """Return the version that answers now.

        Raises:
            NotReadyError: If there is none yet.
        """
        if self._current is None:
            raise NotReadyError(self.name, self._reason or "it is being loaded")
        return self._current

    def load(self) -> Predictor:
        """Load the first version.

        Raises:
            StepError: If it does not load.
        """
        with self._lock:
            return self._swap(self._loader.load(self.origin))

    def refresh(self) -> Outcome:
        """Swap to the version that is to be served if it is another one. Whatever fails, the present one goes on."""
        with self._lock:
            # No variable here holds the predictor: errors of the store's client are cycles that hold this frame, and
            # with it whatever it knows, long after another version took over.
            try:
                offered = self.origin.offer()
            except TemporaryError as error:
                return self._keep("unreachable", error.message, error.hint)
            except StepError as error:  # A damaged pointer, or keys that are refused: that mends itself no more.
                return self._keep("failed", error.message, error.hint)
            if offered == self.predictor().edition.sha256:
                self._reason = ""
                return "unchanged"
            return self._take(offered)

    def describe(self) -> ModelInfo:
        """Return what is served, and whether it is what should be.

        Raises:
            NotReadyError: If nothing is served yet.
        """
        info = self.predictor().describe()
        return info.model_copy(update={"state": "stale", "reason": self._reason}) if self._reason else info

    def _take(self, offered: str) -> Outcome:
        if self._failed.rests(offered):
            self._reason = self._failed.reason  # The pointer may have left it meanwhile, and come back.
            return "unchanged"
        try:
            self._swap(self._loader.load(self.origin, like=self.predictor().format))
        except StepError as error:
            self._failed = self._failed.again(offered, error.message)
            return self._keep("failed", error.message, error.hint)
        except Exception as error:
            # What nobody thought of, such as a full disk, must end neither the watch nor the service.
            message = f"{type(error).__name__}: {error}"
            self._failed = self._failed.again(offered, message)
            log.exception("model_load_bug", extra={"model": self.name})
            return self._keep("failed", message, "the log has the traceback")
        return "loaded"

    def _swap(self, fresh: Predictor) -> Predictor:
        before, self._current, self._reason = self._current, fresh, ""
        about = {"model": fresh.edition.name, "version": fresh.edition.number, "sha256": fresh.edition.sha256}
        log.info(
            "model_loaded", extra={**about, "backend": fresh.detector.runs_on, "measured_ms": dict(fresh.measured_ms)}
        )
        if before:
            old = {"model": before.edition.name, "version": before.edition.number}
            weakref.finalize(before, log.info, "model_drained", extra=old).atexit = False
        return fresh

    def _keep(self, outcome: Literal["failed", "unreachable"], message: str, hint: str) -> Outcome:
        if outcome == "failed":
            self._reason = message
        about = {"model": self.name, "kept_version": self.predictor().edition.number}
        log.warning("model_%s", outcome, extra={**about, "error": message, "hint": hint})
        return outcome


@dataclass(frozen=True, slots=True)
class _Failure:
    """The version that failed to load last, why, how often, and until when it is left alone."""

    sha256: str = ""
    reason: str = ""
    times: int = 0
    until: float = 0.0

    def rests(self, sha256: str) -> bool:
        return sha256 == self.sha256 and time.monotonic() < self.until

    def again(self, sha256: str, reason: str) -> "_Failure":
        times = self.times + 1 if sha256 == self.sha256 else 1
        return _Failure(sha256, reason, times, time.monotonic() + min(2.0**times, LONGEST_PAUSE_S))
