"""Clients that send what is broken, wrong or too much, that stall, and that leave before they are answered."""

import itertools
import json
import random
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import httpx

from tests.bench.soak_desk import PICTURES, Desk
from tests.bench.soak_ledger import GOOD, result_rows
from tests.bench.soak_server import BATCH, BODY_BYTES
from tests.bench.soak_versions import NAME
from tests.serving.pictures import picture
from tests.serving.test_serve_corpus import FINE, HAND_MADE, broken, noisy
from tests.serving.videos import video

CROWD = 24
"""Requests at once, of a whole batch each: more than the server lets wait."""

BROKEN = FINE | {429, 504}
WRONG = frozenset({400, 404, 405, 413, 415, 422, 429})
LEFT = GOOD | {0, 400, 408}
"""Of a client that stalls or leaves."""

VIDEO_S = 60.0


@cache
def _large() -> bytes:
    return picture(1500, 1500)


@cache
def _videos() -> tuple[bytes, ...]:
    return tuple(video(frames=count, size=(64, 64), codec=codec) for count, codec in ((2, "libx264"), (5, "mpeg4")))


def ask_broken(desk: Desk) -> None:
    """Send a broken picture: one made to break decoders, or a good one that was damaged."""
    if desk.chance.random() < 0.3:
        content = desk.chance.choice(list(HAND_MADE.values()))
    else:
        kind = desk.chance.choice(("JPEG", "PNG", "WEBP", "BMP"))
        (content,) = broken(noisy(kind), 1, seed=desk.chance.randrange(2**31))
    contents = [content, *desk.pictures(desk.chance.randrange(3))[1]]
    if len(contents) == 1 and desk.chance.random() < 0.5:
        headers = {"Content-Type": "image/jpeg"}
        desk.ask("broken", "POST /predict", params={"format": "png"}, content=content, headers=headers, fine=BROKEN)
    else:
        desk.ask("broken", "POST /predict", files=[("file", content) for content in contents], fine=BROKEN)


def ask_wrongly(desk: Desk) -> None:
    """Ask for what there is not, or in a way that is not understood."""
    good = PICTURES[64][0]
    jpeg = {"Content-Type": "image/jpeg"}
    match desk.chance.randrange(10):
        case 0:
            desk.ask("wrong", "POST /predict", params={"conf": 7}, content=good, headers=jpeg, fine=WRONG)
        case 1:
            desk.ask("wrong", "POST /predict", params={"model": "boats"}, content=good, headers=jpeg, fine=WRONG)
        case 2:
            desk.ask("wrong", "POST /predict", files=[("file", good)] * (BATCH + 1), fine=WRONG)
        case 3:
            desk.ask("wrong", "POST /predict", content=bytes(BODY_BYTES + 1), headers=jpeg, fine=WRONG)
        case 4:
            desk.ask("wrong", "POST /predict", json={"image": "http://127.0.0.1/"}, fine=WRONG)
        case 5:
            desk.ask("wrong", "POST /v1/models/{name}:predict", f"/v1/models/{NAME}:predict", json={}, fine=WRONG)
        case 6:
            asked = {"inputs": [{"name": "image", "datatype": "FP32", "shape": [1], "data": [0.5]}]}
            desk.ask("wrong", "POST /v2/models/{name}/infer", f"/v2/models/{NAME}/infer", json=asked, fine=WRONG)
        case 7:
            desk.ask("wrong", "GET /videos/{number}", "/videos/none", fine=WRONG)
        case 8:
            desk.ask("wrong", "POST /videos", content=b"no video", headers={"Content-Type": "video/mp4"}, fine=WRONG)
        case _:
            desk.ask("wrong", "POST /predict", params={"classes": "boat"}, content=good, headers=jpeg, fine=WRONG)


def ask_in_a_crowd(desk: Desk) -> None:
    """Ask many times at once, with whole batches of large pictures."""

    def ask(_number: int) -> None:
        with httpx.Client(base_url=desk.server.url, timeout=60) as http:  # Of its own: they come all at once.
            answer = replace(desk, http=http).ask("crowd", "POST /predict", files=[("file", _large())] * BATCH)
        if answer:
            desk.note(answer, [1500] * BATCH, answer.json()["images"], {})

    with ThreadPoolExecutor(CROWD) as executor:
        list(executor.map(ask, range(CROWD)))


def look(desk: Desk) -> None:
    """Ask what machines and the page ask."""
    for operation in ("GET /model", "GET /healthz", "GET /readyz", "GET /v2/health/ready", "GET /v1/models"):
        answer = desk.ask("watching", operation, fine={200})
        if answer and operation == "GET /model":
            desk.ledger.describe(answer.json()["version"], answer.json()["sha256"])
    for path in ("/", "/metrics", "/openapi.json"):
        status = desk.http.get(path).status_code
        if status != 200:
            desk.ledger.answer("watching", "", status, path, fine={200})


