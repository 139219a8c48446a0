import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from steps.detection import Detections
from steps.serve.app import create_app
from steps.serve.limits import Limits
from steps.serve.telemetry.drift import MOST_CLASSES, Drift
from steps.serve.telemetry.logs import JsonLines, TextLines
from steps.serve.telemetry.metrics import Metrics
from steps.serve.telemetry.middleware import Telemetry, metrics_endpoint
from steps.serve.telemetry.note import TraceContext
from steps.serve.telemetry.traces import NoTracing, OpenTelemetry, Tracing
from tests.factories_model import publish_model, write_model
from tests.serving.engines import engine_of, registry_shelf
from tests.serving.pictures import picture

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
JPEG = {"Content-Type": "image/jpeg"}


@pytest.mark.parametrize(
    ("header", "parent", "sampled"),
    [
        (f"00-{TRACE}-{PARENT}-01", PARENT, True),
        (f"00-{TRACE}-{PARENT}-00", PARENT, False),
        (f"cc-{TRACE}-{PARENT}-01-more", PARENT, True),  # A later version may say more.
        (f"00-{TRACE}-{PARENT}-01-more", "", False),
        (f"ff-{TRACE}-{PARENT}-01", "", False),
        (f"00-{'0' * 32}-{PARENT}-01", "", False),
        (f"00-{TRACE}-{'0' * 16}-01", "", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", "", False),
        ("", "", False),
        ("nonsense", "", False),
    ],
)
def test_trace_goes_on_or_begins_when_the_header_is_read(header: str, parent: str, sampled: bool) -> None:
    found = TraceContext.read(header)
    assert (found.parent_id, found.sampled) == (parent, sampled)
    assert (found.trace_id == TRACE) is bool(parent)
    assert len(found.trace_id) == 32


def found(labels: list[int], scores: list[float]) -> Detections:
    return Detections(np.zeros((len(labels), 4), np.float32), np.array(scores, np.float32), np.array(labels, np.int64))


def samples(drift: Drift) -> dict[tuple[str, str], float]:
    (family,) = drift.collect()
    return {
        (sample.labels["class"], sample.labels.get("le", sample.name.rpartition("_")[2])): sample.value
        for sample in family.samples
    }


def test_boxes_are_counted_by_class_and_confidence_when_answered() -> None:
    drift = Drift()
    classes = ("plane", "helicopter", "bird")
    drift.add("m", classes, found([0, 0, 1], [0.95, 0.31, 0.5]))
    drift.add("m", classes, found([], []))
    told = samples(drift)
    assert told["plane", "count"] == 2
    assert told["plane", "sum"] == pytest.approx(1.26)
    assert (told["plane", "0.3"], told["plane", "0.4"], told["plane", "1"]) == (0, 1, 2)
    assert (told["helicopter", "0.4"], told["helicopter", "0.5"]) == (0, 1)
    assert ("bird", "count") not in told


def test_counts_go_on_by_name_when_a_version_orders_the_classes_anew() -> None:
    drift = Drift()
    drift.add("m", ("plane", "helicopter"), found([0], [0.9]))
    drift.add("m", ("helicopter", "plane"), found([0, 1], [0.9, 0.9]))
    told = samples(drift)
    assert (told["plane", "count"], told["helicopter", "count"]) == (2, 1)


def test_further_classes_are_one_when_there_are_very_many() -> None:
    drift = Drift()
    drift.add(
        "m", tuple(map(str, range(MOST_CLASSES + 50))), found([0, MOST_CLASSES + 1, MOST_CLASSES + 40], [0.5] * 3)
    )
    told = samples(drift)
    assert (told["0", "count"], told["other", "count"]) == (1, 2)


def test_line_has_no_surprises_when_a_record_is_written() -> None:
    record = logging.makeLogRecord({"name": "steps.x", "levelname": "INFO", "msg": "hello %s", "args": ("you",)})
    record.model = "planes"
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["level"], line["model"]) == ("hello you", "info", "planes")
    assert set(line) == {"time", "level", "event", "model"}


def record_of(event: str, level: int = logging.INFO, **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "steps.x", "levelno": level, "levelname": logging.getLevelName(level), "msg": event} | extra
    )


def test_line_reads_as_a_sentence_when_people_read_it() -> None:
    def line(event: str, level: int = logging.INFO, **extra: Any) -> str:
        clock, _, words = TextLines().format(record_of(event, level, **extra)).partition(" ")
        assert re.fullmatch(r"\d\d:\d\d:\d\d", clock)
        return words

    answered: dict[str, Any] = {
        "request": "POST /predict",
        "status": 200,
        "ms": 12.345,
        "trace_id": "5",
        "request_id": "6",
    }
    found: dict[str, Any] = {"model": "planes", "version": 3, "pictures": 1, "boxes": 2, "speed_ms": {"queue": 1}}
    assert line("request", **answered, **found) == "POST /predict 200 in 12.3 ms, planes version 3, 1 picture, 2 boxes"
    assert line("request", **(answered | {"request": "GET /model"})) == "GET /model 200 in 12.3 ms"
    assert line("model_loaded", model="planes", version=3, hint="", ms={}) == "model loaded: model planes, version 3"
    assert line("x", measured_ms={"onnx": 1.5, "openvino": 2}) == "x: measured ms onnx 1.5 and openvino 2"
    assert line("capture_failed", logging.WARNING, error="no space") == "warning: capture failed: error no space"


