"""HEAD: what load balancers and uptime checks send."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.serving.engine import Engine, serving
from tests.serving.videos import video

PATHS = [
    "/",
    "/docs",
    "/openapi.json",
    "/assets/page.js",
    "/healthz",
    "/readyz",
    "/model",
    "/v1/models",
    "/v1/models/planes",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/planes",
    "/v2/models/planes/versions/1/ready",
]


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get_and_no_content(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert _headers(head) == _headers(got)
    assert int(head.headers["content-length"]) == len(got.content)


def test_page_is_meant_when_a_browser_sends_head(client: httpx.Client) -> None:
    assert client.head("/", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")


def test_connection_serves_the_next_request_when_the_first_was_head(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.count(b'{"status":"ok"}') == 1


def test_head_is_refused_where_only_post_is_answered(client: httpx.Client) -> None:
    assert client.head("/predict").status_code == 405
    assert client.head("/nothing").status_code == 404


@pytest.fixture
def guarded(engine: Engine) -> Iterator[str]:
    with serving(create_app(engine, Limits(api_keys=(SecretStr("sesame"),)))) as url:
        yield url


def test_head_wants_a_key_where_get_does(guarded: str) -> None:
    assert [httpx.head(f"{guarded}{path}").status_code for path in ("/healthz", "/readyz", "/", "/model")] == [
        200,
        200,
        200,
        401,
    ]
    assert httpx.head(f"{guarded}/model", headers={"X-API-Key": "sesame"}).status_code == 200


def test_head_ends_when_get_would_stream(client: httpx.Client) -> None:
    job = client.post("/videos", content=video(frames=2), headers={"Content-Type": "video/mp4"}).json()
    head = client.head(job["lines_url"])
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/jsonl")
    while client.get(job["status_url"]).json()["state"] not in ("done", "failed"):
        time.sleep(0.05)
    client.delete(job["status_url"])


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
