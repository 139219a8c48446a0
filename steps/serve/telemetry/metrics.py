"""Metrics for Prometheus."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from steps import __version__
from steps.serve.admission import Admission
from steps.serve.models.shelf import Outcome, Shelf
from steps.serve.service import ModelInfo, Prediction
from steps.serve.telemetry.drift import Drift

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH = (1, 2, 4, 8, 16, 32)


class Metrics:
    """All that the server counts. Each server has a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # They double the series, and nobody reads them.
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = self._counter("requests", "Requests by route and status", "method", "route", "status")
        self._request_s = self._histogram("request_seconds", "From the head to the end of the answer", "route")
        self._stage_s = self._histogram("stage_seconds", "Of a picture: queue, decode, preprocess, …", "model", "stage")
        self._batch = Histogram(
            "argosight_batch_pictures", "Pictures in a request", ["model"], buckets=_BATCH, registry=self.registry
        )
        self._pictures = self._counter("pictures", "Pictures that were answered", "model", "version")
        self._rejections = self._counter("rejections", "Requests that were not answered, by reason", "reason")
        self._loads = self._counter("model_looks", "Looks for another version, by outcome", "model", "outcome")
        self._model = Gauge("argosight_model_version", "Version that is served", ["model"], registry=self.registry)
        self._about = Info("argosight_model", "What is served", ["model"], registry=self.registry)
        self._stale = Gauge(
            "argosight_model_stale", "1 where a newer version failed to load", ["model"], registry=self.registry
        )
        self._captures = self._counter("captures", "Pictures by what became of them", "model", "reason", "outcome")
        self.drift = Drift()
        self.registry.register(self.drift)
        Info("argosight_server", "The program", registry=self.registry).info({"version": __version__})

    def watch_line(self, admission: Admission) -> None:
        """Tell how many pictures wait and are in work."""
        self._live("waiting_pictures", "Pictures that were admitted and not begun", lambda: admission.waiting)
        self._live("working_pictures", "Pictures in work", lambda: admission.working)

    def serve(self, info: ModelInfo) -> None:
        """Tell what is served under a name, and whether it should be another version."""
        self._model.labels(info.name).set(info.version)
        about = {"version": str(info.version), "sha256": info.sha256, "backend": info.backend, "url": info.url}
        self._about.labels(info.name).info(about)
        self._stale.labels(info.name).set(info.state == "stale")

    def look(self, shelf: Shelf, outcome: Outcome) -> None:
        """Count a look for another version."""
        self._loads.labels(shelf.name, outcome).inc()
        self.serve(shelf.describe())

    def answer(self, predictions: tuple[Prediction, ...]) -> None:
        """Count what was answered."""
        for prediction in predictions:
            for stage, milliseconds in prediction.speed_ms.items():
                self._stage_s.labels(prediction.model, stage).observe(milliseconds / 1000)
            self.drift.add(prediction.model, prediction.classes, prediction.detections)
        first = predictions[0]
        self._batch.labels(first.model).observe(len(predictions))
        self._pictures.labels(first.model, first.version).inc(len(predictions))

    def reject(self, reason: str) -> None:
        """Count a request that was not answered."""
        self._rejections.labels(reason).inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, status).inc()
        self._request_s.labels(route).observe(seconds)

    def capture(self, model: str, reason: str, outcome: str) -> None:
        """Count what became of a picture that a sampler chose."""
        self._captures.labels(model, reason, outcome).inc()

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics as the `Accept` header wishes, and their content type."""
        encode, kind = choose_encoder(accept)
        return encode(self.registry), kind

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"argosight_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"argosight_{name}", text, labels, buckets=_SECONDS, registry=self.registry)

    def _live(self, name: str, text: str, read: Callable[[], float]) -> None:
        Gauge(f"argosight_{name}", text, registry=self.registry).set_function(read)