def test_line_has_nothing_that_a_terminal_obeys_when_a_client_sends_it() -> None:
    text = TextLines().format(record_of("request", request="GET /\x1b[2J\r\n\x9bé", status=404, ms=1))
    assert "GET /\\x1b[2J\\r\\n\\x9bé 404 in 1.0 ms" in text
    assert text.isprintable()


def test_traceback_follows_its_line_when_people_read_it() -> None:
    error = ZeroDivisionError("why")
    record = record_of("capture_bug", logging.ERROR, exc_info=(type(error), error, None))
    first, *rest = TextLines().format(record).splitlines()
    assert first.endswith(" error: capture bug")
    assert rest == ["ZeroDivisionError: why"]


def ask(
    tmp_path: Path, requests: list[tuple[str, dict[str, Any]]], tracing: Tracing | None = None
) -> list[httpx.Response]:
    """Send requests to an application in this process, one after another."""
    if not (tmp_path / "models").exists():
        publish_model(tmp_path / "models", write_model(tmp_path / "model"))
    metrics = Metrics()
    shelf = registry_shelf(tmp_path / "models")
    metrics.serve(shelf.describe())

    async def send(app: FastAPI) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return [await client.request(*request.split(), **more) for request, more in requests]

    with engine_of(shelf, metrics=metrics) as engine:
        app = create_app(engine, Limits())
        app.add_route("/metrics", metrics_endpoint(metrics))
        app.add_middleware(Telemetry, metrics=metrics, tracing=tracing or NoTracing())
        return asyncio.run(send(app))


def test_metrics_tell_of_requests_stages_and_refusals_when_read(tmp_path: Path) -> None:
    *_, answer = ask(
        tmp_path,
        [
            ("POST /predict", {"content": picture(64, 64), "headers": JPEG}),
            ("POST /predict", {"content": b"no picture", "headers": JPEG}),
            ("POST /predict?model=cars", {"content": picture(64, 64), "headers": JPEG}),
            ("GET /nowhere", {}),
            ("GET /metrics", {}),
        ],
    )
    lines = answer.text.splitlines()
    for line in (
        'argosight_requests_total{method="POST",route="/predict",status="200"} 1.0',
        'argosight_requests_total{method="GET",route="other",status="404"} 1.0',
        'argosight_rejections_total{reason="format"} 1.0',
        'argosight_rejections_total{reason="unknown"} 2.0',
        'argosight_stage_seconds_count{model="planes",stage="inference"} 1.0',
        'argosight_batch_pictures_count{model="planes"} 1.0',
        'argosight_pictures_total{model="planes",version="1"} 1.0',
        'argosight_model_version{model="planes"} 1.0',
        'argosight_model_stale{model="planes"} 0.0',
        'argosight_confidence_count{class="plane",model="planes"} 1.0',
    ):
        assert line in lines
    assert answer.headers["content-type"].startswith("text/plain")


def test_line_in_the_log_belongs_to_the_trace_when_the_caller_sent_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    headers = {**JPEG, "traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "mine"}
    ask(tmp_path, [("POST /predict", {"content": picture(64, 64), "headers": headers}), ("GET /healthz", {})])
    (line,) = [json.loads(JsonLines().format(record)) for record in caplog.records if record.message == "request"]
    told = {name: line[name] for name in ("request", "status", "trace_id", "request_id", "version", "boxes")}
    assert told == {
        "request": "POST /predict",
        "status": 200,
        "trace_id": TRACE,
        "request_id": "mine",
        "version": 1,
        "boxes": 2,
    }


def test_spans_of_request_and_stages_are_sent_when_traces_are_on(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    tracing = OpenTelemetry(SimpleSpanProcessor(exporter))
    sampled = {**JPEG, "traceparent": f"00-{TRACE}-{PARENT}-01"}
    unsampled = {**JPEG, "traceparent": f"00-{TRACE}-{PARENT}-00"}
    ask(
        tmp_path,
        [("POST /predict", {"content": picture(64, 64), "headers": one}) for one in (sampled, unsampled, JPEG)],
        tracing,
    )
    tracing.close()
    spans = exporter.get_finished_spans()
    roots = [span for span in spans if span.name == "POST /predict"]
    assert len(roots) == 2  # The caller's decision not to record holds.
    assert roots[0].context.trace_id == int(TRACE, 16)
    assert roots[0].parent is not None
    assert roots[0].parent.span_id == int(PARENT, 16)
    assert roots[1].parent is None
    stages = [span.name for span in spans if span.parent and span.parent.span_id == roots[0].context.span_id]
    assert stages == ["queue", "decode", "preprocess", "inference", "postprocess"]
    assert roots[0].attributes is not None
    assert roots[0].attributes["argosight.version"] == 1


def test_missing_package_is_named_when_traces_are_asked_for() -> None:
    program = (
        "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n"
        "from steps.serve.telemetry.traces import OpenTelemetry\n"
        "from steps.errors import ParameterError\n"
        "try: OpenTelemetry()\n"
        "except ParameterError as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, check=True
    ).stdout
    assert "opentelemetry.sdk.trace is not installed" in told
    assert "pip install 'argosight[serve]'" in told
