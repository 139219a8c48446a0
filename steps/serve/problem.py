"""Refusals over HTTP: problem documents after RFC 9457 that say what was found and what to send instead."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from steps.serve.service import (
    DeadlineError,
    ImageSizeError,
    NotReadyError,
    OverloadError,
    ServiceError,
    UnknownModelError,
)

MEDIA_TYPE = "application/problem+json"

KSERVE_PATHS = ("/v1/", "/v2/")
"""Below these, a problem also has KServe's own member `error`."""


class ProblemDocument(BaseModel):
    """What a refused request is answered with; media type `application/problem+json`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    """Always `about:blank`: the status says what kind of problem it is."""

    title: str
    """The status in words."""

    status: int

    detail: str
    """What was found."""

    hint: str
    """What to send instead."""

    error: str | None = None
    """The detail once more, for clients of KServe's protocols; absent elsewhere."""


class Problem(Exception):  # noqa: N818  (the name that RFC 9457 gives it)
    """A request that cannot be answered as it is."""

    def __init__(self, status: HTTPStatus, detail: str, *, hint: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint, self.headers = status, detail, hint, headers

    def document(self, path: str) -> JSONResponse:
        """Return the response for a request to `path`."""
        document = ProblemDocument(
            title=self.status.phrase,
            status=self.status,
            detail=self.detail,
            hint=self.hint,
            error=self.detail if path.startswith(KSERVE_PATHS) else None,
        )
        return JSONResponse(document.model_dump(exclude_none=True), self.status, self.headers, media_type=MEDIA_TYPE)


def problem_of(error: ServiceError) -> Problem:
    """Say in HTTP why the service did not answer."""
    match error:
        case UnknownModelError():
            return Problem(HTTPStatus.NOT_FOUND, str(error), hint=f"there is: {', '.join(error.known)}")
        case NotReadyError():
            hint = "wait until /readyz answers 200"
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), hint=hint, headers={"Retry-After": "1"})
        case ImageSizeError():
            sizes = " or ".join(map(str, error.allowed)) or "the size it was exported with"
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"imgsz: {error}", hint=f"leave imgsz out, or send {sizes}")
        case OverloadError():
            after = str(max(1, ceil(error.retry_after_s)))
            hint = f"try again in {after} s, with fewer requests at once"
            return Problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), hint=hint, headers={"Retry-After": after})
        case DeadlineError():
            hint = "try again when the server is less busy, or send fewer pictures at once"
            return Problem(HTTPStatus.GATEWAY_TIMEOUT, str(error), hint=hint, headers={"Retry-After": "1"})
        case _:
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), hint="try again later")


def describe_faults(faults: Sequence[Any]) -> str:
    """Say in one line what pydantic found wrong: where, why, and the value."""
    return "; ".join(_describe_fault(fault) for fault in faults[:5])


def _describe_fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{where}: is missing"
    message = "no such option" if fault["type"] == "extra_forbidden" else fault["msg"][0].lower() + fault["msg"][1:]
    return f"{where}: {message}, found {str(fault['input'])[:80]!r}"


def install(app: FastAPI) -> None:
    """Let `app` answer every error with a problem document: ours, the router's, and bugs, without their traceback."""

    @app.exception_handler(Problem)
    async def on_problem(request: Request, problem: Problem) -> JSONResponse:
        return problem.document(request.url.path)

    @app.exception_handler(ServiceError)
    async def on_service_error(request: Request, error: ServiceError) -> JSONResponse:
        return problem_of(error).document(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problem = Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, describe_faults(error.errors()), hint="/docs shows what this takes"
        )
        return problem.document(request.url.path)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{request.method} {request.url.path}: {error.detail}"
        hint = f"there is: {', '.join(_endpoints(app))}; /docs shows what each takes"
        return Problem(HTTPStatus(error.status_code), detail, hint=hint, headers=error.headers).document(
            request.url.path
        )

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        detail = f"a bug in the server: {type(error).__name__}"
        hint = "the server's log has the traceback"
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, hint=hint).document(request.url.path)


def _endpoints(app: FastAPI) -> Iterator[str]:
    for path, operations in app.openapi()["paths"].items():
        yield f"{' '.join(method.upper() for method in operations)} {path}"
