"""Refusals over HTTP: problem documents after RFC 9457 that say what was found and what to send instead."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MEDIA_TYPE = "application/problem+json"


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


class Problem(Exception):  # noqa: N818  (the name that RFC 9457 gives it)
    """A request that cannot be answered as it is."""

    def __init__(self, status: HTTPStatus, detail: str, *, hint: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.hint, self.headers = status, detail, hint, headers


def install(app: FastAPI) -> None:
    """Let `app` answer every error with a problem document: ours, the router's, and bugs, without their traceback."""

    @app.exception_handler(Problem)
    async def on_problem(_request: Request, problem: Problem) -> JSONResponse:
        return _response(problem.status, problem.detail, problem.hint, problem.headers)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
        routes = [f"{' '.join(sorted(methods))} {path}" for path, methods in _endpoints(app)]
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return _response(HTTPStatus(error.status_code), detail, f"there is: {', '.join(routes)}", error.headers)

    @app.exception_handler(ClientDisconnect)
    async def on_disconnect(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it

    @app.exception_handler(Exception)
    async def on_bug(_request: Request, error: Exception) -> JSONResponse:
        detail = f"a bug in the server: {type(error).__name__}"
        return _response(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "the server's log has the traceback", None)


def _endpoints(app: FastAPI) -> list[tuple[str, set[str]]]:
    return [
        (path, methods - {"HEAD"})
        for route in app.routes
        if (path := getattr(route, "path", "")) and (methods := getattr(route, "methods", None))
    ]


def _response(status: HTTPStatus, detail: str, hint: str, headers: Mapping[str, str] | None) -> JSONResponse:
    document = ProblemDocument(title=status.phrase, status=status, detail=detail, hint=hint)
    return JSONResponse(document.model_dump(), status, headers, media_type=MEDIA_TYPE)
