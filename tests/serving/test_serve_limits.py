"""Attacks on the limits: bytes, pixels, formats, batches, and all of them at once."""

import asyncio
import base64
import io
import resource
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image, PngImagePlugin

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.factories_model import write_model
from tests.serving.conftest import SMALL
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}


def flat(width: int, height: int, kind: str) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (width, height)).save(sink, kind)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_memory_does_not_grow_when_small_files_hold_many_pixels(engine: Engine, kind: str) -> None:
    content = flat(5000, 5000, kind)  # 75 MB when decoded
    with serving(create_app(engine, Limits(pixels=24_000_000, body_bytes=50_000_000))) as url:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(3):
            answer = httpx.post(f"{url}/predict", content=content, headers=JPEG)
            assert (answer.status_code, answer.json()["detail"]) == (413, "the picture has more than 24000000 pixels")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000 + 4 * len(content) // 1000


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFF, 1000])
def test_memory_does_not_grow_when_a_chunk_says_that_it_is_long(client: httpx.Client, length: int) -> None:
    content = bytearray(flat(24, 24, "PNG"))
    at = content.index(b"IDAT") - 4
    content[at : at + 4] = length.to_bytes(4, "big")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/predict", content=bytes(content), headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "the picture is damaged: a chunk is longer than the file",
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_nothing_is_decoded_when_pictures_together_have_too_many_pixels(client: httpx.Client) -> None:
    content = flat(600, 600, "PNG")
    files = [("file", content)] * 3
    answer = client.post("/predict", files=files)
    assert (answer.status_code, answer.json()["detail"]) == (413, "the pictures together have more than 1000000 pixels")
    assert client.post("/predict", files=files[:2]).status_code == 200


def test_answers_are_in_order_when_a_batch_is_sent(client: httpx.Client) -> None:
    sizes = [(64, 32), (32, 64), (80, 80)]
    answer = client.post("/predict", files=[("file", picture(*size)) for size in sizes]).json()
    assert [image["shape"] for image in answer["images"]] == [[32, 64], [64, 32], [80, 80]]
    texts = [base64.b64encode(picture(*size)).decode() for size in sizes]
    assert [image["shape"] for image in client.post("/predict", json={"image": texts}).json()["images"]] == [
        image["shape"] for image in answer["images"]
    ]


def test_batch_is_refused_when_one_of_it_is_wrong_or_it_is_too_large(client: httpx.Client) -> None:
    mixed = client.post("/predict", files=[("file", picture(8, 8)), ("file", b"no picture")]).json()
    assert (mixed["status"], mixed["detail"][:16]) == (415, "picture 2 of 2: ")
    many = client.post("/predict", files=[("file", picture(8, 8))] * 17)
    assert (many.status_code, many.json()["detail"]) == (413, "more than 16 pictures in one request")
    more = client.post("/predict", files=[("file", picture(8, 8))] * 40)
    assert (more.status_code, more.json()["detail"]) == (
        400,
        "the multipart form is broken: Too many files. Maximum number of files is 17.",
    )
    drawn = client.post("/predict?format=png", files=[("file", picture(8, 8))] * 2)
    assert (drawn.status_code, drawn.json()["detail"]) == (422, "format: png for 2 pictures")


def test_picture_is_refused_when_its_format_is_not_allowed(engine: Engine) -> None:
    with serving(create_app(engine, Limits(formats=("PNG",)))) as url:
        refused = httpx.post(f"{url}/predict", content=picture(8, 8), headers=JPEG)
        assert (refused.status_code, refused.json()["hint"]) == (415, "send one of: PNG")
        content = picture(8, 8, kind="PNG")
        assert httpx.post(f"{url}/predict", content=content, headers=JPEG).status_code == 200


@pytest.mark.parametrize("chunk", [b"zTXt", b"iCCP", b"iTXt"])
def test_header_costs_little_when_it_holds_a_bomb(client: httpx.Client, chunk: bytes) -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    start = {b"zTXt": b"k\0\0", b"iCCP": b"k\0\0", b"iTXt": b"k\0\1\0\0\0"}[chunk]
    sink = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add(chunk, start + bomb)
    Image.new("RGB", (8, 8), "white").save(sink, "PNG", pnginfo=info)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/predict", content=sink.getvalue(), headers=JPEG)
    assert answer.status_code in (200, 413, 422)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_several_shots_in_one_file_are_one_picture(client: httpx.Client) -> None:
    sink = io.BytesIO()
    first, second = Image.new("RGB", (64, 64), "white"), Image.new("RGB", (64, 64), "white")
    first.save(sink, "MPO", save_all=True, append_images=[second])
    assert client.post("/predict", content=sink.getvalue(), headers=JPEG).status_code == 200


