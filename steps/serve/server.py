"""Listen, say so in one line that programs can read, and stop politely."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from steps.errors import ParameterError
from steps.serve.connection import BoundedConnection

GRACE_S = 20
"""Seconds that requests in flight have to finish after SIGTERM."""

BACKLOG = 2048

Beside = Callable[[], AbstractAsyncContextManager[dict[str, Any]]]
"""What runs on the same event loop while the server does; it yields what to announce of itself."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any that is free.

    Raises:
        ParameterError: If the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ParameterError(
            f"--host={host} --port={port}: {error.strerror or error}",
            hint="take another port, or 0 for any that is free; host 0.0.0.0 listens on all addresses",
        ) from None
    # asyncio does this itself, but not for a socket that was made without naming its protocol, as `create_server` does.
    # Without it a response waits 40 ms for the client to acknowledge its headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run_server(
    app: FastAPI,
    listener: socket.socket,
    announcement: dict[str, Any],
    beside: Beside | None = None,
    *,
    linger_s: float = 0,
) -> None:
    """Serve `app` until SIGTERM or SIGINT; requests in flight are answered first.

    When requests are accepted, one line of JSON on stdout tells: `event` "ready", `url`, `port`, and `announcement`.

    Args:
        app: The application.
        listener: Where it listens.
        announcement: What the line tells besides.
        beside: What else runs on the event loop.
        linger_s: Seconds after SIGTERM in which new requests are still answered, each on a connection that is then
            closed: a load balancer needs a moment to learn that this server is going.
    """
    lingering = Lingering(app)
    config = uvicorn.Config(
        lingering,
        http=BoundedConnection,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    server = _Server(config, {"event": "ready", "url": url, "port": port, **announcement}, beside, lingering, linger_s)
    server.run(sockets=[listener])


class Lingering:
    """ASGI middleware: once `ending` is set, each answer asks its client to connect anew, which leads it elsewhere."""

    def __init__(self, app: Any) -> None:
        self._app, self.ending = app, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the application."""

        async def closing(message: Any) -> None:
            if message["type"] == "http.response.start" and self.ending:
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, closing)


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        announcement: dict[str, Any],
        beside: Beside | None,
        lingering: Lingering,
        linger_s: float,
    ) -> None:
        super().__init__(config)
        self._announcement, self._beside = announcement, beside
        self._lingering, self._linger_s = lingering, linger_s

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        async with AsyncExitStack() as stack:
            if self._beside:
                self._announcement |= await stack.enter_async_context(self._beside())
            await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(json.dumps(self._announcement) + "\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # Uvicorn would raise the signal again after its shutdown, and the step would count as interrupted: but to be
        # told to stop is how serving ends.
        again = self._lingering.ending
        self._lingering.ending = True
        if sig == signal.SIGTERM and self._linger_s and not again:
            asyncio.get_running_loop().call_later(self._linger_s, self._end)
        else:
            self.force_exit = self.should_exit and sig == signal.SIGINT
            self._end()

    def _end(self) -> None:
        self.should_exit = True
