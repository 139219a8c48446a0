"""Who may ask: API keys, and pages of other origins."""

import hashlib
import hmac
from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from steps.serve.limits import Limits
from steps.serve.problem import Problem

OPEN_PATHS = frozenset({"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
"""What needs no key: health, and the pages, which hold nothing of the model's."""

OPEN_PREFIX = "/assets/"


class KeyRing:
    """The keys that are accepted. Comparing takes as long for a wrong key as for a right one."""

    def __init__(self, limits: Limits) -> None:
        self._digests = [_digest(key.get_secret_value().encode()) for key in limits.api_keys]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def accepts(self, authorization: str, key: str) -> bool:
        """Tell whether `Authorization: Bearer KEY`, or `X-API-Key: KEY`, carries one of the keys.

        Both as the header says them: each character a byte.
        """
        scheme, _, token = authorization.partition(" ")
        given = _digest((token.strip() if scheme.lower() == "bearer" else key).encode("latin-1", "replace"))
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]  # all, whichever matches
        return any(matches)


class RequireKey:
    """Middleware that answers 401 to a request without a key."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is open or carries a key."""
        if scope["type"] == "http" and not is_open(scope["path"]):
            headers = Headers(scope=scope)
            if not self._keys.accepts(headers.get("authorization", ""), headers.get("x-api-key", "")):
                problem = Problem(
                    HTTPStatus.UNAUTHORIZED,
                    "the request carries no key, or one that is not known",
                    hint="send the header `Authorization: Bearer KEY` or `X-API-Key: KEY`",
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await problem.document(scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)


def guard(app: FastAPI, limits: Limits) -> None:
    """Let `app` ask for keys and answer other origins' pages as `limits` says; without any, it does neither."""
    keys = KeyRing(limits)
    if keys:
        app.add_middleware(RequireKey, keys=keys)
    if limits.cors_origins:  # outermost, so that a refusal can be read by the page as well
        app.add_middleware(
            CORSMiddleware,
            allow_origins=limits.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Accept", "traceparent"],
            expose_headers=["X-Model-Version", "X-Request-Id", "Retry-After", "Location"],
        )


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def is_open(path: str) -> bool:
    """Return whether `path` needs no key."""
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)