@pytest.mark.parametrize(("depth", "white"), [("I;16", 65535), ("LA", (255, 255)), ("1", 1), ("RGBA", (255,) * 4)])
def test_picture_is_understood_when_its_pixels_are_unusual(
    client: httpx.Client, depth: str, white: int | tuple[int, ...]
) -> None:
    sink = io.BytesIO()
    Image.new(depth, (64, 64), white).save(sink, "PNG")
    answer = client.post("/predict", content=sink.getvalue(), headers=JPEG)
    assert len(answer.json()["images"][0]["results"]) == 2


def test_one_is_sent_away_when_the_bodies_of_others_fill_the_memory(engine: Engine) -> None:
    limits = Limits(body_bytes=100_000, held_bytes=150_000, body_timeout_s=20)
    content = picture(8, 8)

    async def talk() -> list[int]:
        url = httpx.URL(address)
        _, writer = await asyncio.open_connection(url.host, url.port or 0)
        writer.write(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 90000\r\n\r\nabc"
        )
        await writer.drain()
        async with httpx.AsyncClient(base_url=address) as client:
            statuses = []
            for size in (90_000, len(content)):
                await asyncio.sleep(0.2)
                answer = await client.post("/predict", content=content + bytes(size - len(content)), headers=JPEG)
                statuses.append(answer.status_code)
            writer.close()
            await writer.wait_closed()
            await asyncio.sleep(0.3)
            answer = await client.post("/predict", content=content + bytes(90_000 - len(content)), headers=JPEG)
            return [*statuses, answer.status_code]

    with serving(create_app(engine, limits)) as address:
        assert asyncio.run(talk()) == [429, 200, 200]


def test_fields_of_a_form_cannot_fill_the_memory(client: httpx.Client) -> None:
    many = client.post("/predict", files={"file": picture(8, 8)}, data={f"a{at}": "x" for at in range(17)})
    assert (many.status_code, many.json()["detail"][:28]) == (400, "the multipart form is broken")
    large = client.post("/predict", files={"file": picture(8, 8)}, data={"model": "x" * 100_000})
    assert large.status_code == 422
    assert len(large.text) < 2000


def test_overload_is_told_with_a_time_to_come_back(tmp_path: Path) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        serving(create_app(Engine(write_model(tmp_path / "m"), pool, most=0), SMALL)) as url,
    ):
        answer = httpx.post(f"{url}/predict", content=picture(8, 8), headers=JPEG)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_picture_comes_in_the_format_that_is_preferred(client: httpx.Client) -> None:
    for accept, kind in (
        ("image/webp", "image/webp"),
        ("application/json;q=0.5, image/png;q=0.9", "image/png"),
        ("image/png;q=0.3, application/json", "application/json"),
        ("text/html", "application/json"),
        ("image/avif, image/webp;q=0.8, */*;q=0.1", "image/webp"),
        ("image/png;q=x", "application/json"),
        ("image/png;q=nan", "application/json"),
    ):
        answer = client.post("/predict", content=picture(8, 8), headers={**JPEG, "Accept": accept})
        assert answer.headers["content-type"] == kind, accept


def test_picture_is_refused_when_the_format_asked_for_cannot_hold_it(engine: Engine) -> None:
    with serving(create_app(engine, Limits())) as url:
        answer = httpx.post(f"{url}/predict?format=webp", content=flat(20_000, 2, "PNG"), headers=JPEG)
    assert (answer.status_code, answer.json()["detail"]) == (422, "webp cannot hold a picture of 20000 × 2 pixels")


def test_request_id_is_given_back_when_it_is_one(client: httpx.Client) -> None:
    for given, back in (("abc-1", "abc-1"), ("x" * 200, "made-up")):
        answer = client.post("/predict", content=picture(8, 8), headers={**JPEG, "X-Request-Id": given})
        assert answer.headers["x-request-id"] == back
