"""What one request leaves for the log and the traces, noted while it is answered."""

import re
import secrets
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Self

from steps.serve.service import Prediction

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01


@dataclass(frozen=True, slots=True)
class TraceContext:
    """W3C trace context: the trace that a request belongs to, and who called.

    Attributes:
        trace_id: 32 hex digits.
        parent_id: The caller's span, 16 hex digits; empty where the trace begins here.
        sampled: Whether the caller records the trace.
    """

    trace_id: str
    parent_id: str = ""
    sampled: bool = False

    @classmethod
    def read(cls, header: str) -> Self:
        """Read a `traceparent` header; where it is missing or broken, a trace begins, as the recommendation says."""
        found = _TRACEPARENT.fullmatch(header.strip())
        if found:
            version, trace_id, parent_id, flags, rest = found.groups()
            whole = version != "ff" and not (version == "00" and rest)
            if whole and int(trace_id, 16) and int(parent_id, 16):
                return cls(trace_id, parent_id, bool(int(flags, 16) & _SAMPLED))
        return cls(secrets.token_hex(16))


@dataclass(slots=True)
class Note:
    """Of one request.

    Attributes:
        trace: The trace it belongs to.
        began_ns: Wall clock.
        answers: Each answer of the service, with the wall clock when it was asked.
    """

    trace: TraceContext
    began_ns: int = field(default_factory=time.time_ns)
    answers: list[tuple[int, tuple[Prediction, ...]]] = field(default_factory=list)


current: ContextVar[Note | None] = ContextVar("note", default=None)
"""The note of the request that is being answered."""
