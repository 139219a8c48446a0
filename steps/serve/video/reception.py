"""Receive a video: to disk as it comes, never in memory, and only what looks like one."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from steps.serve.limits import Limits
from steps.serve.problem import Problem
from steps.serve.upload import MOST_FIELDS, declared_length, media_type
from steps.serve.video.job import Job

HINT = (
    "send MP4, MOV, MKV, WebM or AVI as the part `file` of a form, or as the body: curl -F file=@video.mp4 URL/videos"
)

IN_MEMORY = 2**20
"""Bytes of a form's file that are kept in memory before they go to disk."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")


def is_video(head: bytes) -> bool:
    """Tell whether a file that begins with `head` (12 bytes) may be a video."""
    return head[4:8] in _BOXES or head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")


async def receive(request: Request, job: Job, limits: Limits) -> dict[str, Any]:
    """Write the video of `request` to `job.source`, and return the options among the fields of the form.

    Raises:
        Problem: 400 for a broken form or one without a video, 408 for a client that stalls, 413 for too many bytes, 415 for
            another kind of file.
    """
    kind = media_type(request)
    fields: dict[str, Any] = {}
    if kind == "multipart/form-data":
        fields = await _receive_form(request, job, limits)
    elif kind.startswith("video/") or kind in ("", "application/octet-stream"):
        job.kind = kind
        with job.source.open("wb") as file:
            async for chunk in _chunks(request, limits):
                await run_in_threadpool(file.write, chunk)
    else:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a body of type {kind[:80]!r} is no video", hint=HINT)
    check(job.source)
    return fields


def check(path: Path) -> None:
    """Refuse a file that does not look like a video.

    Raises:
        Problem: 400 for an empty one, 415.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if not head:
        raise Problem(HTTPStatus.BAD_REQUEST, "the request brought no video: its content is empty", hint=HINT)
    if not is_video(head):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"no video that is understood begins with {head!r}", hint=HINT)


async def _receive_form(request: Request, job: Job, limits: Limits) -> dict[str, Any]:
    parser = MultiPartParser(request.headers, _chunks(request, limits), max_files=1, max_fields=MOST_FIELDS)
    parser.spool_max_size = IN_MEMORY
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        reason = getattr(error, "message", "its content type names no boundary")
        raise Problem(HTTPStatus.BAD_REQUEST, f"the multipart form is broken: {reason}", hint=HINT) from None
    try:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Problem(HTTPStatus.BAD_REQUEST, f"no part `file` in the form; found {sorted(form)[:10]}", hint=HINT)
        job.name, job.kind = part.filename or "", part.content_type or ""
        with job.source.open("wb") as file:
            await run_in_threadpool(shutil.copyfileobj, part.file, file)
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}
    finally:
        await form.close()


async def _chunks(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    too_large = Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the video is larger than {limits.video_bytes} bytes",
        hint="send a shorter or smaller one",
        headers={"Connection": "close"},
    )
    if declared_length(request) > limits.video_bytes:
        raise too_large
    received, stream = 0, request.stream()
    while True:
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"nothing came for {limits.body_timeout_s:g} s",
                hint="send it again",
                headers={"Connection": "close"},
            ) from None
        if chunk is None:
            return
        received += len(chunk)
        if received > limits.video_bytes:
            raise too_large
        yield chunk
