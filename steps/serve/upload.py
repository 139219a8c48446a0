"""Take pictures out of a request, multipart, raw or JSON, without ever holding more than the limits."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from steps.serve.holdings import Holdings
from steps.serve.limits import Limits
from steps.serve.picture import from_base64
from steps.serve.problem import Problem

DRAIN = 64 * 2**20
"""Bytes beyond the limit that are read and dropped: a client that is cut off while it sends never reads the answer."""

MOST_FIELDS = 16

MOST_VALUES = 100_000
"""Commas in a JSON body. Pictures have none; millions of numbers would hold up everybody else while they are parsed."""

HINT = (
    "send the picture's bytes as the body with `Content-Type: image/jpeg`, or as the part `file` of a multipart form, "
    'or as JSON {"image": "BASE64"}: curl -F file=@picture.jpg URL/predict; '
    "addresses are not fetched"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request brought.

    Attributes:
        contents: Encoded pictures, none of them empty.
        names: File names that the client gave them; empty where it gave none.
        kinds: Content types that the client gave them.
        fields: Options among the fields of the form, or the members of the JSON.
    """

    contents: tuple[bytes, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    fields: dict[str, Any]


class Intake:
    """Reads bodies, and counts them among what is held."""

    def __init__(self, limits: Limits, holdings: Holdings) -> None:
        self._limits, self._holdings = limits, holdings

    async def read(self, request: Request) -> Upload:
        """Read the pictures of `request`.

        Raises:
            Problem: 400 for a broken form or one without a picture, 408 for a client that stalls, 413 for too many bytes or
                pictures, 415 for another kind of body, 422 for wrong JSON, 429 where other bodies fill the memory.
        """
        kind = media_type(request)
        if kind == "multipart/form-data":
            upload = await self._read_form(request)
        elif kind == "application/json":
            upload = _from_json(parse_json(await self.read_bytes(request)))
        elif kind.startswith("image/") or kind in ("", "application/octet-stream"):
            upload = Upload((await self.read_bytes(request),), ("",), (kind,), {})
        else:
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body of type {kind[:80]!r} is not understood", hint=HINT
            )
        check_batch(len(upload.contents), self._limits)
        if not all(upload.contents):
            raise Problem(HTTPStatus.BAD_REQUEST, "the request brought no picture: its content is empty", hint=HINT)
        return upload

    async def read_bytes(self, request: Request) -> bytes:
        """Read the whole body.

        Raises:
            Problem: 408, 413 and 429, as `read`.
        """
        async with _deadline(self._limits):
            return b"".join([chunk async for chunk in self._chunks(request)])

    async def _read_form(self, request: Request) -> Upload:
        parser = MultiPartParser(
            request.headers, self._chunks(request), max_files=self._limits.batch + 1, max_fields=MOST_FIELDS
        )
        parser.spool_max_size = self._limits.body_bytes  # in memory: a pod's disk may be read-only
        try:
            async with _deadline(self._limits):
                form = await parser.parse()
        except (MultiPartException, KeyError) as error:  # KeyError: no boundary in the content type
            reason = getattr(error, "message", "its content type names no boundary")
            raise Problem(HTTPStatus.BAD_REQUEST, f"the multipart form is broken: {reason}", hint=HINT) from None
        try:
            files = [part for part in form.getlist("file") if isinstance(part, UploadFile)]
            if not files:
                raise Problem(
                    HTTPStatus.BAD_REQUEST, f"no part `file` in the form; found {sorted(form)[:10]}", hint=HINT
                )
            return Upload(
                tuple([await file.read() for file in files]),
                tuple(file.filename or "" for file in files),
                tuple(file.content_type or "" for file in files),
                {name: value for name, value in form.multi_items() if isinstance(value, str)},
            )
        finally:
            await form.close()

    async def _chunks(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the body; it counts among what is held."""
        limit, held = self._limits.body_bytes, 0
        received = declared_length(request)
        if received <= limit:
            self._holdings.hold(request, received)
            held = received
        if received <= limit + DRAIN:
            received = 0
            async for chunk in request.stream():
                received += len(chunk)
                if received <= limit:
                    if received > held:  # sent in chunks, without saying how long it will be
                        self._holdings.hold(request, received - held)
                        held = received
                    yield chunk
                elif received > limit + DRAIN:
                    break
        if received > limit:
            raise too_large(limit)


def media_type(request: Request) -> str:
    """Return the content type without its parameters, lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def declared_length(request: Request) -> int:
    """Return what `Content-Length` says, 0 without one; the HTTP parser let only digits through."""
    return int(request.headers.get("content-length", "0"))


def too_large(limit: int) -> Problem:
    """Return the refusal of a body of more than `limit` bytes."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {limit} bytes",
        hint="send a smaller picture: the model sees it scaled down anyway, `GET /model` tells to what size",
    )


def check_batch(count: int, limits: Limits) -> None:
    """Refuse more pictures than one request may have.

    Raises:
        Problem: 413.
    """
    if count > limits.batch:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"more than {limits.batch} pictures in one request",
            hint=f"send at most {limits.batch} at once",
        )


def parse_json(content: bytes) -> dict[str, Any]:
    """Return the object that a JSON text spells.

    Raises:
        Problem: 400 for no JSON, 413 for one of too many values, 422 for another value than an object.
    """
    if content.count(b",") > MOST_VALUES:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the JSON has more than {MOST_VALUES} values",
            hint="send pictures as base64, not as lists of numbers",
        )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"the body is no JSON; it begins with {content[:20]!r}", hint="/docs shows examples"
        ) from None
    if not isinstance(document, dict):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"the body is a {type(document).__name__}, not an object", hint=HINT
        )
    return document


@asynccontextmanager
async def _deadline(limits: Limits) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            yield
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {limits.body_timeout_s:g} s",
            hint="send a smaller picture, or over a faster line",
            headers={"Connection": "close"},
        ) from None


def _from_json(document: dict[str, Any]) -> Upload:
    fields = dict(document)
    given = fields.pop("image", None)
    if given is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"image: is missing; found {sorted(fields)[:10]}", hint=HINT)
    images = given if isinstance(given, list) else [given]
    if not images or not all(isinstance(image, str) for image in images):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "image: neither base64 text nor a list of such texts", hint=HINT)
    contents = tuple(from_base64(image, f"image {at + 1}") for at, image in enumerate(images))
    return Upload(contents, ("",) * len(contents), ("",) * len(contents), fields)
