"""Argo's own pages in a browser: forwarded from the cluster, its greetings closed, fields filled as a person fills them."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browser import Browser
from tests.cluster.runs import ARGO_NAMESPACE

DEADLINE_S = 60


@contextmanager
def forwarded() -> Iterator[str]:
    """Return the address of Argo's server on this machine, while the block runs."""
    command = ["kubectl", "-n", ARGO_NAMESPACE, "port-forward", "svc/argo-server", ":2746"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found, "kubectl forwards nothing"
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()


class ArgoPage:
    """One tab that shows Argo."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self._address = browser, address
        greeted = "localStorage.setItem('modal/ftu', JSON.stringify('dismissed'))"
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=greeted)

    def visit(self, path: str, *, width: int = 1280, height: int = 900) -> None:
        """Open `path`, and close what greets a new visitor."""
        self._browser.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self._browser.call("Page.navigate", url=f"{self._address}{path}")
        self.until("document.querySelector('.top-bar, .page__top-bar') !== null")
        time.sleep(3)  # A greeting comes when the server has told its version.
        self.run("for (const close of document.querySelectorAll('.modal-close')) close.click()")

    def run(self, script: str) -> Any:
        """Run statements and return what they return."""
        return self._browser.evaluate(f"(() => {{ {script} }})()")

    def until(self, condition: str, deadline_s: float = DEADLINE_S) -> Any:
        """Wait until an expression is true, and return it."""
        due = time.monotonic() + deadline_s
        while time.monotonic() < due:
            found = self._browser.evaluate(condition)
            if found:
                return found
            time.sleep(0.3)
        text = self._browser.evaluate("document.body.innerText.slice(0, 2000)")
        raise TimeoutError(f"not within {deadline_s} s: {condition}\nthe page says: {text}")

    def click(self, kind: str, text: str, within: str = "body") -> None:
        """Click the element of `kind`, a CSS selector, whose text is `text`."""
        wanted = f"e => e.textContent.trim().toLowerCase() === {json.dumps(text.lower())}"
        found = f"[...document.querySelector({json.dumps(within)}).querySelectorAll({json.dumps(kind)})].find({wanted})"
        self.until(f"{found} !== undefined")
        self.run(f"{found}.click()")

    def choose_namespace(self, name: str) -> None:
        """Type a namespace into the filter of a list, and Enter."""
        box = "document.querySelector('.input-filter input')"
        self.until(f"{box} !== null")
        self.run(
            f"""
            const box = {box};
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, {json.dumps(name)});
            box.dispatchEvent(new Event('input', {{bubbles: true}}));
            box.dispatchEvent(new KeyboardEvent('keyup', {{keyCode: 13, bubbles: true}}));
            """
        )
        self.until(f"localStorage.getItem('current_namespace') === {json.dumps(name)}")

    def fill(self, label: str, value: str) -> None:
        """Fill a field of the form: type into it, or choose from its list."""
        self.run(
            f"""
            const field = {field_of(label)};
            const box = field.querySelector('textarea, input.argo-field');
            if (!box) {{
                const option = [...field.querySelectorAll('.select__option')]
                    .find(e => e.textContent.trim() === {json.dumps(value)});
                option.click();
                return;
            }}
            const kind = box.tagName === 'TEXTAREA' ? HTMLTextAreaElement : HTMLInputElement;
            Object.getOwnPropertyDescriptor(kind.prototype, 'value').set.call(box, {json.dumps(value)});
            box.dispatchEvent(new Event('input', {{bubbles: true}}));
            """
        )


def field_of(label: str) -> str:
    """Return a JavaScript expression for the part of the form that has `label`."""
    wanted = f"e => e.textContent === {json.dumps(label)}"
    return f"[...document.querySelectorAll('.sliding-panel label')].find({wanted}).parentElement"
