"""base64 as encoders of all languages write it, in each of the places that take it."""

import base64
import textwrap
from collections.abc import Callable

import httpx
import pytest

from steps.serve.picture import from_base64
from steps.serve.problem import Problem
from tests.serving.pictures import picture

# BMP, whose length leaves room for padding, and whose bytes use both letters that differ between the alphabets.
CONTENT = picture(60, 40, kind="BMP") + b"\xfb\xef\xbe\xff\xff\xff\xfb"
PLAIN = base64.b64encode(CONTENT).decode()
SAFE = base64.urlsafe_b64encode(CONTENT).decode()

SPELLINGS = {
    "plain": PLAIN,
    "lines of 76, as MIME has them": base64.encodebytes(CONTENT).decode(),
    "lines that end as on Windows": "\r\n".join(textwrap.wrap(PLAIN, 64)),
    "indented lines": "\n    ".join(textwrap.wrap(PLAIN, 76)),
    "line break at the end, as `base64 -w0; echo` writes it": PLAIN + "\n",
    "URL-safe": SAFE,
    "not padded": PLAIN.rstrip("="),
    "URL-safe and not padded, as in a JWT": SAFE.rstrip("="),
    "URL-safe, in lines, not padded": "\n".join(textwrap.wrap(SAFE.rstrip("="), 76)),
    "data URL": f"data:image/bmp;base64,{PLAIN}",
    "data URL, escaped": f"data:image/bmp;base64,{PLAIN.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
    "data URL in upper case, in lines": f"DATA:image/bmp;base64,{base64.encodebytes(CONTENT).decode()}",
}

Send = Callable[[httpx.Client, str], httpx.Response]
PLACES: dict[str, Send] = {
    "/predict": lambda client, text: client.post("/predict", json={"image": text}),
    "/predict, a list": lambda client, text: client.post("/predict", json={"image": [text, text]}),
    "V1": lambda client, text: client.post("/v1/models/planes:predict", json={"instances": [{"image": {"b64": text}}]}),
    "V1, the text itself": lambda client, text: client.post("/v1/models/planes:predict", json={"instances": [text]}),
    "V1 explain": lambda client, text: client.post(
        "/v1/models/planes:explain", json={"instances": [{"b64": text}], "parameters": {"grid": 3}}
    ),
    "V2": lambda client, text: client.post(
        "/v2/models/planes/infer",
        json={"inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}]},
    ),
}


def test_content_uses_what_encoders_differ_in() -> None:
    assert {"+", "/", "="} <= set(PLAIN)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_bytes_are_the_same_when_encoders_differ(spelling: str) -> None:
    assert from_base64(spelling, "image") == CONTENT


@pytest.mark.parametrize("send", PLACES.values(), ids=PLACES.keys())
def test_picture_is_found_when_its_base64_is_url_safe_in_lines_and_not_padded(client: httpx.Client, send: Send) -> None:
    answer = send(client, SPELLINGS["URL-safe, in lines, not padded"])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "text", [PLAIN[:-3] + "!==", "AAAAA", f"{PLAIN[:8]} {PLAIN[8:]}", "AA==BB", "é", "https://a/b.jpg"]
)
def test_text_is_refused_when_it_is_no_base64(text: str) -> None:
    with pytest.raises(Problem, match="image: no base64, it begins with"):
        from_base64(text, "image")
