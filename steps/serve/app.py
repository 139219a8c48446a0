"""The HTTP interface: every protocol, behind the same limits."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from steps import __version__
from steps.serve import problem
from steps.serve.access import guard
from steps.serve.head import AnswerHead
from steps.serve.holdings import Holdings
from steps.serve.limits import Limits
from steps.serve.openapi import DescribedApp
from steps.serve.page import routes as page
from steps.serve.protocols import detect, explain, predict, v1, v2
from steps.serve.service import Service
from steps.serve.studio import Studio
from steps.serve.upload import Intake
from steps.serve.video import routes as videos
from steps.serve.video.jobs import VideoJobs

DESCRIPTION = "Finds objects on pictures and videos. A refused request gets a problem document that says what to send."


def create_app(service: Service, limits: Limits) -> FastAPI:
    """Return the application that answers with `service` what `limits` allow."""
    jobs = VideoJobs(service, limits)
    app = DescribedApp(
        title="Argosight",
        description=DESCRIPTION,
        version=__version__,
        # Relative to openapi.json: so it holds behind a proxy that takes a prefix away, too.
        servers=[{"url": ".", "description": "this server"}],
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(jobs),
    )
    app.keys = bool(limits.api_keys)
    problem.install(app)
    holdings = Holdings(limits.held_bytes)
    intake, studio = Intake(limits, holdings), Studio(limits, holdings)
    app.include_router(predict.routes(service, limits, intake, studio))
    app.include_router(v1.routes(service, limits, intake))
    app.include_router(explain.routes(service, limits, intake, studio))
    app.include_router(v2.routes(service, limits, intake))
    app.include_router(page.routes())
    app.include_router(detect.routes(service, limits, intake, studio, jobs))
    if limits.video_bytes:
        app.include_router(videos.routes(service, limits, jobs))
    app.add_middleware(_Release, holdings=holdings)
    guard(app, limits)
    app.add_middleware(AnswerHead)
    return app


def _lifespan(jobs: VideoJobs) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(jobs.close)

    return lifespan


class _Release:
    """Middleware: when a request ends, what it brought or was sent no longer counts among what is held."""

    def __init__(self, app: ASGIApp, holdings: Holdings) -> None:
        self._app, self._holdings = app, holdings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            self._holdings.release(scope)
