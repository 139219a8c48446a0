"""Where a client asks, what it keeps of the answers, and how it goes on asking."""

import random
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.bench.soak_ledger import GOOD, Ledger, Seen, Sighting, result_rows
from tests.bench.soak_server import Server
from tests.serving.pictures import picture

SIZES = (64, 200, 640)
PICTURES = {size: [picture(size, size, kind=kind) for kind in ("JPEG", "PNG", "WEBP")] for size in SIZES}


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one client asks.

    Attributes:
        server: That it asks.
        ledger: That every answer goes to.
        chance: Its dice.
        http: Its connections.
    """

    server: Server
    ledger: Ledger
    chance: random.Random
    http: httpx.Client

    def ask(
        self, kind: str, operation: str, path: str = "", *, fine: Collection[int] = GOOD, **how: Any
    ) -> httpx.Response | None:
        """Send a request, count its answer, and return it where it is a good one.

        `operation` is the method and the path of the OpenAPI document, `path` the real one where that has places in it.
        """
        method, _, template = operation.partition(" ")
        identity = uuid4().hex
        headers = {"X-Request-Id": identity, **how.pop("headers", {})}
        try:
            answer = self.http.request(method, path or template, headers=headers, **how)
        except httpx.TransportError as error:
            self.ledger.answer(kind, operation, 0, repr(error), fine=fine)
            return None
        good = answer.status_code < 300
        self.ledger.answer(kind, operation, answer.status_code, "" if good else answer.text, fine=fine)
        told = answer.headers.get("x-request-id", identity)
        if told != identity:
            self.ledger.accuse(f"{kind}: {operation} answered request {told}, {identity} was asked")
        return answer if good else None

    def pictures(self, count: int) -> tuple[list[int], list[bytes]]:
        """Return sizes and contents of some pictures."""
        sizes = [self.chance.choice(SIZES) for _ in range(count)]
        return sizes, [self.chance.choice(PICTURES[size]) for size in sizes]

    def note(self, answer: httpx.Response, sizes: list[int], images: list[Any], asked: dict[str, str]) -> None:
        """Keep what an answer in Ultralytics' shape holds, and look whether its parts belong together."""
        about = answer.json()["metadata"]
        found = [image["shape"] for image in images]
        if found != [[size, size] for size in sizes] or answer.headers["x-model-version"] != str(about["version"]):
            self.ledger.accuse(f"pictures of {sizes}, header {answer.headers}: {answer.text}")
            return
        for size, image in zip(sizes, images, strict=True):
            self.note_one(about["version"], result_rows(image["results"], size), asked)

    def note_one(self, version: int, rows: Seen, asked: dict[str, str]) -> None:
        """Keep what was seen on one picture."""
        self.ledger.note(Sighting(version, rows, int(asked.get("imgsz", 0)), int(asked.get("classes", -1))))

    def options(self) -> dict[str, str]:
        """Return options that change what is seen, or none."""
        size, label = self.chance.choice(("64", "96")), self.chance.choice(("0", "1"))
        return self.chance.choice([{}, {}, {"imgsz": size}, {"classes": label}])


class Guest(threading.Thread):
    """A client that asks again and again, with pauses, until the soak ends."""

    def __init__(self, ask: Callable[[Desk], None], server: Server, ledger: Ledger, seed: int, pause_s: float) -> None:
        super().__init__(name=getattr(ask, "__name__", "guest"), daemon=True)
        self._ask, self._pause_s = ask, pause_s
        limits = httpx.Limits(keepalive_expiry=2)
        http = httpx.Client(base_url=server.url, timeout=60, limits=limits)
        self._desk = Desk(server, ledger, random.Random(seed), http)
        self.fault = ""

    def run(self) -> None:
        """Ask."""
        with self._desk.http:
            while not self._desk.ledger.ended.wait(self._desk.chance.uniform(0, 2 * self._pause_s)):
                try:
                    self._ask(self._desk)
                except Exception as error:
                    self.fault = f"{self.name} could not read an answer: {type(error).__name__}: {error}"
                    raise
