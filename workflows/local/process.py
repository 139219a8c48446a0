"""A process group: started in a session of its own, ended as a whole, and recognised again later."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

GRACE_S = 10.0
"""Seconds between SIGTERM and SIGKILL."""
PYTHONS = {"python", "python3"}
RESULT_LIMIT = 256 * 1024
"""Bytes of standard output that become `outputs.result`, as in Argo."""
NOT_FOUND = 64
"""Exit code that Argo's executor gives for a command that is not there."""


class Process:
    """One running command. Both its streams go to the file `log`; with `capture`, standard output is kept too."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path, capture: bool
    ) -> None:
        self._lock = threading.Lock()
        self._ended = False
        self._captured = bytearray()
        with log.open("ab") as file:
            self._popen = subprocess.Popen(
                [python_of(command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if capture else file,
                stderr=file,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        self._tee = threading.Thread(target=self._copy_output, args=(log,), daemon=True) if capture else None
        if self._tee:
            self._tee.start()

    @property
    def pid(self) -> int:
        """Process and group id."""
        return self._popen.pid

    def wait(self) -> int:
        """Wait for the command, end what it left running, and return its exit code; 128 + n for signal n."""
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # the id stays taken until the group is gone
        with self._lock:
            self._ended = True
            self._signal(signal.SIGKILL)
            code = self._popen.wait()
        if self._tee:
            self._tee.join()
        return code if code >= 0 else 128 - code

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask the group to end, and end it after `grace_s` seconds."""
        self._send(signal.SIGTERM)
        killer = threading.Timer(grace_s, self._send, [signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def result(self) -> str:
        """Return standard output without one newline at its end."""
        return self._captured[:RESULT_LIMIT].decode("utf-8", "replace").removesuffix("\n")

    def _copy_output(self, log: Path) -> None:
        stream = self._popen.stdout
        assert stream is not None  # noqa: S101  (it is a pipe)
        with log.open("ab", buffering=0) as file, stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                file.write(chunk)
                if len(self._captured) <= RESULT_LIMIT:
                    self._captured += chunk

    def _send(self, number: signal.Signals) -> None:
        with self._lock:
            if not self._ended:
                self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def python_of(command: str) -> str:
    """Return what `command` starts: `python` is the one that runs this, with all its packages."""
    return sys.executable if command in PYTHONS else command


def exists(command: str) -> bool:
    """Tell whether `command` can be started."""
    return shutil.which(python_of(command)) is not None


def birth_of(pid: int) -> str:
    """Return when the process `pid` was started, as the system spells it; nothing if there is none.

    Ids are used again, so an id and this together tell whether a process is still the same.
    """
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def end_leftover(pid: int, birth: str, grace_s: float = GRACE_S) -> bool:
    """End the group of process `pid` if it is still the one that was started at `birth`; tell whether it was."""
    if not pid or not birth or birth_of(pid) != birth:
        return False
    gone = threading.Event()
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
        for _ in range(int(grace_s / 0.05)):
            if birth_of(pid) != birth:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                return True
            gone.wait(0.05)
    return True
