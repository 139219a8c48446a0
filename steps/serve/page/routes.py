"""Serve the pages and what they are made of."""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files as packaged
from pathlib import Path

import fastapi_swagger.resources
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from steps.serve.problem import Problem

_FOLDER = Path(__file__).parent
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy: the pages can neither load from, nor send to, anywhere else."""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    kind: str
    etag: str

    def respond(self, request: Request) -> Response:
        headers = {
            "ETag": self.etag,
            "Cache-Control": "no-cache",
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(self.content, media_type=self.kind, headers=headers)


def routes() -> APIRouter:
    """Return the routes."""
    router = APIRouter(include_in_schema=False)
    files = _read()

    @router.get("/")
    async def page(request: Request) -> Response:
        """Show the page to browsers; others are told that the server is alive, as KServe's V1 has it."""
        if "text/html" in request.headers.get("accept", ""):
            return files["index.html"].respond(request)
        return JSONResponse({"status": "alive"})

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        """Show Swagger UI, which reads openapi.json."""
        return files["docs.html"].respond(request)

    @router.get("/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        """Give a file of the pages."""
        if name not in files:
            raise Problem(HTTPStatus.NOT_FOUND, f"no file {name[:80]!r}", hint=f"there is: {', '.join(files)}")
        return files[name].respond(request)

    return router


def _read() -> dict[str, _File]:
    """Return the files of this folder, and those of Swagger UI from the package that has them."""
    swagger = packaged(fastapi_swagger.resources)
    files = {}
    for file in (*sorted(_FOLDER.iterdir()), swagger / "swagger-ui.css", swagger / "swagger-ui-bundle.js"):
        kind = _KINDS.get(Path(file.name).suffix)
        if kind:
            content = file.read_bytes()
            files[file.name] = _File(content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
    return files
