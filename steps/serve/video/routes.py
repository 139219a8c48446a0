"""`/videos`: send one, ask how far it is, take the result, cancel."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from steps.serve.limits import Limits
from steps.serve.options import parse_options, query_parameters, schemas
from steps.serve.problem import Problem
from steps.serve.protocols.request import refusals
from steps.serve.service import Service
from steps.serve.video.job import Job, Status, VideoOptions
from steps.serve.video.jobs import VideoJobs
from steps.serve.video.reception import receive

LINES = "application/jsonl"
LOOK_S = 0.1
"""Seconds between two looks for new lines."""

_BINARY = {"type": "string", "format": "binary"}
_LINES: dict[int | str, dict[str, Any]] = {200: {"content": {LINES: {"schema": {"type": "string"}}}}}
_VIDEO: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {"schema": _BINARY}}}}


def _documented() -> dict[str, Any]:
    options = schemas(VideoOptions)
    form = {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
    return {
        "parameters": query_parameters(options),
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": form}, "video/mp4": {"schema": _BINARY}},
        },
    }


def routes(service: Service, limits: Limits, jobs: VideoJobs) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/videos", tags=["Videos"])

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        response_model=Status,
        responses=refusals(400, 401, 404, 408, 413, 415, 422, 429, 503),
        openapi_extra=_documented(),
    )
    async def send(request: Request) -> Response:
        """Send a video, as the part `file` of a form or as the body. It waits for its turn; the answer tells where to ask."""
        job = jobs.open()
        try:
            fields = await receive(request, job, limits)
            job.options = parse_options(VideoOptions, fields, request.query_params)
            service.describe(job.options.model)
            job.options.query(service, job.options.model, job.id)
        except BaseException:
            jobs.discard(job)
            raise
        jobs.submit(job)
        return accepted(job)

    @router.get("/{number}", responses=refusals(401, 404, 422))
    async def status(number: str) -> Status:
        """Tell how far a video is."""
        return jobs.find(number).status()

    @router.get(
        "/{number}/lines",
        response_class=Response,
        responses=_LINES | refusals(401, 404, 409, 422),
    )
    async def lines(number: str) -> Response:
        """Give what was found, a line of JSON a frame: all there is, and more as it comes, until the video is done."""
        job = jobs.find(number)
        _check_not_cancelled(job)
        return StreamingResponse(_follow(job), media_type=LINES)

    @router.get(
        "/{number}/video",
        response_class=Response,
        responses=_VIDEO | refusals(401, 404, 409, 422),
    )
    async def video(number: str) -> Response:
        """Give the video with the boxes drawn, when it is done: MP4, H.264, without sound."""
        job = jobs.find(number)
        _check_not_cancelled(job)
        if job.state != "done":
            hint = f"ask GET /videos/{job.id} until its state is done"
            raise Problem(HTTPStatus.CONFLICT, f"the video is {job.state}{job.detail and ': '}{job.detail}", hint=hint)
        return FileResponse(
            job.video, media_type="video/mp4", filename="detections.mp4", content_disposition_type="inline"
        )

    @router.delete("/{number}", responses=refusals(401, 404, 422))
    async def cancel(number: str) -> Status:
        """Cancel a video, or remove what is kept of one that is done."""
        job = jobs.find(number)
        jobs.cancel(job)
        return job.status()

    return router


def accepted(job: Job) -> Response:
    """Say that a video waits, and where to ask for it."""
    status = job.status()
    return JSONResponse(status.model_dump(), HTTPStatus.ACCEPTED, {"Location": status.status_url})


def _check_not_cancelled(job: Job) -> None:
    if job.state == "cancelled":
        raise Problem(HTTPStatus.CONFLICT, "the video was cancelled", hint="send it again")


async def _follow(job: Job) -> AsyncIterator[bytes]:
    at = 0
    while True:
        ended = job.ended
        if job.lines.exists():
            with job.lines.open("rb") as file:
                file.seek(at)
                while chunk := file.read(2**16):
                    at += len(chunk)
                    yield chunk
        if ended:
            return
        await asyncio.sleep(LOOK_S)
