"""The flyingthings workshop's `POST /detect`: a picture or a video in, what it shows by kind and count."""

from collections import Counter
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from steps.serve.answer import Result, results_of
from steps.serve.limits import Limits
from steps.serve.options import Detection, parse_options, query_parameters, schemas
from steps.serve.picture import PictureSet
from steps.serve.problem import Problem
from steps.serve.protocols.predict import PICTURE_ANSWERS
from steps.serve.protocols.request import REFUSALS, InPieces, answer_headers, request_id, wanted_encoding
from steps.serve.service import Prediction, Service
from steps.serve.studio import Studio
from steps.serve.upload import Intake, Upload, declared_length, media_type, too_large
from steps.serve.video.job import Status, VideoOptions
from steps.serve.video.jobs import VideoJobs
from steps.serve.video.reception import is_video, receive


class Count(BaseModel):
    """How many of one kind."""

    object: str
    count: int


class Found(BaseModel):
    """What the boxes are, beyond the workshop's own answer."""

    results: tuple[Result, ...]


class Detected(BaseModel):
    """What `/detect` answers for a picture."""

    filename: str
    contentType: str  # noqa: N815  (the workshop's names)
    detectedObj: list[Count]  # noqa: N815
    save_path: str = ""
    """Empty for a picture, of which nothing is stored."""

    data: Found


class Taken(BaseModel):
    """What `/detect` answers for a video, at once: the work goes on."""

    filename: str
    contentType: str  # noqa: N815
    save_path: str
    """Where the video with the boxes drawn will be."""

    data: Status


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What was found, or the picture with the boxes drawn", "content": PICTURE_ANSWERS},
    202: {"description": "The video waits for its turn", "model": Taken},
}


def _documented() -> dict[str, Any]:
    options = schemas(Detection)
    form = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
    return {
        "parameters": query_parameters(options),
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
    }


def routes(service: Service, limits: Limits, intake: Intake, studio: Studio, jobs: VideoJobs) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["Detect"])

    @router.post("/detect", response_model=Detected, responses=_ANSWERS | REFUSALS, openapi_extra=_documented())
    async def detect(request: Request) -> Response:
        """Count the objects on a picture, sent as the part `file` of a form; `Accept: image/jpeg` draws them instead.

        A video becomes a job, as with `/videos`: the answer, 202, tells where it will be.
        """
        if media_type(request) != "multipart/form-data":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"a body of type {media_type(request)[:80]!r} is not understood",
                hint="send a form with the part `file`: curl -F file=@picture.jpg URL/detect",
            )
        length = declared_length(request)
        if not length or length > limits.body_bytes:  # too long for the memory: a video, or nothing
            return await take(request, None)
        upload = await intake.read(request)
        if is_video(upload.contents[0][:12]):
            return await take(request, upload)
        options = parse_options(Detection, upload.fields, request.query_params)
        query, encoding = options.query(service, "", request_id(request)), wanted_encoding(request)
        if encoding:
            drawn, prediction = await studio.draw(request, service, upload.contents[0], encoding, query)
            return InPieces(drawn, f"image/{encoding}", prediction, timeout_s=limits.body_timeout_s)
        sources = PictureSet(upload.contents[:1], limits).sources()
        (prediction,) = await service.predict(sources, query)
        answer = Detected(
            filename=upload.names[0],
            contentType=upload.kinds[0],
            detectedObj=count(prediction),
            data=Found(results=results_of(prediction)),
        )
        return Response(answer.model_dump_json(), media_type="application/json", headers=answer_headers(prediction))

    async def take(request: Request, upload: Upload | None) -> Response:
        if not limits.video_bytes:
            raise too_large(limits.body_bytes)
        job = jobs.open()
        try:
            if upload:
                job.name, job.kind, fields = upload.names[0], upload.kinds[0], upload.fields
                await run_in_threadpool(job.source.write_bytes, upload.contents[0])
            else:
                fields = await receive(request, job, limits)
            job.options = parse_options(VideoOptions, fields, request.query_params)
            job.options.query(service, "", job.id)
        except BaseException:
            jobs.discard(job)
            raise
        jobs.submit(job)
        status = job.status()
        answer = Taken(filename=job.name, contentType=job.kind, save_path=status.video_url, data=status)
        return JSONResponse(answer.model_dump(), HTTPStatus.ACCEPTED, {"Location": status.status_url})

    return router


def count(prediction: Prediction) -> list[Count]:
    """Count the boxes by class, in the order of the classes."""
    counts = Counter(prediction.detections.labels.tolist())
    return [Count(object=prediction.classes[label], count=counts[label]) for label in sorted(counts)]
