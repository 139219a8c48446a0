"""The report in a real browser: nothing is asked from the network, nothing fails, nothing is cut off on a phone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser
from tests.factories_report import run_report, write_failed_run, write_run

pytestmark = pytest.mark.slow

PHONE, DESKTOP = 390, 1280

HIDDEN = """[...document.querySelectorAll('section')].filter(section => {
    const box = section.getBoundingClientRect();
    return !section.checkVisibility() || box.height < 40 || box.width < 200 || !section.innerText.trim();
}).map(section => section.id)"""

CUT_OFF = """[...document.querySelectorAll('main *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !element.closest('.scroll, .contents, pre, .skip, thead');
}).map(element => `${element.tagName}.${element.className} ends at ${Math.round(element.getBoundingClientRect().right)}`)"""

BROKEN_PICTURES = "[...document.images].filter(image => !image.complete || !image.naturalWidth).length"

FAINT = """(() => {
    const channels = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = channels(getComputedStyle(at).backgroundColor);
            if (colour.length < 4 || colour[3] > .99) return colour;
            if (colour[3] > 0) return null;  // half transparent: the heat map, looked at by eye
        }
        return [255, 255, 255];
    };
    const faint = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest('svg')) continue;
        const under = ground(element);
        if (!under) continue;
        const [a, b] = [light(channels(getComputedStyle(element).color)), light(under)].sort((x, y) => y - x);
        if ((a + .05) / (b + .05) < 4.5) faint.add(`${element.tagName}.${element.className}: ${texts.currentNode.data.trim()}`);
    }
    return [...faint];
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.fixture(scope="module", params=["succeeded", "failed"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    flags = write_run(folder) if request.param == "succeeded" else write_failed_run(folder)
    path = folder / "report.html"
    path.write_text(run_report(flags, folder / "work")[0], encoding="utf-8")
    return path


def test_nothing_is_requested_and_nothing_fails_when_the_page_is_opened(browser: Browser, page: Path) -> None:
    browser.open(page, width=DESKTOP)
    requested = [event["params"]["request"]["url"] for event in browser.reported("Network.requestWillBeSent")]
    assert [url for url in requested if not url.startswith("data:")] == [page.resolve().as_uri()]
    complaints = browser.reported("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert complaints == []
    assert browser.evaluate(BROKEN_PICTURES) == 0
    assert browser.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("width", [320, PHONE, 768, DESKTOP])
def test_every_section_is_seen_without_scrolling_sideways_when_the_window_is_narrow(
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width=width)
    assert browser.evaluate("document.querySelectorAll('section').length") >= 6
    assert browser.evaluate(HIDDEN) == []
    assert browser.evaluate(CUT_OFF) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast_when_the_page_is_light_or_dark(browser: Browser, page: Path, dark: bool) -> None:
    browser.open(page, width=DESKTOP, dark=dark)
    grounds = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(json.loads(f"[{grounds[4:-1]}]")) < 200) is dark
    assert browser.evaluate(FAINT) == []


def test_folded_lists_are_open_when_the_page_is_printed(browser: Browser, page: Path) -> None:
    browser.open(page, width=800, media="print")
    folded = "[...document.querySelectorAll('details > :not(summary)')].filter(part => !part.checkVisibility()).length"
    assert browser.evaluate("document.querySelectorAll('details:not([open])').length") > 0
    assert browser.evaluate(folded) == 0