def send_video(desk: Desk) -> None:
    """Send a short video, and wait for what becomes of it; some are broken, some are cancelled."""
    content, whole = desk.chance.choice(_videos()), desk.chance.random() < 0.7
    if not whole:
        (content,) = broken(content, 1, seed=desk.chance.randrange(2**31))
    headers = {"Content-Type": "video/mp4"}
    sent = desk.ask("videos", "POST /videos", content=content, headers=headers, fine=GOOD if whole else BROKEN | {202})
    if not sent:
        return
    number = sent.json()["id"]
    path, end = f"/videos/{number}", time.monotonic() + VIDEO_S
    if desk.chance.random() < 0.2:
        desk.ask("videos", "DELETE /videos/{number}", path)
        return
    state = "waiting"
    while state in ("waiting", "running"):
        if time.monotonic() > end:
            desk.ledger.answer("videos", "GET /videos/{number}", 0, f"{state} for {VIDEO_S:g} s")
            return
        time.sleep(0.2)
        told = desk.ask("videos", "GET /videos/{number}", path)
        state = told.json()["state"] if told else "gone"
    lines = desk.ask("videos", "GET /videos/{number}/lines", f"{path}/lines", fine=GOOD if whole else GOOD | {404})
    if whole and state != "done":
        desk.ledger.answer("videos", "GET /videos/{number}", 0, f"a whole video ended as {state}: {told and told.text}")
    for frame in map(json.loads, lines.text.splitlines() if lines and whole else ()):
        desk.note_one(frame["version"], result_rows(frame["results"], frame["shape"][0]), {})
    if state == "done":
        desk.ask("videos", "GET /videos/{number}/video", f"{path}/video")


def stall(desk: Desk) -> None:
    """Open a connection, and send slowly, or in part, or leave."""
    way = desk.chance.choice((_half_head, _half_body, _leave_in_the_body, _leave_unanswered, _leave_unread, _drip))
    try:
        with socket.create_connection(("127.0.0.1", desk.server.port), timeout=30) as connection:
            status = way(connection, desk.chance)
    except OSError:
        status = 0
    fine = LEFT if way is not _drip else GOOD
    desk.ledger.answer("stalling", "POST /predict" if status else "", status, way.__name__, fine=fine)


def _head(length: int, query: str = "") -> bytes:
    line = f"POST /predict{query} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
    return f"{line}Content-Length: {length}\r\n\r\n".encode()


def _status(connection: socket.socket) -> int:
    received = connection.recv(4096)
    return int(received.split(b" ", 2)[1]) if received else 0


def _half_head(connection: socket.socket, _chance: random.Random) -> int:
    connection.sendall(_head(10)[:40])
    return _status(connection)


def _half_body(connection: socket.socket, chance: random.Random) -> int:
    connection.sendall(_head(chance.choice((500, 1_500_000))) + b"\xff\xd8")
    return _status(connection)


def _leave_in_the_body(connection: socket.socket, chance: random.Random) -> int:
    connection.sendall(_head(500_000) + bytes(chance.randrange(100_000)))
    _hang_up(connection, chance)
    return 0


def _leave_unanswered(connection: socket.socket, chance: random.Random) -> int:
    content = _large()
    connection.sendall(_head(len(content), "?format=png") + content)
    time.sleep(chance.uniform(0, 0.1))
    _hang_up(connection, chance)
    return 0


def _leave_unread(connection: socket.socket, chance: random.Random) -> int:
    content = _large()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(chance.randrange(1, 6)):
        connection.sendall(_head(len(content), "?format=png") + content)
    time.sleep(chance.uniform(0, 3))
    _hang_up(connection, chance)
    return 0


def _drip(connection: socket.socket, _chance: random.Random) -> int:
    content = PICTURES[64][0]
    connection.sendall(_head(len(content)))
    size = -(-len(content) // 10)
    for at in itertools.count(0, size):
        if at >= len(content):
            return _status(connection)
        connection.sendall(content[at : at + size])
        time.sleep(0.1)
    raise AssertionError


def _hang_up(connection: socket.socket, chance: random.Random) -> None:
    """Close, or, half of the time, reset the connection."""
    if chance.random() < 0.5:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


STRANGERS: tuple[tuple[Callable[[Desk], None], float], ...] = (
    (ask_broken, 0.1),
    (ask_wrongly, 0.2),
    (ask_in_a_crowd, 4.0),
    (look, 0.5),
    (send_video, 3.0),
    (stall, 0.3),
    (stall, 0.3),
)
"""Who they are, and the seconds that each waits between two requests on average."""
