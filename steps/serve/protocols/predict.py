"""Ultralytics-shaped: `POST /predict`, and what the server says of its model and its health."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from steps.serve.answer import EXAMPLE, Answer
from steps.serve.limits import Limits
from steps.serve.options import Options, parse_options, query_parameters, schemas
from steps.serve.picture import PictureSet
from steps.serve.problem import Problem
from steps.serve.protocols.request import (
    REFUSALS,
    SAMPLE,
    InPieces,
    answer_headers,
    refusals,
    request_id,
    wanted_encoding,
)
from steps.serve.service import ModelInfo, NotReadyError, Service
from steps.serve.studio import Studio
from steps.serve.upload import Intake

_BINARY = {"type": "string", "format": "binary"}
PICTURE_ANSWERS = {f"image/{encoding}": {"schema": _BINARY} for encoding in ("jpeg", "png", "webp")}


class Health(BaseModel):
    """The server's state in a word."""

    status: str = "ok"


def document_upload() -> dict[str, Any]:
    """Return the OpenAPI description of a request with pictures and options."""
    options = schemas(Options)
    # Neither the options, which stand among the parameters, nor several pictures: Swagger UI would fill in every field of
    # the form with a number of its own, and has no button that chooses a file where a choice of types is documented.
    form = {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
    text = {"type": "string", "format": "byte"}
    image = {"oneOf": [text, {"type": "array", "items": text, "minItems": 1}], "description": "Base64, or a list of it"}
    json = {
        "type": "object",
        "required": ["image"],
        "properties": {"image": image, **options},
        "additionalProperties": False,
        "example": {"image": SAMPLE, "conf": 0.4},
    }
    return {
        "parameters": query_parameters(options),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": json},
                **{f"image/{kind}": {"schema": _BINARY} for kind in ("jpeg", "png", "webp", "bmp")},
            },
        },
    }


def routes(service: Service, limits: Limits, intake: Intake, studio: Studio) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    answers: dict[int | str, dict[str, Any]] = {
        200: {
            "description": "What was found, or the picture with the boxes drawn",
            "content": {"application/json": {"example": EXAMPLE}, **PICTURE_ANSWERS},
        }
    }

    @router.post(
        "/predict",
        tags=["Detect"],
        response_model=Answer,
        responses=answers | REFUSALS,
        openapi_extra=document_upload(),
    )
    async def predict(request: Request) -> Response:
        """Find objects on a picture: multipart part `file`, the bytes as the body, or base64 in JSON.

        Several pictures in one request: repeat the part `file`, or send a list of base64 texts; one version answers all of
        them, in their order. Options may stand in the query, in the form or in the JSON.
        """
        upload = await intake.read(request)
        options = parse_options(Options, upload.fields, request.query_params)
        encoding = options.encoding if "format" in options.model_fields_set else wanted_encoding(request)
        if encoding and len(upload.contents) > 1:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"format: {encoding} for {len(upload.contents)} pictures",
                hint="ask for JSON, or send one picture at a time",
            )
        query = options.query(service, options.model, request_id(request))
        if encoding:
            drawn, prediction = await studio.draw(request, service, upload.contents[0], encoding, query)
            return InPieces(drawn, f"image/{encoding}", prediction, timeout_s=limits.body_timeout_s)
        sources = PictureSet(upload.contents, limits).sources()
        predictions = await service.predict(sources, query)
        return Response(
            Answer.of(predictions).model_dump_json(),
            media_type="application/json",
            headers=answer_headers(predictions[0]),
        )

    @router.get("/model", tags=["Detect"], responses=refusals(404, 422, 503))
    async def model(name: str = "") -> ModelInfo:
        """Tell which version is served under a name, where it came from and how good it is."""
        return service.describe(name)

    @router.get("/healthz", tags=["Health"], responses=refusals(503))
    async def healthz() -> Health:
        """Tell that the process is alive."""
        if not service.live():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the engine stands still", hint="restart the server")
        return Health()

    @router.get("/readyz", tags=["Health"], responses=refusals(503))
    async def readyz() -> Health:
        """Tell that every model has a version loaded."""
        if not service.ready():
            raise NotReadyError(", ".join(service.models()))
        return Health()

    return router
