"""HTTP connections that do not wait for ever: Uvicorn has no deadline for a request's head, nor for a client that reads slowly.

Without one, a client that sends a byte a second, or none at all, holds a connection as long as it likes.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S = 10.0
"""Seconds for the head of a request to arrive."""

READ_TIMEOUT_S = 60.0
"""Seconds in which a client must take what lies ready for it."""


class BoundedConnection(H11Protocol):
    """A connection that is closed when its client stalls. How long a body may take is for who reads it."""

    head_timeout_s = HEAD_TIMEOUT_S
    read_timeout_s = READ_TIMEOUT_S
    _head: asyncio.TimerHandle | None = None
    _read: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that is complete needs no deadline any more."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        for timer in (self._head, self._read):
            if timer:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._read = self.loop.call_later(self.read_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        if self._read:
            self._read.cancel()
        super().resume_writing()

    def _watch(self) -> None:
        answered: Any = self.cycle is None or self.cycle.response_complete
        # IDLE: no head yet, or a part. SEND_BODY after the answer: what nobody reads any more still comes in.
        waiting = answered and self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if not waiting and self._head:
            self._head.cancel()
            self._head = None
        elif waiting and not self._head:
            self._head = self.loop.call_later(self.head_timeout_s, self.transport.close)
