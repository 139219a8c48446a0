"""Take an image out of a request, multipart or raw, without ever holding more than the limit."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from steps.serve.problem import Problem

DRAIN = 64 * 2**20
"""Bytes beyond the limit that are read and dropped: a client that is cut off while it sends never reads the answer."""

HINT = (
    "send the picture's bytes as the body with `Content-Type: image/jpeg`, or as the part `file` of a multipart form: "
    "curl -F file=@picture.jpg URL/predict"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request brought: the picture's bytes, and the other fields of the form."""

    content: bytes
    fields: dict[str, str]


async def read_upload(request: Request, *, max_bytes: int, timeout_s: float) -> Upload:
    """Read the body of `request`, of at most `max_bytes`, within `timeout_s`.

    Raises:
        Problem: 400 for a broken form or one without a picture, 408 for a client that stalls, 413 for too many bytes, 415
            for another kind of body.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(request, max_bytes)
    except TimeoutError:
        raise Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {timeout_s:g} s",
            hint="send a smaller picture, or over a faster line",
            headers={"Connection": "close"},
        ) from None


async def _read(request: Request, max_bytes: int) -> Upload:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        upload = await _read_form(request, max_bytes)
    elif kind.startswith("image/") or kind in ("", "application/octet-stream"):
        upload = Upload(b"".join([chunk async for chunk in _chunks(request, max_bytes)]), {})
    else:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body of type {kind[:80]!r} is not understood", hint=HINT)
    if not upload.content:
        raise Problem(HTTPStatus.BAD_REQUEST, "the request brought no picture: its content is empty", hint=HINT)
    return upload


async def _read_form(request: Request, max_bytes: int) -> Upload:
    parser = MultiPartParser(request.headers, _chunks(request, max_bytes), max_files=1, max_fields=16)
    parser.spool_max_size = max_bytes  # in memory: a pod's disk may be read-only
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:  # KeyError: no boundary in the content type
        reason = getattr(error, "message", "its content type names no boundary")
        raise Problem(HTTPStatus.BAD_REQUEST, f"the multipart form is broken: {reason}", hint=HINT) from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Problem(HTTPStatus.BAD_REQUEST, f"no part `file` in the form; found {sorted(form)[:10]}", hint=HINT)
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return Upload(await file.read(), fields)
    finally:
        await form.close()


async def _chunks(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    received = int(request.headers.get("content-length", "0"))
    if received <= max_bytes + DRAIN:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received <= max_bytes:
                yield chunk
            elif received > max_bytes + DRAIN:
                break
    if received > max_bytes:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {max_bytes} bytes",
            hint="send a smaller picture: the model sees it scaled down anyway, `GET /model` tells to what size",
        )
