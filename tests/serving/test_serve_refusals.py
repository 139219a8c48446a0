import struct
import zlib

import httpx
import pytest

from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header promises width × height pixels and that holds none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def refused(response: httpx.Response, status: int, detail: str) -> str:
    """Check the problem document, and return its hint."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert detail in problem["detail"]
    assert "Traceback" not in response.text
    hint: str = problem["hint"]
    assert hint
    return hint


def test_request_is_refused_when_the_body_is_empty(client: httpx.Client) -> None:
    assert "curl" in refused(client.post("/predict"), 400, "its content is empty")


def test_form_is_refused_when_the_part_has_another_name(client: httpx.Client) -> None:
    response = client.post("/predict", files={"image": picture(8, 8)})
    assert "`file`" in refused(response, 400, "no part `file` in the form; found ['image']")


def test_form_is_refused_when_the_file_is_a_text_field(client: httpx.Client) -> None:
    response = client.post("/predict", data={"file": "x"}, files={"other": b"x"})
    refused(response, 400, "no part `file`")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_form_is_refused_when_it_is_broken(client: httpx.Client, kind: str) -> None:
    refused(client.post("/predict", content=b"no form", headers={"Content-Type": kind}), 400, "form is broken")


def test_body_is_refused_when_it_names_an_address(client: httpx.Client) -> None:
    response = client.post("/predict", json={"url": "http://169.254.169.254/"})
    assert "addresses are not fetched" in refused(response, 422, "image: is missing; found ['url']")
    response = client.post("/predict", json={"image": "http://169.254.169.254/"})
    assert "addresses are not fetched" in refused(response, 422, "image 1: no base64, it begins with 'http://169.")


@pytest.mark.parametrize("content", [b"hello", b"GIF89a" + bytes(40), b"%PDF-1.4", b"<svg></svg>"])
def test_body_is_refused_when_it_is_no_picture(client: httpx.Client, content: bytes) -> None:
    hint = refused(client.post("/predict", content=content, headers=JPEG), 415, "no picture that is understood")
    assert hint == "send one of: JPEG, PNG, WEBP, BMP"


@pytest.mark.parametrize("content", [picture(64, 64)[:200], picture(64, 64, kind="PNG")[:60], huge_png(64, 64)])
def test_picture_is_refused_when_it_is_damaged(client: httpx.Client, content: bytes) -> None:
    assert client.post("/predict", content=content, headers=JPEG).status_code in (415, 422)


@pytest.mark.parametrize(("width", "height"), [(1001, 1000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_picture_is_refused_before_it_is_decoded_when_it_has_too_many_pixels(
    client: httpx.Client, width: int, height: int
) -> None:
    response = client.post("/predict", content=huge_png(width, height), headers=JPEG)
    assert response.status_code in (413, 422)
    if width < 2**31 - 1:
        refused(response, 413, "more than 1000000 pixels")


@pytest.mark.parametrize("size", [200_001, 5_000_000, 100_000_000])
def test_body_is_refused_when_it_is_too_large(client: httpx.Client, size: int) -> None:
    response = httpx.post(f"{client.base_url}/predict", content=bytes(size), headers=JPEG, timeout=30)
    refused(response, 413, "larger than 200000 bytes")


def test_body_is_refused_when_it_is_too_large_and_does_not_say_so(client: httpx.Client) -> None:
    chunks = (bytes(50_000) for _ in range(8))
    refused(client.post("/predict", content=chunks, headers=JPEG), 413, "larger than 200000 bytes")


def test_form_is_refused_when_its_file_is_too_large(client: httpx.Client) -> None:
    refused(client.post("/predict", files={"file": bytes(300_000)}), 413, "larger than 200000 bytes")


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("conf=2", "conf: input should be less than or equal to 1, found '2'"),
        ("conf=high", "conf: input should be a valid number"),
        ("conf=nan", "conf: "),
        ("max_det=0", "max_det: input should be greater than or equal to 1"),
        ("format=gif", "format: input should be 'json', 'image', 'jpeg', 'png' or 'webp', found 'gif'"),
        ("confidence=0.5", "confidence: no such option, found '0.5'"),
    ],
)
def test_option_is_refused_when_it_is_wrong(client: httpx.Client, query: str, detail: str) -> None:
    hint = refused(client.post(f"/predict?{query}", content=picture(64, 64), headers=JPEG), 422, detail)
    assert "max_det: Most boxes to report" in hint


def test_endpoints_are_named_when_the_path_or_method_is_wrong(client: httpx.Client) -> None:
    assert "POST /predict" in refused(client.get("/predictions"), 404, "GET /predictions: Not Found")
    response = client.get("/predict")
    refused(response, 405, "GET /predict: Method Not Allowed")
    assert response.headers["allow"] == "POST"
