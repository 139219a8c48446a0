"""What requests hold in memory as bytes, together below one limit: bodies while they are worked on, pictures until they are sent."""

from http import HTTPStatus

from fastapi import Request
from starlette.types import Scope

from steps.serve.problem import Problem

_KEY = "argosight.held"


class Holdings:
    """Bytes that are held, by request. All requests share one."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0

    def hold(self, request: Request, size: int) -> None:
        """Count `size` bytes more among what is held, until `request` ends, whichever way.

        Raises:
            Problem: 429 where others fill the memory.
        """
        if self._held + size > self._limit:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._held} bytes of other requests are held already",
                hint="try again in a second, with fewer requests at once",
                headers={"Retry-After": "1"},
            )
        self._held += size
        request.scope.setdefault(_KEY, []).append(size)

    def release(self, scope: Scope) -> None:
        """Forget what the request of `scope` held."""
        self._held -= sum(scope.pop(_KEY, ()))
