"""API keys and other origins' pages."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from steps.serve.access import OPEN_PATHS
from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture

ORIGIN = "https://app.example.org"


@pytest.fixture(scope="module")
def locked(engine: Engine) -> Iterator[httpx.Client]:
    """A client of a server with two keys that answers one other origin."""
    limits = Limits(api_keys=(SecretStr("sesame"), SecretStr("schlüssel")), cors_origins=(ORIGIN,))
    with serving(create_app(engine, limits)) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "sesam"},
        {"X-API-Key": "emases"},
        {"Authorization": "sesame"},
        {"Authorization": "Basic sesame"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer sesame2"},
        {"Authorization": "Bearer x", "X-API-Key": "sesame"},
    ],
)
def test_request_is_refused_when_it_carries_no_known_key(locked: httpx.Client, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/predict"),
        ("GET", "/model"),
        ("GET", "/v1/models"),
        ("GET", "/v2/models/planes"),
        ("POST", "/videos"),
        ("GET", "/nothing"),
    ):
        answer = locked.request(method, path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "Authorization: Bearer KEY" in answer.json()["hint"]
        assert "sesame" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "sesame"},
        {"Authorization": "Bearer sesame"},
        {"Authorization": "bearer  sesame"},
        {"X-API-Key": "schlüssel".encode()},
    ],
)
def test_request_is_answered_when_it_carries_a_key(locked: httpx.Client, headers: dict[str, str]) -> None:
    content = picture(8, 8)
    answer = locked.post("/predict", content=content, headers={**headers, "Content-Type": "image/jpeg"})
    assert answer.status_code == 200


def test_health_and_pages_are_open_when_keys_are_asked_for(locked: httpx.Client) -> None:
    for path in OPEN_PATHS:
        assert locked.get(path).status_code == 200
    assert locked.get("/assets/page.css").status_code == 200
    assert "helicopter" not in locked.get("/openapi.json").text


def test_named_origin_may_ask_and_read_refusals_too(locked: httpx.Client) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key"}
    answer = locked.options("/predict", headers=asks)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    refused = locked.get("/model", headers={"Origin": ORIGIN})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)
    other = locked.options("/predict", headers={**asks, "Origin": "https://evil.example.org"})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers


def test_no_origin_may_ask_when_none_is_named(client: httpx.Client) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert client.options("/predict", headers=asks).status_code == 405
    for answer in (client.options("/predict", headers=asks), client.get("/model", headers={"Origin": ORIGIN})):
        assert not [name for name in answer.headers if name.startswith("access-control")]
