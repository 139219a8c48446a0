"""Ask a server: which version it is, and what it finds on the golden image."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

import urllib3
from pydantic import ValidationError

from steps.deploy.agreement import MOST_CANDIDATES, Expected, disagreement
from steps.deploy.equal_classes import find_equal_classes
from steps.errors import ModelError, TemporaryError
from steps.registry import Registry, Version
from steps.runtime import ModelCard
from steps.runtime.golden import EXPECTED, IMAGE

REQUESTS: Final = 10
"""Enough for a median, and over in a moment."""

REQUEST_TIMEOUT_S: Final = 60

API_KEYS: Final = "ARGOSIGHT_API_KEYS"
"""Variable with the keys that servers accept, parted by commas. A server beside this step has it from this step's."""


class Line(Protocol):
    """A way to one server: sends a request, and returns status and body."""

    def __call__(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send it."""


@dataclass(frozen=True, slots=True)
class Golden:
    """A picture, what is expected to be found on it with the defaults of the model, and the model."""

    image: bytes
    expected: Expected
    card: ModelCard
    folder: Path

    @classmethod
    def of(cls, registry: Registry, version: Version, scratch: Path) -> "Golden":
        """Fetch `version` and return its golden image.

        Raises:
            ModelError: If it has none, or a file is not the one that was published.
        """
        folder = registry.fetch(version, scratch)
        try:
            image, expected = (folder / IMAGE).read_bytes(), (folder / EXPECTED).read_bytes()
            return cls(image, Expected.model_validate_json(expected), ModelCard.read(folder), folder)
        except (OSError, ValidationError) as error:
            raise ModelError(
                f"{version.url} has no usable {IMAGE} and {EXPECTED} ({type(error).__name__})",
                hint="export and publish the model anew: `export` writes both",
            ) from None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the server said: what runs the network, results on the golden image, the picture it drew, the median time."""

    backend: str
    results: list[dict[str, Any]]
    picture: bytes
    latency_ms: float


def converse(line: Line, version: Version, golden: Golden, *, requests: int = REQUESTS) -> Conversation:
    """Ask the server at the other end of `line`, and return what it said if it is `version` that answers rightly.

    Raises:
        ModelError: If another version answers, or the answer is not the expected one.
        TemporaryError: If the server does not answer.
    """
    model = json.loads(_ask(line, "GET", "/model"))
    if (model["name"], model["version"]) != (version.name, version.number):
        raise ModelError(
            f"the server answers for version {model['version']} of {model['name']!r}, not for version {version.number}",
            hint="does something else answer there, or was the server told another version?",
        )
    times, results = [], []
    for _ in range(requests):
        began = time.perf_counter()
        body = _ask(line, "POST", "/predict", golden.image)
        times.append(1000 * (time.perf_counter() - began))
        results = json.loads(body)["images"][0]["results"]
    difference = _compare(golden, results, json.loads(_ask(line, "POST", _candidates_path(golden.card), golden.image)))
    if difference:
        raise ModelError(
            f"the server's answer to the golden image of {version.name} {version.number} is not the expected one: {difference}",
            hint="the model behaves differently here than where it was exported: compare the versions of onnxruntime",
        )
    picture = _ask(line, "POST", "/predict?format=image", golden.image)
    return Conversation(model["backend"], results, picture, round(median(times), 3))


def _candidates_path(card: ModelCard) -> str:
    """Return the path of the request for all boxes above the lowest threshold, none suppressed."""
    lowest = min(card.served_defaults.thresholds(card.classes))
    return f"/predict?conf={lowest}&iou=1&max_det={MOST_CANDIDATES}"


def _compare(golden: Golden, results: list[dict[str, Any]], document: Any) -> str:
    """Return in words how the server's answer differs from the expected one; `document` has its candidates."""
    told = (golden.expected, results, document["images"][0]["results"], golden.card)
    # The model runs here too only where it is needed: it knows whether another class is as likely.
    return disagreement(*told) and disagreement(*told, find_equal_classes(golden.folder))


def line_to(url: str, client: urllib3.PoolManager) -> Line:
    """Return a line to the server at `url`."""

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            answer = client.request(method, f"{url}{path}", body=body or None, headers=dict(headers))
        except urllib3.exceptions.HTTPError as error:
            raise TemporaryError(f"the server did not answer: {error}", hint="run it again") from None
        return answer.status, answer.data

    return send


def _ask(line: Line, method: str, path: str, image: bytes = b"") -> bytes:
    content = {"Content-Type": "image/jpeg"} if image else {}
    status, body = line(method, path, image, {**content, **_key()})
    if status == HTTPStatus.OK:
        return body
    told = f"the server answered {method} {path} with {status}: {body[:500].decode(errors='replace')}"
    hint = "the server's log tells more; serve this version and send it the golden image"
    if status == HTTPStatus.UNAUTHORIZED:
        hint = f"let {API_KEYS} hold here one of the keys that it has in the Secret of the servers"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE):
        raise TemporaryError(told, hint=hint)
    raise ModelError(told, hint=hint)


def _key() -> dict[str, str]:
    """Return the header with the first of the API keys. As bytes of UTF-8, which is how the server compares them."""
    keys = (key.strip() for key in os.environ.get(API_KEYS, "").split(","))
    return next(({"X-API-Key": key.encode().decode("latin-1")} for key in keys if key), {})
