"""A corpus of broken pictures and videos: whatever comes, it is answered or refused, and the server goes on."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture
from tests.serving.test_serve_videos import MP4, wait_for
from tests.serving.videos import video

# Pillow warns of what it finds odd in a header; here warnings are errors, in a server they are not.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

JPEG = {"Content-Type": "image/jpeg"}
FINE = {200, 400, 413, 415, 422}


def noisy(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, kind)
    return sink.getvalue()


def broken(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield `content` with bits turned, parts cut out, repeated, put to zero or one, or its end missing."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(len(data))
            size = chance.choice((1, 2, 4, 16, 64))
            match chance.randrange(6):
                case 0:
                    data[at] ^= 1 << chance.randrange(8)
                case 1:
                    del data[at : at + size]
                case 2:
                    data[at:at] = data[at : at + size]
                case 3:
                    data[at : at + size] = bytes(len(data[at : at + size]))
                case 4:
                    data[at : at + size] = b"\xff" * len(data[at : at + size])
                case _:
                    del data[at:]
            data = data or bytearray(b"x")
        yield bytes(data)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


HEADER = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
HAND_MADE = {
    "only a magic number": b"\x89PNG\r\n\x1a\n",
    "no pixels": png(HEADER, chunk(b"IEND", b"")),
    "no width": png(chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0)), chunk(b"IEND", b"")),
    "negative width": png(chunk(b"IHDR", struct.pack(">iIBBBBB", -8, 8, 8, 2, 0, 0, 0)), chunk(b"IEND", b"")),
    "unknown colours": png(chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 9, 0, 0, 0)), chunk(b"IEND", b"")),
    "a chunk longer than the file": png(HEADER, b"\x7f\xff\xff\xffIDAT"),
    "many chunks": png(HEADER, *[chunk(b"tEXt", b"a\0b")] * 20_000),
    "more pixels than the header says": png(
        HEADER, chunk(b"IDAT", zlib.compress(bytes(10_000_000))), chunk(b"IEND", b"")
    ),
    "JPEG without an end": picture(64, 64)[:-2],
    "JPEG with two heads": picture(8, 8)[:2] + picture(64, 64),
    "JPEG without tables": b"\xff\xd8\xff\xda\0\x0c\x03\1\0\2\x11\3\x11\0?\0" + bytes(50) + b"\xff\xd9",
    "EXIF that points outside": b"\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0\xff\xff\xff\xff" + picture(8, 8)[2:],
    "BMP whose pixels lie before the file": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 1, 40, 8, 8, 1, 24, 0, 0, 0, 0, 0, 0),
    "BMP of minus two thousand million rows": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, 8, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0),
    "WebP without a picture": b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0",
    "WebP that moves": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x07\0\0",
    "polyglot": picture(8, 8) + b"<script>alert(1)</script>PK\x03\x04",
    "TIFF": b"II*\0\x08\0\0\0\0\0",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
    "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix",
}
"""Each was once a way into some decoder, or would be one into ours."""


@pytest.fixture(scope="module")
def small(engine: Engine) -> Iterator[httpx.Client]:
    """A client of a server whose limits are small enough for thousands of requests."""
    limits = Limits(body_bytes=2_000_000, pixels=1_000_000, video_seconds=2, video_timeout_s=20, video_kept=2)
    with serving(create_app(engine, limits)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("name", HAND_MADE)
def test_picture_is_answered_or_refused_when_it_was_made_to_break_decoders(small: httpx.Client, name: str) -> None:
    answer = small.post("/predict", content=HAND_MADE[name], headers=JPEG)
    assert answer.status_code in FINE, answer.text
    if answer.status_code != 200:
        assert answer.json()["hint"]


def check_pictures(client: httpx.Client, kind: str, count: int) -> None:
    for content in broken(noisy(kind), count, seed=count):
        answer = client.post("/predict?format=jpeg", content=content, headers=JPEG)
        assert answer.status_code in FINE, (answer.text, content)
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_picture_is_answered_or_refused_when_it_is_broken(small: httpx.Client, kind: str) -> None:
    check_pictures(small, kind, 100)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_picture_is_answered_or_refused_when_it_is_broken_in_thousands_of_ways(small: httpx.Client, kind: str) -> None:
    check_pictures(small, kind, 3000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("mp4", "libx264"),
        ("webm", "libvpx"),
        ("avi", "mpeg4"),
        ("matroska", "libx264"),
        ("mov", "mpeg4"),
        ("avi", "rawvideo"),
    ],
)
def test_video_ends_well_or_fails_when_it_is_broken(small: httpx.Client, kind: str, codec: str) -> None:
    good = video(kind=kind, codec=codec, frames=4, size=(32, 32))
    ends = set()
    for content in broken(good, 10, seed=1):
        answer = small.post("/videos", content=content, headers=MP4)
        if answer.status_code == 202:
            status = wait_for(small, answer)
            ends.add(status["state"])
            assert "bug" not in status["detail"]
        else:
            assert answer.status_code in FINE
    assert ends <= {"done", "failed"}
    assert small.get("/healthz").status_code == 200
