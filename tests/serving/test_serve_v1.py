import base64
import json

import cv2
import httpx
import numpy as np
import pytest

from tests.serving.pictures import picture

WHITE = base64.b64encode(picture(64, 64)).decode()
PREDICT, EXPLAIN = "/v1/models/planes:predict", "/v1/models/planes:explain"


@pytest.mark.parametrize(
    "instance", [{"image": {"b64": WHITE}}, {"b64": WHITE}, WHITE, f"data:image/jpeg;base64,{WHITE}"]
)
def test_boxes_are_found_when_an_instance_has_any_of_the_usual_shapes(client: httpx.Client, instance: object) -> None:
    answer = client.post(PREDICT, json={"instances": [instance, instance]}).json()
    assert [[box["name"] for box in found["results"]] for found in answer["predictions"]] == [
        ["plane", "helicopter"]
    ] * 2
    assert answer["metadata"] == {"model": "planes", "version": 1}


def test_instances_are_read_when_the_content_type_has_a_charset_or_is_missing(client: httpx.Client) -> None:
    body = json.dumps({"instances": [WHITE]})
    for headers in ({"Content-Type": "application/json; charset=utf-8"}, {}):
        assert client.post(PREDICT, content=body, headers=headers).status_code == 200


def test_options_count_when_they_are_parameters(client: httpx.Client) -> None:
    def names(**parameters: object) -> list[str]:
        answer = client.post(PREDICT, json={"instances": [WHITE], "parameters": parameters}).json()
        return [box["name"] for box in answer["predictions"][0]["results"]]

    assert names(conf=0.7) == ["plane"]
    assert names(classes="helicopter") == names(classes=[1]) == names(classes="1") == ["helicopter"]
    assert names(max_det=1, classes=["1"]) == ["helicopter"]
    assert names(imgsz=64) == ["plane", "helicopter"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ("[", 400, "the body is no JSON"),
        ("[]", 422, "the body is a list, not an object"),
        ("{}", 422, "instances: is missing"),
        ('{"instances": []}', 422, "instances: list should have at least 1 item"),
        ('{"instances": [7]}', 422, "instances[0] is no picture: 7"),
        ('{"instances": [{"image": {"url": "http://127.0.0.1/"}}]}', 422, "instances[0] is no picture"),
        ('{"instances": ["%%%"]}', 422, "instances[0]: no base64"),
        ('{"instances": [""]}', 422, "instances[0] is empty"),
        ('{"instances": ["AAAA"]}', 415, "the picture: 3 bytes are no picture"),
        (json.dumps({"instances": ["AAAA"] * 17}), 413, "more than 16 pictures in one request"),
        (json.dumps({"instances": [WHITE], "parameters": {"conf": 7}}), 422, "conf: input should be less than"),
        (
            json.dumps({"instances": [WHITE], "parameters": {"iou": True}}),
            422,
            "iou: input should be a number or a text",
        ),
        (json.dumps({"instances": [WHITE], "parameters": {"size": 7}}), 422, "size: no such option"),
        (json.dumps({"instances": [WHITE], "parameters": {"classes": "boat"}}), 422, "classes: no class 'boat'"),
        (json.dumps({"instances": [WHITE], "parameters": {"imgsz": 320}}), 422, "imgsz: the model cannot run at 320"),
        ('{"instances": [' + "," * 100_001 + "]}", 413, "the JSON has more than 100000 values"),
        ("[" * 100_000, 400, "the body is no JSON"),
    ],
)
def test_question_is_refused_when_it_is_wrong(client: httpx.Client, body: str, status: int, detail: str) -> None:
    problem = client.post(PREDICT, content=body).json()
    assert (problem["status"], problem["error"]) == (status, problem["detail"])
    assert detail in problem["detail"]
    assert problem["hint"]


def test_models_are_named_when_another_is_asked_for(client: httpx.Client) -> None:
    assert client.get("/v1/models").json() == {"models": ["planes"]}
    assert client.get("/v1/models/planes").json() == {"name": "planes", "ready": True}
    for answer in (
        client.get("/v1/models/boats"),
        client.post("/v1/models/boats:predict", json={"instances": [WHITE]}),
    ):
        assert (answer.status_code, answer.json()["hint"]) == (404, "there is: planes")


def test_explanation_points_where_the_score_comes_from(client: httpx.Client) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[20:24, 12:16] = 255
    spot = base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()
    (found,) = client.post(EXPLAIN, json={"instances": [spot]}).json()["explanations"]
    cells, region = np.array(found["saliency"]), found["region"]
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    wide, high = (region["x2"] - region["x1"]) / 9, (region["y2"] - region["y1"]) / 9
    assert region["x1"] + column * wide - wide < 14 < region["x1"] + (column + 2) * wide
    assert region["y1"] + row * high - high < 22 < region["y1"] + (row + 2) * high
    assert cells.max() > 0.1
    assert cells.min() == 0
    assert found["result"]["name"] == "plane"
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(found["picture"]), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape == (64, 64, 3)


def test_explanation_is_a_picture_when_one_is_asked_for(client: httpx.Client) -> None:
    answer = client.post(EXPLAIN, json={"instances": [WHITE]}, headers={"Accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_explanation_is_empty_when_there_is_no_such_box(client: httpx.Client) -> None:
    asked = {"instances": [WHITE], "parameters": {"box": 2}}
    (found,) = client.post(EXPLAIN, json=asked).json()["explanations"]
    assert (found["result"], found["saliency"]) == (None, [])


def test_explanation_is_refused_when_it_costs_too_much(client: httpx.Client) -> None:
    problem = client.post(EXPLAIN, json={"instances": [WHITE], "parameters": {"grid": 18}}).json()
    assert problem["detail"] == "grid: 18 for 1 pictures takes 289 network runs"
    several = client.post(EXPLAIN, json={"instances": [WHITE] * 2}, headers={"Accept": "image/png"})
    assert several.json()["detail"] == "2 pictures as one"
