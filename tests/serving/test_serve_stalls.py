"""Clients that send or read slowly, or not at all: none holds a connection, or the server, for long."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import httpx
import numpy as np
import pytest

from steps.serve.app import create_app
from steps.serve.connection import BoundedConnection
from steps.serve.limits import Limits
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 5000\r\n\r\n"


@pytest.fixture(scope="module")
def port(engine: Engine) -> Iterator[int]:
    """A server that waits 0.4 s for a head or a reader, and 0.4 s for a body."""

    class Impatient(BoundedConnection):
        head_timeout_s = 0.4
        read_timeout_s = 0.4

    with serving(create_app(engine, Limits(body_timeout_s=0.4)), http=Impatient) as url:
        yield httpx.URL(url).port or 0


def drip(port: int, first: bytes, then: bytes, seconds: float = 8) -> tuple[bytes, bool]:
    """Send `first`, then `then` byte by byte. Return what came, and whether the server closed the connection."""
    received, ends = b"", time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.05)
        connection.sendall(first)
        for at in range(10_000):
            if time.monotonic() > ends:
                return received, False
            try:
                if then:
                    connection.sendall(then[at % len(then) :][:1])
                chunk = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                return received, True
            if not chunk:
                return received, True
            received += chunk
    return received, False


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b""), (GET, b""), (GET + b"X-Slow: ", b"a"), (GET + b"\r\n" + GET, b"X-Slow: b"), (b"\r\n", b"\r\n")],
    ids=["nothing", "half a head", "a head byte by byte", "a second head byte by byte", "empty lines"],
)
def test_connection_is_closed_when_no_head_comes(port: int, first: bytes, then: bytes) -> None:
    assert drip(port, first, then)[1]


def test_connection_is_closed_when_a_body_comes_that_nobody_reads(port: int) -> None:
    received, closed = drip(port, GET + b"Content-Length: 1000000\r\n\r\n", b"a")
    assert closed
    assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("then", [b"", b"a"])
def test_request_is_refused_when_its_body_stalls(port: int, then: bytes) -> None:
    received, closed = drip(port, POST, then)
    assert received.startswith(b"HTTP/1.1 408"), received
    assert b"the body did not arrive within 0.4 s" in received
    assert closed


def flood(connection: socket.socket) -> None:
    """Ask again and again, and read nothing."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        time.sleep(0.05)


def test_connection_is_closed_when_its_client_does_not_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(ConnectionError):
            flood(connection)


def test_connection_is_kept_when_its_client_is_only_unhurried(port: int) -> None:
    content = picture(64, 64)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(4):
            time.sleep(0.3)
            answer = client.post("/predict", content=content, headers={"Content-Type": "image/jpeg"})
            assert answer.status_code == 200


def form(url: str) -> httpx.Request:
    """Return a request for a picture of 8 MB as PNG, more than the system takes off the server's hands."""
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    done, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert done
    request = httpx.Request(
        "POST", url, files={"file": ("a.jpg", content.tobytes(), "image/jpeg")}, headers={"Accept": "image/png"}
    )
    request.read()
    return request


@contextmanager
def slow_reader(request: httpx.Request) -> Iterator[socket.socket]:
    """Send `request`, take the first line of the answer, and leave the rest."""
    lines = [
        f"POST {request.url.raw_path.decode()} HTTP/1.1",
        *(f"{name}: {value}" for name, value in request.headers.items()),
    ]
    with socket.create_connection((request.url.host, request.url.port or 0)) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall("\r\n".join([*lines, "", ""]).encode() + request.content)
        assert slow.recv(12) == b"HTTP/1.1 200"
        yield slow


@pytest.mark.parametrize("path", ["/predict?format=png", "/detect"])
def test_picture_counts_among_what_is_held_while_its_client_does_not_take_it(engine: Engine, path: str) -> None:
    with serving(create_app(engine, Limits(held_bytes=15_000_000))) as url, httpx.Client(timeout=60) as client:
        request = form(url + path)
        with slow_reader(request):
            refused = client.send(request)
            assert refused.status_code == 429, refused.text[:200]
            assert "bytes of other requests are held already" in refused.text
        due = time.monotonic() + 20
        while (answer := client.send(request)).status_code == 429:
            assert time.monotonic() < due
        assert len(answer.content) > 6_000_000


def test_connection_is_closed_when_its_client_takes_a_picture_byte_by_byte(engine: Engine) -> None:
    limits = Limits(held_bytes=15_000_000, body_timeout_s=1)
    with serving(create_app(engine, limits)) as url, httpx.Client(timeout=60) as client:
        request = form(f"{url}/predict?format=png")
        with slow_reader(request) as slow:
            for taken in range(1, 100):
                time.sleep(0.1)
                if client.send(request).status_code == 200:
                    return
                assert slow.recv(1), taken
            pytest.fail("the slow client still holds its picture")


def test_others_are_answered_when_many_stall(port: int) -> None:
    stalled = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for connection in stalled:
        connection.sendall(POST)
    began = time.monotonic()
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert time.monotonic() - began < 2
    for connection in stalled:
        connection.close()
