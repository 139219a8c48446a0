"""Listen, say so in one line that programs can read, and stop politely."""

import copy
import json
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from steps.errors import ParameterError

GRACE_S = 20
"""Seconds that requests in flight have to finish after SIGTERM."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any that is free.

    Raises:
        ParameterError: If the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ParameterError(
            f"--host={host} --port={port}: {error.strerror or error}",
            hint="take another port, or 0 for any that is free; host 0.0.0.0 listens on all addresses",
        ) from None
    # asyncio does this itself, but not for a socket that was made without naming its protocol, as `create_server` does.
    # Without it a response waits 40 ms for the client to acknowledge its headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run_server(app: FastAPI, listener: socket.socket, announcement: dict[str, Any]) -> None:
    """Serve `app` until SIGTERM or SIGINT; requests in flight are answered first.

    When requests are accepted, one line of JSON on stdout tells: `event` "ready", `url`, `port`, and `announcement`.
    """
    logging = copy.deepcopy(LOGGING_CONFIG)
    logging["handlers"]["access"]["stream"] = "ext://sys.stderr"
    config = uvicorn.Config(
        app, lifespan="off", log_config=logging, server_header=False, timeout_graceful_shutdown=GRACE_S
    )
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    _Server(config, {"event": "ready", "url": url, "port": port, **announcement}).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announcement: dict[str, Any]) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(json.dumps(self._announcement) + "\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # Uvicorn would raise the signal again after its shutdown, and the step would count as interrupted: but to be
        # told to stop is how serving ends.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
