"""The page in a real browser: it works, nothing fails, nothing comes from elsewhere, nothing is cut off."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.browser import Browser
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture
from tests.serving.videos import video

PHONE, DESKTOP = 390, 1280
HTML = {"Accept": "text/html,application/xhtml+xml"}

CUT_OFF = """[...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !element.closest('pre');
}).map(element => `${element.tagName}.${element.className}`)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    with serving(create_app(engine, Limits())) as url:
        yield url


def show(browser: Browser, url: str, width: int = DESKTOP) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=860, deviceScaleFactor=1, mobile=width < 600)
    browser.events.clear()
    browser.call("Page.navigate", url=url)
    wait(browser, "document.readyState === 'complete' && document.querySelector('.chip').textContent !== '…'")


def wait(browser: Browser, condition: str) -> None:
    deadline = time.monotonic() + 30
    while not browser.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < deadline, f"{condition}: {browser.evaluate('document.body.innerText')}"
        time.sleep(0.05)


def drop(browser: Browser, path: Path) -> None:
    browser.call("DOM.enable")
    field = browser.call("Runtime.evaluate", expression="document.getElementById('file')")["result"]["objectId"]
    browser.call("DOM.setFileInputFiles", objectId=field, files=[str(path)])


def text(browser: Browser, element: str) -> Any:
    return browser.evaluate(f"document.getElementById('{element}').innerText")


def slide(browser: Browser, slider: str, value: float) -> None:
    field = f"document.getElementById('{slider}')"
    browser.evaluate(f"{field}.value = {value}")
    for event in ("input", "change"):
        browser.evaluate(f"{field}.dispatchEvent(new Event('{event}'))")


def check_clean(browser: Browser, url: str) -> None:
    assert browser.reported("Log.entryAdded", "Runtime.exceptionThrown") == []
    asked = [event["params"]["request"]["url"] for event in browser.reported("Network.requestWillBeSent")]
    assert [other for other in asked if not other.startswith((url, f"blob:{url}", "data:"))] == []
    assert browser.evaluate(CUT_OFF) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_boxes_follow_the_sliders_when_a_picture_is_dropped(
    browser: Browser, url: str, tmp_path: Path, width: int
) -> None:
    (tmp_path / "it's.png").write_bytes(picture(64, 64, kind="PNG"))
    show(browser, url, width)
    assert text(browser, "formats") == "Finds: plane, helicopter"
    drop(browser, tmp_path / "it's.png")
    wait(browser, "document.getElementById('count').textContent === '2'")
    assert "inference" in text(browser, "stages")
    assert browser.evaluate("document.getElementById('boxes').width") > 60
    slide(browser, "conf", 0.7)
    assert (text(browser, "count"), text(browser, "classes")) == ("1", "plane\n1")
    slide(browser, "conf", 0.3)
    slide(browser, "iou", 0.95)
    wait(browser, "document.getElementById('count').textContent === '3'")
    assert text(browser, "curl") == f"curl -F 'file=@it'\\''s.png' \\\n  '{url}/predict?conf=0.3&iou=0.95'"
    browser.evaluate("document.getElementById('tab-json').click()")
    assert '"name": "helicopter"' in text(browser, "json")
    browser.evaluate("document.querySelector('#list button').click()")
    wait(browser, "!document.getElementById('stage').classList.contains('busy')")
    check_clean(browser, url)


@pytest.mark.slow
def test_boxes_are_drawn_over_the_video_when_one_is_dropped(browser: Browser, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(video())
    show(browser, url)
    drop(browser, tmp_path / "a.mp4")
    wait(browser, "document.getElementById('state').textContent === 'Done'")
    wait(browser, "document.getElementById('count').textContent === '2'")
    assert text(browser, "share") == "10 frames, 0.9 s"
    assert browser.evaluate("document.getElementById('mp4').disabled") is False
    status = re.search(r"/videos/[0-9a-f]{32}", str(browser.reported("Network.requestWillBeSent")))
    assert status
    # What the server made plays in the browser as well.
    (tmp_path / "b.mp4").write_bytes(httpx.get(f"{url}{status[0]}/video").content)
    drop(browser, tmp_path / "b.mp4")
    wait(browser, "document.getElementById('video').videoWidth === 64")
    check_clean(browser, url)


@pytest.mark.slow
def test_refusal_is_shown_when_the_file_is_no_picture(browser: Browser, url: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"<b>no picture</b>")
    show(browser, url)
    drop(browser, tmp_path / "a.png")
    wait(browser, "!document.getElementById('problem').hidden")
    assert "no picture that is understood" in text(browser, "problem")
    assert "send one of: JPEG" in text(browser, "problem")


@pytest.mark.slow
def test_page_asks_for_the_key_when_the_server_wants_one(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(64, 64, kind="PNG"))
    with serving(create_app(engine, Limits(api_keys=(SecretStr("sesame"),)))) as url:
        browser.call("Page.navigate", url=url)
        wait(browser, "document.getElementById('unlock')?.hidden === false")
        browser.evaluate("document.getElementById('key').value = 'sesame'")
        browser.evaluate("document.getElementById('unlock').requestSubmit()")
        wait(browser, "document.getElementById('unlock').hidden")
        drop(browser, tmp_path / "a.png")
        wait(browser, "document.getElementById('count').textContent === '2'")
        assert "sesame" not in browser.evaluate("document.body.innerText")


def test_page_comes_for_browsers_and_a_word_for_others(client: httpx.Client) -> None:
    page = client.get("/", headers=HTML)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/", headers={**HTML, "If-None-Match": page.headers["etag"]}).status_code == 304
    assert client.get("/").json() == {"status": "alive"}


def test_pages_name_nothing_from_elsewhere(client: httpx.Client) -> None:
    names = {"index.html", "docs.html"}
    for name in names:
        found = client.get(f"/assets/{name}").text
        names = names | set(re.findall(r"assets/([\w.-]+)", found))
    # What Swagger UI asks for is seen in a browser, see test_serve_docs.
    names = {name for name in names if not name.startswith("swagger-ui")}
    for name in names | {"api.js", "drawing.js", "video.js", "panels.js"}:
        content = client.get(f"/assets/{name}")
        assert content.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", content.text), name
    assert client.get("/assets/../app.py").status_code == 404
    assert client.get("/assets/__init__.py").status_code == 404
