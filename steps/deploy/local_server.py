"""A server in a process beside this one, which never outlives the block that started it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steps.errors import InputError, TemporaryError

POLL_S = 0.02
STOP_S = 10
"""Longest wait after SIGTERM, before SIGKILL."""
TAIL_LINES = 12


@contextmanager
def running_server(flags: Sequence[str], *, work: Path, log: Path, timeout_s: float) -> Iterator[str]:
    """Start `python -m steps serve` with `flags`, yield its URL when it is ready, and stop it, whatever happens.

    Args:
        flags: What follows `serve`; the port is chosen by the server.
        work: `$STEP_WORK` of the server.
        log: File that gets all that the server prints.
        timeout_s: Longest wait until it is ready.

    Raises:
        InputError: If the server ends by itself because its input is wrong.
        TemporaryError: If it ends otherwise, or is not ready in time.
    """
    command = [sys.executable, "-m", "steps", "serve", *flags, "--host=127.0.0.1", "--port=0"]
    # The server's progress is not this step's.
    environment = {name: value for name, value in os.environ.items() if name != "ARGO_PROGRESS_FILE"}
    environment["STEP_WORK"] = str(work)
    with log.open("wb") as sink:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        try:
            yield _wait_until_ready(server, log, timeout_s)
        finally:
            _stop(server)


def _wait_until_ready(server: "subprocess.Popen[bytes]", log: Path, timeout_s: float) -> str:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        code = server.poll()
        ready = _announcement(log)
        if code is None and ready:
            return str(ready["url"])
        if code is not None:
            kind = InputError if code == InputError.exit_code else TemporaryError
            raise kind(
                f"the server ended with exit code {code} before it was ready; its log ends:\n{_tail(log)}", hint=_HINT
            )
        time.sleep(POLL_S)
    raise TemporaryError(
        f"the server was not ready after {timeout_s:g} s; its log ends:\n{_tail(log)}",
        hint="give it more time with --ready-timeout, or see in the log what it waits for",
    )


def _announcement(log: Path) -> dict[str, Any] | None:
    """Return the line in which the server says that it is ready, once it is written whole."""
    for line in log.read_bytes().splitlines(keepends=True):
        if line.startswith(b'{"event": "ready"') and line.endswith(b"\n"):
            announcement: dict[str, Any] = json.loads(line)
            return announcement
    return None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join(f"  | {line}" for line in lines) or "  | (nothing)"


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


_HINT = "the log tells why; `python -m steps serve` with the same flags shows it too"
