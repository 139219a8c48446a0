"""Around every request: its trace, its line in the log, its part in the metrics."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from steps.serve.telemetry.metrics import Metrics
from steps.serve.telemetry.note import Note, TraceContext, current
from steps.serve.telemetry.traces import Tracing

log = logging.getLogger(__name__)

QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})
"""Asked every few seconds by machines: in the log only when they fail."""

_REASONS = {
    400: "request", 401: "key", 404: "unknown", 405: "unknown", 408: "slow", 413: "too_large", 415: "format",
    422: "invalid", 429: "overload", 503: "not_ready", 504: "deadline",
}  # fmt: skip


class Telemetry:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing) -> None:
        self._app, self._metrics, self._tracing = app, metrics, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the application, and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        note = Note(TraceContext.read(headers.get("traceparent", "")))
        began, status = time.perf_counter(), 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = current.set(note)
        try:
            await self._app(scope, receive, observed)
        finally:
            current.reset(token)
            self._tell(scope, note, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, note: Note, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"]
        self._metrics.request(method if method in ("GET", "POST", "DELETE") else "other", route, status, seconds)
        if status >= 400:
            self._metrics.reject(_REASONS.get(status, "bug" if status >= 500 else "request"))
        self._tracing.record(f"{method} {route}", note, status, seconds)
        if route in QUIET and status < 400:
            return
        line = {
            "request": f"{method} {scope['path'][:200]}",
            "status": status,
            "ms": round(1000 * seconds, 2),
            "trace_id": note.trace.trace_id,
        }
        answers = [prediction for _, predictions in note.answers for prediction in predictions]
        if answers:
            line |= {
                "request_id": answers[0].request_id,
                "model": answers[0].model,
                "version": answers[0].version,
                "pictures": len(answers),
                "boxes": sum(len(prediction.detections) for prediction in answers),
                "speed_ms": answers[0].speed_ms,
            }
        log.log(logging.ERROR if status >= 500 and status not in (503, 504) else logging.INFO, "request", extra=line)


def metrics_endpoint(metrics: Metrics) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers `GET /metrics`."""

    async def answer(request: Request) -> Response:
        # Off the event loop: with many classes it takes longer than a health probe should wait.
        content, kind = await asyncio.to_thread(metrics.expose, request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": kind})

    return answer
