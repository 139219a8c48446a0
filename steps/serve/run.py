"""Fetch, check, load, listen, watch."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import cv2

from steps.serve.admission import Admission
from steps.serve.app import create_app
from steps.serve.contract import ServeInputs, ServeOutputs
from steps.serve.engine import Engine
from steps.serve.limits import Limits
from steps.serve.memory import Housekeeping
from steps.serve.models.loading import Loader
from steps.serve.models.shelf import Shelf
from steps.serve.models.watch import Watch
from steps.serve.server import Beside, bind, run_server
from steps.serve.settings import capture_of, limits_of, origins_of, workers_of
from steps.serve.telemetry import logs
from steps.serve.telemetry.metrics import Metrics
from steps.serve.telemetry.middleware import Telemetry, metrics_endpoint
from steps.serve.telemetry.traces import NoTracing, OpenTelemetry
from steps.workspace import Workspace


def serve(inputs: ServeInputs, work: Workspace) -> ServeOutputs:
    """Serve models until told to stop.

    Raises:
        RegistryError: If there is no such model or version.
        ModelError: If its files are not those that were published.
        ParameterError: If the address cannot be listened on, or flags contradict each other.
        StoreUnavailableError: If the registry does not answer.
    """
    logs.install(inputs.log_format)
    cv2.setNumThreads(1)  # The cores are shared out by the workers.
    limits, origins, metrics = limits_of(inputs), origins_of(inputs), Metrics()
    tracing = OpenTelemetry() if inputs.traces else NoTracing()
    with ExitStack() as stack:
        # Before the first thread that has a heap of its own.
        stack.callback(Housekeeping().close)
        listener = stack.enter_context(bind(inputs.host, inputs.port))
        loader = Loader(stack.enter_context(work.scratch("model")), inputs.threads, inputs.backend)
        shelves = [Shelf(origin, loader) for origin in origins]
        for shelf in shelves:
            shelf.load()
            metrics.serve(shelf.describe())
        capture = capture_of(inputs, metrics.capture)
        stack.callback(tracing.close)
        stack.callback(capture.close)
        admission = Admission(workers=workers_of(inputs), most_waiting=inputs.max_waiting, deadline_s=limits.deadline_s)
        stack.callback(admission.close)
        metrics.watch_line(admission)
        watch = Watch(shelves, inputs.watch_seconds, told=metrics.look)
        stack.callback(watch.stop)
        watch.start()
        engine = Engine(shelves, admission, metrics, capture)
        app = create_app(engine, limits)
        app.add_route("/metrics", metrics_endpoint(metrics))
        app.add_middleware(Telemetry, metrics=metrics, tracing=tracing)
        first = shelves[0].describe()
        announcement = {"model": first.name, "version": first.version, "backend": first.backend}
        beside = _grpc(engine, limits, inputs) if inputs.grpc_port >= 0 else None
        run_server(app, listener, announcement, beside, linger_s=inputs.linger_seconds)
    return ServeOutputs()


def _grpc(engine: Engine, limits: Limits, inputs: ServeInputs) -> Beside:
    from steps.serve.protocols.grpc import serving_grpc  # noqa: PLC0415  (grpc is imported where it is used)

    @asynccontextmanager
    async def beside() -> AsyncIterator[dict[str, Any]]:
        async with serving_grpc(engine, limits, inputs.host, inputs.grpc_port) as port:
            yield {"grpc_port": port}

    return beside
