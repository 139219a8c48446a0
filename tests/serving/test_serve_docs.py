"""`/docs` and the document behind it: Swagger UI from this server alone, and requests that can be tried as they stand."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from steps.serve.access import OPEN_PATHS
from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.browser import Browser
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture

PREFIX = "/team/planes"
LOCKED = Limits(api_keys=(SecretStr("sesame"),))


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for name, text in value.items() if name == "$ref")
        value = list(value.values())
    for part in value if isinstance(value, list) else ():
        yield from references(part)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert known >= {"#/components/schemas/ProblemDocument", "#/components/schemas/InputTensor"}
    assert set(references(document)) <= known


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    assert [path for _, path, one in operations(document) if not one["summary"].endswith(".")] == []


def test_examples_are_answered_when_they_are_sent_as_they_stand(client: httpx.Client, document: dict[str, Any]) -> None:
    sent = []
    for method, path, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            example = content.get("example") or content["schema"]["example"]
            address = path.format(name="planes", version=1)
            answer = client.request(method, address, json=example)
            assert answer.status_code == 200, f"{address}: {answer.text}"
            sent.append(path)
    assert len(sent) == 5


def test_document_names_keys_when_requests_must_carry_one(engine: Engine, document: dict[str, Any]) -> None:
    assert "securitySchemes" not in document["components"]
    locked = create_app(engine, LOCKED).openapi()
    assert set(locked["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    for _, path, operation in operations(locked):
        assert ("security" in operation) == (path not in OPEN_PATHS)


def test_policy_lets_the_docs_reach_no_other_server(client: httpx.Client) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert client.get("/assets/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")


class Stripping:
    """A proxy that takes a prefix away without a word, as ingresses do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith(f"{PREFIX}/"), scope["path"]
            scope = {**scope, "path": scope["path"].removeprefix(PREFIX), "raw_path": b""}
        await self.app(scope, receive, send)


def wait(browser: Browser, condition: str) -> Any:
    deadline = time.monotonic() + 30
    while not (found := browser.evaluate(condition)):
        assert time.monotonic() < deadline, f"{condition}: {browser.evaluate('document.body.innerText')}"
        time.sleep(0.05)
    return found


def choose(browser: Browser, path: Path) -> None:
    """Give a file to the form of the open operation."""
    field = "document.querySelector('.opblock.is-open input[type=file]')"
    wait(browser, f"Boolean({field})")
    browser.call("DOM.enable")
    found = browser.call("Runtime.evaluate", expression=field)["result"]["objectId"]
    browser.call("DOM.setFileInputFiles", objectId=found, files=[str(path)])
    wait(browser, f"{field}.files.length === 1")


def try_predict(browser: Browser, folder: Path) -> tuple[int, dict[str, Any]]:
    """Open `/predict`, choose a picture, press Execute; return the status and the document that the page shows."""
    (folder / "a.jpg").write_bytes(picture(64, 64))
    wait(browser, "Boolean(document.querySelector('#operations-Detect-predict_predict_post'))")
    browser.evaluate(
        "document.querySelector('#operations-Detect-predict_predict_post .opblock-summary-control').click()"
    )
    choose(browser, folder / "a.jpg")
    browser.evaluate("document.querySelector('.opblock.is-open .execute').click()")
    shown = "document.querySelector('.opblock.is-open .live-responses-table .response')"
    wait(browser, f"Boolean({shown}?.querySelector('.microlight, .highlight-code code'))")
    status = browser.evaluate(f"{shown}.querySelector('.response-col_status').innerText")
    return int(status.split()[0]), json.loads(browser.evaluate(f"{shown}.querySelector('pre').innerText"))


def check_quiet(browser: Browser, url: str) -> None:
    """The page reported nothing, a violation of its policy neither, and asked no other server."""
    assert browser.reported("Log.entryAdded", "Runtime.exceptionThrown") == []
    assert browser.evaluate("document.querySelectorAll('.errors-wrapper').length") == 0
    asked = [event["params"]["request"]["url"] for event in browser.reported("Network.requestWillBeSent")]
    assert [other for other in asked if not other.startswith((url, f"blob:{url}", "data:"))] == []


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as started:
        started.events.clear()
        yield started


@pytest.mark.slow
@pytest.mark.parametrize("place", ["root", "behind a proxy", "mounted"])
def test_predict_is_tried_out_with_a_picture(browser: Browser, engine: Engine, tmp_path: Path, place: str) -> None:
    app: Any = create_app(engine, Limits())
    if place == "behind a proxy":
        app = Stripping(app)
    elif place == "mounted":
        app = Starlette(routes=[Mount(PREFIX, app)])
    with serving(app) as url:
        below = url if place == "root" else f"{url}{PREFIX}"
        browser.call("Page.navigate", url=f"{below}/docs")
        status, answer = try_predict(browser, tmp_path)
        assert status == 200
        assert [found["name"] for found in answer["images"][0]["results"]] == ["plane", "helicopter"]
        count = sum(map(len, httpx.get(f"{below}/openapi.json").json()["paths"].values()))
        assert browser.evaluate("document.querySelectorAll('.opblock').length") == count
        check_quiet(browser, below)


@pytest.mark.slow
def test_requests_carry_the_key_when_it_is_given_to_authorize(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    with serving(create_app(engine, LOCKED)) as url:
        browser.call("Page.navigate", url=f"{url}/docs")
        wait(browser, "Boolean(document.querySelector('.btn.authorize'))")
        browser.evaluate("document.querySelector('.btn.authorize').click()")
        field = "document.querySelector('.auth-container input')"
        wait(browser, f"Boolean({field})")
        browser.evaluate(f"{field}.focus()")
        browser.call("Input.insertText", text="sesame")
        browser.evaluate("document.querySelector('.auth-container .authorize').click()")
        wait(browser, "Boolean(document.querySelector('.auth-container .btn-done'))")
        browser.evaluate("document.querySelector('.auth-container .btn-done').click()")
        assert try_predict(browser, tmp_path)[0] == 200


@pytest.mark.slow
def test_refusal_is_shown_when_the_key_is_missing(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    with serving(create_app(engine, LOCKED)) as url:
        browser.call("Page.navigate", url=f"{url}/docs")
        status, answer = try_predict(browser, tmp_path)
        assert (status, answer["title"]) == (401, "Unauthorized")
