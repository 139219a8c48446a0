"""The HTTP interface."""

import asyncio
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import ValidationError

from steps import __version__
from steps.serve import problem
from steps.serve.answer import Answer, Health, ModelInfo, Options
from steps.serve.predictor import Predictor
from steps.serve.problem import Problem, ProblemDocument
from steps.serve.upload import Upload, read_upload

MAX_WAITING = 32
"""Pictures that wait or are in work; more are sent away at once, rather than kept waiting until they have given up."""

BODY_TIMEOUT_S = 60.0
"""Longest time for a body to arrive."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FIELDS = Options.model_json_schema()["properties"]
_PREDICT_DOCS: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "schema": schema, "description": schema["description"]}
        for name, schema in _FIELDS.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _BINARY["schema"], **_FIELDS},
                }
            },
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "image/webp": _BINARY,
        },
    },
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDocument, "description": why}
    for status, why in (
        (400, "No picture in the request"),
        (408, "The body did not arrive in time"),
        (413, "Too many bytes or pixels"),
        (415, "Not a picture"),
        (422, "A damaged picture, or an option outside its range"),
        (429, "Too many requests at once"),
    )
}


def build_app(
    predictor: Predictor, executor: Executor, *, max_bytes: int, body_timeout_s: float = BODY_TIMEOUT_S
) -> FastAPI:
    """Return the application that answers with `predictor`, whose work runs in `executor`, off the event loop."""
    app = FastAPI(
        title=f"{predictor.version.name}, version {predictor.version.number}",
        description=f"Finds {', '.join(predictor.detector.card.classes)}.",
        version=__version__,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    problem.install(app)
    headers = {"X-Model-Version": str(predictor.version.number)}
    waiting = 0

    @app.post("/predict", response_model=Answer, responses=_REFUSALS, openapi_extra=_PREDICT_DOCS)
    async def predict(request: Request) -> Response:
        """Find objects on a picture, sent as multipart part `file` or as the body itself."""
        nonlocal waiting
        upload = await read_upload(request, max_bytes=max_bytes, timeout_s=body_timeout_s)
        options = _options(request, upload)
        if waiting >= MAX_WAITING:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{waiting} pictures are waiting already",
                hint="try again in a second",
                headers={"Retry-After": "1"},
            )
        waiting += 1
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(executor, predictor.predict, upload.content, options)
        finally:
            waiting -= 1
        if isinstance(found, bytes):
            return Response(found, media_type="image/jpeg", headers=headers)
        return Response(found.model_dump_json(), media_type="application/json", headers=headers)

    @app.get("/healthz")
    async def healthz() -> Health:
        """Tell that the server is alive."""
        return Health()

    @app.get("/readyz")
    async def readyz() -> Health:
        """Tell that the model is loaded: the server listens only then."""
        return Health()

    @app.get("/model")
    async def model() -> ModelInfo:
        """Tell which version is served, and what it knows."""
        version, card = predictor.version, predictor.detector.card
        return ModelInfo(
            name=version.name,
            version=version.number,
            url=version.url,
            sha256=version.sha256,
            classes=card.classes,
            input=card.input,
            metrics=version.manifest.lineage.metrics,
            created=version.manifest.lineage.created,
        )

    return app


def _options(request: Request, upload: Upload) -> Options:
    given = {**upload.fields, **request.query_params}
    wishes = request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower()
    if wishes in ("image/jpeg", "image/*"):
        given.setdefault("format", "image")
    try:
        return Options.model_validate_strings(given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {_reason(fault)}" for fault in error.errors()]
        known = "; ".join(f"{name}: {schema['description']}" for name, schema in _FIELDS.items())
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults), hint=f"the options are: {known}") from None


def _reason(fault: Any) -> str:
    message = "no such option" if fault["type"] == "extra_forbidden" else fault["msg"][0].lower() + fault["msg"][1:]
    return f"{message}, found {str(fault['input'])[:80]!r}"
