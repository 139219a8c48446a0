"""A real server, while versions come and go and stores fail."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.factories_model import Fixed, publish_model, write_model
from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}
BOXES = {1: [Fixed((1, 1, 9, 9), 0, 0.8)], 2: [Fixed((20, 20, 60, 60), 1, 0.7), Fixed((1, 1, 9, 9), 1, 0.6)]}


@contextmanager
def server(registry: Path, work: Path, *flags: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [
        sys.executable,
        "-m",
        "steps",
        "serve",
        f"--registry={registry}",
        "--model-name=planes",
        "--port=0",
        *flags,
    ]
    with (work.parent / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "STEP_WORK": str(work), **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line, (work.parent / "log").read_text()
            yield process, json.loads(line)["url"]
        finally:
            process.kill()
            process.communicate(timeout=30)


def publish(tmp_path: Path, number: int) -> Path:
    boxes = BOXES[2 if number % 2 == 0 else 1]
    publish_model(tmp_path / "models", write_model(tmp_path / f"model-{number}", boxes=boxes))
    return tmp_path / "models"


class Load:
    """Clients that ask again and again, until told to stop."""

    def __init__(self, url: str, clients: int = 4) -> None:
        self.answers: list[tuple[int, Any]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(url,)) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def versions(self) -> set[int]:
        """Return the versions that answered."""
        return {answer["metadata"]["version"] for status, answer in list(self.answers) if status == 200}

    def _ask(self, url: str) -> None:
        content = picture(64, 64)
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                response = client.post(f"{url}/predict", content=content, headers=JPEG)
                self.answers.append((response.status_code, response.json()))


def until(true: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_no_request_fails_and_no_answer_is_mixed_when_versions_are_swapped_under_load(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    with server(registry, tmp_path / "work", "--watch-seconds=0.1") as (_, url):
        with Load(url) as load:
            for number in (1, 2, 3, 4):
                if number > 1:
                    publish(tmp_path, number)
                until(lambda number=number: number in load.versions())
        assert {status for status, _ in load.answers} == {200}
        for _, answer in load.answers:
            boxes = BOXES[2 if answer["metadata"]["version"] % 2 == 0 else 1]
            found = [(box["class"], box["confidence"]) for box in answer["images"][0]["results"]]
            assert found == [(box.label, box.score) for box in boxes]
        until(lambda: (tmp_path / "log").read_text().count('"model_drained"') == 3)


def test_old_version_answers_and_says_so_when_the_new_one_is_damaged(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    pointer = registry / "planes" / "latest.json"
    first = pointer.read_bytes()
    publish(tmp_path, 2)
    second = pointer.read_bytes()
    pointer.write_bytes(first)
    path = registry / "planes" / "2" / "onnx" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    with server(registry, tmp_path / "work", "--watch-seconds=0.1") as (_, url), Load(url, clients=1) as load:
        pointer.write_bytes(second)
        until(lambda: httpx.get(f"{url}/model").json()["state"] == "stale")
        model = httpx.get(f"{url}/model").json()
        assert (model["version"], "has sha256" in model["reason"]) == (1, True)
        assert 'argosight_model_stale{model="planes"} 1.0' in httpx.get(f"{url}/metrics").text
        assert httpx.get(f"{url}/readyz").status_code == 200
        until(lambda: len(load.answers) > 3)
    assert {(status, answer["metadata"]["version"]) for status, answer in load.answers} == {(200, 1)}
    assert '"model_failed"' in (tmp_path / "log").read_text()


def test_request_in_flight_is_answered_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    big = picture(4000, 3000)
    with server(registry, tmp_path / "work") as (process, url):
        statuses = []

        def ask() -> None:
            response = httpx.post(f"{url}/predict?format=image", content=big, headers=JPEG, timeout=60)
            statuses.append(response.status_code)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: "argosight_working_pictures 0.0" not in httpx.get(f"{url}/metrics", timeout=30).text)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert process.wait(30) == 0
    assert statuses == [200] * 3


def test_new_requests_are_answered_and_sent_elsewhere_when_the_server_lingers(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    with (
        server(registry, tmp_path / "work", "--linger-seconds=60") as (process, url),
        httpx.Client(timeout=30) as client,
    ):
        assert "connection" not in client.get(f"{url}/healthz").headers
        process.send_signal(signal.SIGTERM)
        until(lambda: client.get(f"{url}/healthz").headers.get("connection") == "close")
        assert client.post(f"{url}/predict", content=picture(64, 64), headers=JPEG).status_code == 200
        process.send_signal(signal.SIGTERM)  # Once more: at once.
        assert process.wait(30) == 0


def test_several_models_answer_by_name_when_they_are_served(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    publish_model(registry, write_model(tmp_path / "ships", boxes=BOXES[2]), name="ships")
    with server(registry, tmp_path / "work", "--model-name=planes@1,ships") as (_, url):
        for name, count in (("", 1), ("?model=ships", 2)):
            response = httpx.post(f"{url}/predict{name}", content=picture(64, 64), headers=JPEG)
            assert len(response.json()["images"][0]["results"]) == count


def test_pictures_are_kept_when_capture_is_on(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    flags = (f"--capture={tmp_path / 'kept'}", "--capture-classes=plane", "--capture-per-minute=2")
    with server(registry, tmp_path / "work", *flags) as (process, url):
        for _ in range(4):
            assert httpx.post(f"{url}/predict", content=picture(64, 64), headers=JPEG).status_code == 200
        told = httpx.get(f"{url}/metrics").text
        assert 'argosight_captures_total{model="planes",outcome="rate",reason="class"} 2.0' in told
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert len(list((tmp_path / "kept").rglob("*.json"))) == len(list((tmp_path / "kept").rglob("*.jpg"))) == 2


def test_requests_go_on_when_captures_have_nowhere_to_go(tmp_path: Path) -> None:
    registry = publish(tmp_path, 1)
    environment = {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
    }
    flags = ("--capture=s3://bucket/kept", "--capture-random=1", "--capture-per-minute=1000")
    with server(registry, tmp_path / "work", *flags, **environment) as (process, url):
        for _ in range(5):
            assert httpx.post(f"{url}/predict", content=picture(64, 64), headers=JPEG).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
