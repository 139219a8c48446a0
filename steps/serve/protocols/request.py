"""What all protocols over HTTP read from a request's headers, and say in a response's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from steps.serve.picture import Encoding
from steps.serve.service import Prediction

SAMPLE = (
    "iVBORw0KGgoAAAANSUhEUgAAADAAAAAgCAIAAADbtmxLAAAATElEQVRYw2N8/fo1w2ACTAyDDIw6aNRBow6iNWDBJWGcf5dy089OVB6NslEHjTpo"
    "1EGjDhp10KiDRh2EChhHu0GjDhp10KiDRh2ECgBtnQjDY7gX2wAAAABJRU5ErkJggg=="
)
"""A PNG of 48 × 32 pixels in base64, so that the documentation's examples can be sent as they stand."""

PIECE = 2**18
"""Bytes that are given to a connection at once."""

_ENCODINGS: dict[str, Encoding] = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/*": "jpeg",
}

REFUSALS: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": why,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    for status, why in (
        (HTTPStatus.BAD_REQUEST, "A broken body, or one without a picture"),
        (HTTPStatus.UNAUTHORIZED, "No API key, where keys are asked for"),
        (HTTPStatus.NOT_FOUND, "No such model"),
        (HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time"),
        (HTTPStatus.CONFLICT, "Not done yet, or cancelled"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too many bytes, pixels or pictures"),
        (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not a picture"),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "A damaged picture, or an option outside its range"),
        (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests at once; Retry-After says when to come back"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "The model is not loaded yet"),
        (HTTPStatus.GATEWAY_TIMEOUT, "No answer before the deadline"),
    )
}
"""Every refusal that a question may meet, for the documentation."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of some refusals."""
    return {status: REFUSALS[status] for status in statuses}


def request_id(request: Request) -> str:
    """Return the identifier that the client gave, if it is one; else none."""
    given = request.headers.get("x-request-id", "")
    return given if len(given) <= 128 and given.isascii() and given.isprintable() else ""


def answer_headers(prediction: Prediction) -> dict[str, str]:
    """Say which version answered, and which request."""
    return {"X-Model-Version": str(prediction.version), "X-Request-Id": prediction.request_id}


class InPieces(StreamingResponse):
    """An answer that may be large, sent as its client takes it: until then its request lasts, and holds it.

    Written at once, all of it would lie in the connection's buffer, where nothing counts it. A client that has not taken
    it within `timeout_s` loses the connection.
    """

    def __init__(self, content: bytes, media_type: str, prediction: Prediction, *, timeout_s: float) -> None:
        headers = answer_headers(prediction) | {"Content-Length": str(len(content))}
        super().__init__(_pieces(content), media_type=media_type, headers=headers)
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. What is not completed is closed by the server."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                await super().__call__(scope, receive, send)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), PIECE):
        yield content[at : at + PIECE]


def wanted_encoding(request: Request) -> Encoding | None:
    """Return the picture format that the header `Accept` prefers to JSON, None where it prefers JSON."""
    best: tuple[float, Encoding | None] = (0.0, None)
    for part in request.headers.get("accept", "").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(text[2:]) for text in parameters if text.startswith("q=")), 1.0)
        if weight > best[0] and (kind in _ENCODINGS or kind in ("application/json", "application/*", "*/*")):
            best = (weight, _ENCODINGS.get(kind))
    return best[1]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
