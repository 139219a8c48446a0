"""Clients that cost next to nothing: HTTP/1.1 on bare sockets, requests made beforehand.

Started as a process of its own, on its own core: reads one order a line, answers with a line of JSON.
"""

import asyncio
import base64
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BOUNDARY = "the-boundary"


@dataclass(frozen=True, slots=True)
class Order:
    """What to ask.

    Attributes:
        port: Of the server, on this machine.
        path: With its query.
        shape: `raw`, `multipart`, or `v1`, KServe's JSON with base64.
        pictures: Files, taken in turns.
        clients: Each asks again when it has its answer; with a `rate`, the most at once.
        requests: How many in all; 0 for as many as the time allows.
        seconds: How long; 0 until all are answered.
        rate: Requests a second, whether answered or not; 0: as fast as the clients can.
        probe: Path that is asked every 100 ms besides; empty for none.
    """

    port: int
    path: str
    shape: str
    pictures: tuple[str, ...]
    clients: int = 1
    requests: int = 0
    seconds: float = 0
    rate: float = 0
    probe: str = ""

    def line(self) -> str:
        """Spell the order as a line."""
        return json.dumps(asdict(self)) + "\n"


def request_bytes(order: Order, path: str) -> bytes:
    """Return a whole request with the picture at `path`."""
    content, kind = Path(path).read_bytes(), "image/jpeg"
    if order.shape == "multipart":
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        content = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
    elif order.shape == "v1":
        content = json.dumps({"instances": [{"image": {"b64": base64.b64encode(content).decode()}}]}).encode()
        kind = "application/json"
    head = (
        f"POST {order.path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Connection:
    """One connection, kept as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request, read its answer, return the status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
        await reader.readexactly(length)
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Close it."""
        if self._streams:
            self._streams[1].close()
        self._streams = None


class Run:
    """Carries one order out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.requests = [request_bytes(order, path) for path in order.pictures]
        self.answers: list[tuple[int, float]] = []
        self.in_time = self.answers
        self.probes: list[float] = []
        self._sent = 0
        self._began = time.perf_counter()

    def more(self) -> bool:
        """Tell whether another request is to be sent."""
        order = self.order
        late = order.seconds and time.perf_counter() - self._began >= order.seconds
        return not late and not (order.requests and self._sent >= order.requests)

    async def ask(self, connection: Connection, since: float) -> None:
        """Send the next picture; its time counts from `since`."""
        request = self.requests[self._sent % len(self.requests)]
        self._sent += 1
        try:
            status = await connection.ask(request)
        except (OSError, asyncio.IncompleteReadError):
            status = 0
            connection.close()
        self.answers.append((status, time.perf_counter() - since))

    async def closed(self) -> None:
        """Be one client that asks again when it has its answer."""
        connection = Connection(self.order.port)
        while self.more():
            await self.ask(connection, time.perf_counter())
        connection.close()

    async def open(self) -> None:
        """Send at a fixed rate, answered or not."""
        idle: list[Connection] = []
        pending: set[asyncio.Task[None]] = set()

        async def one(due: float) -> None:
            connection = idle.pop() if idle else Connection(self.order.port)
            await self.ask(connection, due)
            idle.append(connection)

        number = 0
        while self.more():
            due = self._began + number / self.order.rate
            await asyncio.sleep(max(0, due - time.perf_counter()))
            if len(pending) < self.order.clients:
                task = asyncio.create_task(one(due))
                pending.add(task)
                task.add_done_callback(pending.discard)
            number += 1
        self.in_time = list(self.answers)
        await asyncio.gather(*pending)
        for connection in idle:
            connection.close()

    async def probe(self) -> None:
        """Ask for the server's health, again and again."""
        request = f"GET {self.order.probe} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        connection = Connection(self.order.port)
        while True:
            began = time.perf_counter()
            await connection.ask(request)
            self.probes.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.1)

    async def run(self) -> dict[str, Any]:
        """Carry it out, and return what came of it; milliseconds by status."""
        probe = asyncio.create_task(self.probe()) if self.order.probe else None
        self._began = time.perf_counter()
        if self.order.rate:
            await self.open()
        else:
            await asyncio.gather(*(self.closed() for _ in range(self.order.clients)))
        took = self.order.seconds if self.order.rate else time.perf_counter() - self._began
        if probe:
            probe.cancel()
        ms: dict[int, list[float]] = {}
        for status, seconds in self.in_time:
            ms.setdefault(status, []).append(1000 * seconds)
        late = Counter(status for status, _ in self.answers[len(self.in_time) :])
        return {"seconds": took, "ms": ms, "late": late, "probe_ms": self.probes}


def main() -> None:
    """Carry out orders until stdin ends."""
    for line in sys.stdin:
        given = json.loads(line)
        order = Order(**{**given, "pictures": tuple(given["pictures"])})
        print(json.dumps(asyncio.run(Run(order).run())), flush=True)


if __name__ == "__main__":
    main()
