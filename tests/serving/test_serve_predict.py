from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from tests.serving.pictures import picture

JPEG = {"Content-Type": "image/jpeg"}


def results(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["images"][0]["results"]
    return found


def test_boxes_have_ultralytics_shape_when_a_form_is_sent(client: httpx.Client) -> None:
    response = client.post("/predict", files={"file": ("a.jpg", picture(64, 64), "image/jpeg")})
    assert results(response) == [
        {"class": 0, "name": "plane", "confidence": 0.9, "box": {"x1": 8, "y1": 16, "x2": 24, "y2": 32}},
        {"class": 1, "name": "helicopter", "confidence": 0.6, "box": {"x1": 30, "y1": 20, "x2": 60, "y2": 44}},
    ]
    answer = response.json()
    assert answer["metadata"] == {"model": "planes", "version": 1}
    assert answer["images"][0]["shape"] == [64, 64]
    assert set(answer["images"][0]["speed"]) == {"queue", "decode", "preprocess", "inference", "postprocess"}
    assert response.headers["x-model-version"] == "1"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_boxes_are_the_same_when_the_body_is_the_picture(client: httpx.Client, kind: str) -> None:
    content = picture(64, 64, kind=kind)
    found = results(client.post("/predict", content=content, headers={"Content-Type": f"image/{kind.lower()}"}))
    assert [(box["name"], box["box"]["x1"]) for box in found] == [("plane", 8), ("helicopter", 30)]


def test_boxes_are_in_pixels_of_the_picture_when_it_is_larger_than_the_input(client: httpx.Client) -> None:
    found = results(client.post("/predict", content=picture(256, 128), headers=JPEG))
    assert found[0]["box"] == {"x1": 32, "y1": 0, "x2": 96, "y2": 64}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_picture_is_upright_when_exif_turns_it(client: httpx.Client, kind: str, orientation: int) -> None:
    response = client.post("/predict", content=picture(40, 20, kind=kind, orientation=orientation), headers=JPEG)
    assert results(response)
    assert response.json()["images"][0]["shape"] == ([20, 40] if orientation == 3 else [40, 20])


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_picture_is_understood_when_it_is_not_plain_colour(client: httpx.Client, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert results(client.post("/predict", content=picture(64, 64, kind=kind, mode=mode), headers=JPEG))


def test_options_count_when_sent_in_the_query_or_in_the_form(client: httpx.Client) -> None:
    content = picture(64, 64)
    files = {"file": ("a.jpg", content)}
    assert len(results(client.post("/predict?conf=0.7", content=content, headers=JPEG))) == 1
    assert len(results(client.post("/predict", files=files, data={"conf": "0.7"}))) == 1
    assert len(results(client.post("/predict?max_det=1", content=content, headers=JPEG))) == 1
    assert len(results(client.post("/predict", files=files, data={"iou": "0.99"}))) == 3


def test_answer_is_empty_when_nothing_is_found(client: httpx.Client) -> None:
    assert results(client.post("/predict?conf=0.95", content=picture(64, 64), headers=JPEG)) == []


@pytest.mark.parametrize(
    ("query", "accept"), [("?format=image", "*/*"), ("", "image/jpeg"), ("", "image/*;q=0.9, */*;q=0.1")]
)
def test_picture_with_boxes_comes_when_asked_for(client: httpx.Client, query: str, accept: str) -> None:
    response = client.post(f"/predict{query}", content=picture(128, 96), headers={**JPEG, "Accept": accept})
    assert response.headers["content-type"] == "image/jpeg"
    drawn = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape == (96, 128, 3)
    assert drawn.min() < 200 < drawn.max()


def test_json_comes_when_the_query_overrules_the_header(client: httpx.Client) -> None:
    headers = {**JPEG, "Accept": "image/jpeg"}
    assert results(client.post("/predict?format=json", content=picture(64, 64), headers=headers))


def test_answers_belong_to_their_requests_when_many_come_at_once(client: httpx.Client) -> None:
    sizes = [(64 + 8 * index, 64) for index in range(24)]

    def shape(size: tuple[int, int]) -> list[int]:
        response = client.post("/predict", content=picture(*size), headers=JPEG)
        assert results(response)
        found: list[int] = response.json()["images"][0]["shape"]
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shape, sizes)) == [[height, width] for width, height in sizes]


def test_server_goes_on_when_a_client_leaves_in_the_middle(client: httpx.Client) -> None:
    def broken() -> Any:
        yield b"\xff\xd8"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        httpx.post(f"{client.base_url}/predict", content=broken(), headers=JPEG)
    assert results(client.post("/predict", content=picture(64, 64), headers=JPEG))


def test_model_is_described_when_asked_for(client: httpx.Client) -> None:
    model = client.get("/model").json()
    assert (model["name"], model["version"], model["classes"]) == ("planes", 1, ["plane", "helicopter"])
    assert (model["input"]["width"], model["metrics"]) == (64, {"map50": 0.91})
    assert len(model["sha256"]) == 64


def test_health_docs_and_schema_answer_when_asked_for(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "conf",
        "iou",
        "max_det",
        "classes",
        "imgsz",
        "model",
        "format",
    }
    assert "file" in operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]


def test_health_answers_when_pictures_are_in_work(client: httpx.Client) -> None:
    content = picture(1000, 1000)

    def draw() -> int:
        return client.post("/predict?format=image", content=content, headers=JPEG).status_code

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(draw) for _ in range(12)]
        answered = 0
        while not all(future.done() for future in waiting):
            assert client.get("/healthz").status_code == 200
            answered += 1
    assert [future.result() for future in waiting] == [200] * 12
    assert answered > 1
