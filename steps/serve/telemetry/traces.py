"""OpenTelemetry traces, where they are switched on: a span a request, and one a stage of each picture."""

from typing import Any, Protocol

from steps.errors import ParameterError
from steps.serve.telemetry.note import Note

SERVICE = "argosight-serve"


class Tracing(Protocol):
    """Takes the traces of requests that are over."""

    def record(self, name: str, note: Note, status: int, seconds: float) -> None:
        """Record a request called `name`."""

    def close(self) -> None:
        """Send what is left."""


class NoTracing:
    """Traces switched off."""

    def record(self, name: str, note: Note, status: int, seconds: float) -> None:
        """Record nothing."""

    def close(self) -> None:
        """There is nothing to send."""


class OpenTelemetry:
    """Sends spans by OTLP over HTTP, in the background, to `OTEL_EXPORTER_OTLP_ENDPOINT`.

    The usual variables of OpenTelemetry apply: `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`.
    """

    def __init__(self, processor: Any = None) -> None:
        """Prepare to send; `processor` takes the spans instead of the exporter.

        Raises:
            ParameterError: If OpenTelemetry is not installed.
        """
        try:
            from opentelemetry import trace  # noqa: PLC0415  (an optional dependency)
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError as error:
            raise ParameterError(
                f"--traces=true: {error.name} is not installed", hint="pip install 'argosight[serve]'"
            ) from None
        self._trace = trace
        resource = Resource.create({"service.name": SERVICE})
        self._ids = _ids()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(timeout=5)))
        self._tracer = self._provider.get_tracer("argosight")

    def record(self, name: str, note: Note, status: int, seconds: float) -> None:
        """Make the spans of a request, now that all times are known."""
        trace = self._trace
        attributes: dict[str, Any] = {"http.response.status_code": status}
        answers = [prediction for _, predictions in note.answers for prediction in predictions]
        if answers:
            attributes |= {"argosight.model": answers[0].model, "argosight.version": answers[0].version}
        self._ids.trace_id = int(note.trace.trace_id, 16)
        span = self._tracer.start_span(
            name, self._parent(note), kind=trace.SpanKind.SERVER, attributes=attributes, start_time=note.began_ns
        )
        inside = trace.set_span_in_context(span)
        for asked_ns, predictions in note.answers:
            for prediction in predictions:
                at = asked_ns
                for stage, milliseconds in prediction.speed_ms.items():
                    child = self._tracer.start_span(stage, inside, start_time=at)
                    at += round(milliseconds * 1e6)
                    child.end(at)
        if status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        span.end(note.began_ns + round(seconds * 1e9))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _parent(self, note: Note) -> Any:
        """Return the caller's context, or an empty one where the trace begins here."""
        if not note.trace.parent_id:
            return self._trace.set_span_in_context(self._trace.INVALID_SPAN)
        caller = self._trace.SpanContext(
            int(note.trace.trace_id, 16),
            int(note.trace.parent_id, 16),
            is_remote=True,
            trace_flags=self._trace.TraceFlags(int(note.trace.sampled)),
        )
        return self._trace.set_span_in_context(self._trace.NonRecordingSpan(caller))


def _ids() -> Any:
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class Ids(RandomIdGenerator):
        """Gives a trace that begins here the id that the log has for it."""

        trace_id = 0

        def generate_trace_id(self) -> int:
            return self.trace_id

    return Ids()
