"""The servers that are compared: each a process, all on one core; and the clients' process, on another."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.serve_answer import NAME
from tests.bench.serve_client import Order

ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".argosight" / "bench-serve"
"""Environment of LitServe and KServe: made by `ensure_peers`, thrown away at will."""

READY_S = 120.0
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Arm:
    """A server that runs.

    Attributes:
        title: For people.
        port: Where it listens.
        path: What is asked.
        shape: How the picture is sent.
        process: Its process.
        ready_s: Seconds from its start until it said that it was ready, where it does.
    """

    title: str
    port: int
    path: str
    shape: str
    process: "subprocess.Popen[str]"
    ready_s: float = 0

    def cpu_s(self) -> float:
        """Return the seconds of processor time that it and its children have used."""
        return sum(_cpu_s(pid) for pid in _family(self.process.pid))

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Return the memory of all its processes, in MB; `VmHWM` is the most it ever was."""
        return sum(_memory_mb(pid, field) for pid in _family(self.process.pid))


class Pipe:
    """A process that answers lines with lines of JSON."""

    def __init__(self, command: Sequence[str], core: int) -> None:
        self._process = subprocess.Popen(
            pinned(command, core), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def ask(self, line: str) -> Any:
        """Return what it answers to `line`."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line)
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self._process.args!s} ended with {self._process.wait(10)}")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def pinned(command: Sequence[str], core: int) -> list[str]:
    """Return `command` so that it runs on one core only, where the machine has `taskset`."""
    return ["taskset", "-c", str(core), *command]


def cores() -> tuple[int, int]:
    """Return the core of the servers and that of the clients; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def ensure_peers() -> Path | None:
    """Make the environment of the peers where it is missing, and return its Python; None where that fails."""
    python, wanted = PEERS / "bin" / "python", ROOT / "requirements" / "bench-serve.txt"
    stamp = PEERS / "locked.txt"
    if stamp.is_file() and stamp.read_bytes() == wanted.read_bytes():
        return python
    uv = str(Path(sys.executable).parent / "uv")
    try:
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(PEERS)], check=True, timeout=60)
        command = [uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(wanted)]
        subprocess.run(command, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no peers: {error}")
        return None
    stamp.write_bytes(wanted.read_bytes())
    return python


@contextmanager
def ours(registry: Path, work: Path, core: int, *flags: str) -> Iterator[Arm]:
    """Run our server."""
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "steps",
        "serve",
        f"--registry={registry}",
        f"--model-name={NAME}",
        "--port=0",
        *flags,
    ]
    work.mkdir(parents=True, exist_ok=True)
    with (work / "log").open("w") as log:
        process = _start(command, core, {"STEP_WORK": str(work)}, stdout=subprocess.PIPE, stderr=log)
    with _stopping(process):
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise SystemExit((work / "log").read_text())
        port = json.loads(line)["port"]
        yield Arm("ours", port, "/predict", "raw", process, time.perf_counter() - began)


@contextmanager
def peer(
    title: str, command: Sequence[str], core: int, path: str, shape: str, picture: Path, log: Path
) -> Iterator[Arm]:
    """Run another server, whose command ends with port and model, and wait until it answers a picture."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spelled = [part.replace("PORT", str(port)) for part in command]
    with log.open("w") as sink:
        process = _start(spelled, core, {"PYTHONPATH": str(ROOT)}, stdout=sink, stderr=sink)
    with _stopping(process), ExitStack() as stack:
        client = Pipe([sys.executable, "-m", "tests.bench.serve_client"], core)
        stack.callback(client.close)
        order = Order(port, path, shape, (str(picture),), requests=1)
        end = time.monotonic() + READY_S
        while "200" not in (found := client.ask(order.line())["ms"]):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{title} does not answer ({found}); its log ends:\n{log.read_text()[-2000:]}")
            time.sleep(0.3)
        _hold(process.pid, core)
        yield Arm(title, port, path, shape, process)


def _start(command: Sequence[str], core: int, more: dict[str, str], **streams: Any) -> "subprocess.Popen[str]":
    offline = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "HF_HUB_OFFLINE": "1"}
    environment = os.environ | offline | more
    return subprocess.Popen(
        pinned(command, core), env=environment, cwd=ROOT, text=True, start_new_session=True, **streams
    )


@contextmanager
def _stopping(process: "subprocess.Popen[str]") -> Iterator[None]:
    try:
        yield
    finally:
        family = _family(process.pid)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        for pid in family[1:]:  # What a killed server leaves behind; ours, by their ids.
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue


def _hold(pid: int, core: int) -> None:
    """Bring every thread back to `core`: ONNX Runtime left alone binds its own to others, which no container would allow."""
    for one in _family(pid):
        for thread in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def _family(pid: int) -> list[int]:
    """Return `pid` and its descendants."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            found.extend(int(child) for child in children.read_text().split())
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory_mb(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), 0.0)
