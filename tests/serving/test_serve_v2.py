import base64
import json
import struct
from typing import Any

import httpx
import numpy as np
import pytest

from tests.serving.pictures import picture

RAW = picture(64, 64)
WHITE = base64.b64encode(RAW).decode()
INFER = "/v2/models/planes/infer"


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "image", "datatype": "BYTES", "shape": [1], "data": [WHITE], **changes}


def outputs(response: httpx.Response) -> dict[str, dict[str, Any]]:
    assert response.status_code == 200, response.text
    return {output["name"]: output for output in response.json()["outputs"]}


def test_tensors_hold_what_was_found_when_pictures_are_base64(client: httpx.Client) -> None:
    dark = base64.b64encode(picture(64, 64, kind="PNG", mode="L")).decode()
    asked = {"id": "42", "inputs": [tensor(shape=[2], data=[WHITE, dark])], "parameters": {"max_det": 1}}
    response = client.post(INFER, json=asked)
    answer = response.json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("planes", "1", "42")
    found = outputs(response)
    assert found["num_dets"] == {"name": "num_dets", "datatype": "INT32", "shape": [2, 1], "data": [1, 1]}
    assert (found["det_boxes"]["shape"], found["det_boxes"]["data"][:4]) == ([2, 1, 4], [8, 16, 24, 32])
    assert found["det_names"]["data"] == ["plane", "plane"]


def test_rows_are_filled_up_when_pictures_have_different_numbers_of_boxes(client: httpx.Client) -> None:
    found = outputs(client.post(INFER, json={"inputs": [tensor()], "parameters": {"conf": 0.95}}))
    assert (found["num_dets"]["data"], found["det_boxes"]["shape"], found["det_boxes"]["data"]) == ([0], [1, 0, 4], [])


def test_only_the_wanted_outputs_come_when_they_are_named(client: httpx.Client) -> None:
    asked = {"inputs": [tensor()], "outputs": [{"name": "det_scores"}]}
    assert list(outputs(client.post(INFER, json=asked))) == ["det_scores"]
    problem = client.post(INFER, json={"inputs": [tensor()], "outputs": [{"name": "masks"}]}).json()
    assert problem["error"] == "no output 'masks'"


@pytest.mark.parametrize("kind", ["BYTES", "UINT8"])
def test_tensors_are_binary_when_they_follow_the_json(client: httpx.Client, kind: str) -> None:
    blob, shape = (
        (struct.pack("<I", len(RAW)) + RAW, [1]) if kind == "BYTES" else (b"\xff" * 64 * 64 * 3, [1, 64, 64, 3])
    )
    entry = {"name": "x", "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(blob)}}
    text = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    response = client.post(INFER, content=text + blob, headers={"Inference-Header-Content-Length": str(len(text))})
    length = int(response.headers["inference-header-content-length"])
    sizes = [output["parameters"]["binary_data_size"] for output in json.loads(response.content[:length])["outputs"]]
    blobs = np.split(np.frombuffer(response.content[length:], np.uint8), np.cumsum(sizes)[:-1])
    assert np.frombuffer(blobs[1].tobytes(), np.float32).tolist() == [8, 16, 24, 32, 30, 20, 60, 44]
    assert blobs[4].tobytes() == b"\x05\x00\x00\x00plane\x0a\x00\x00\x00helicopter"


def test_pixels_are_red_green_blue_when_they_come_as_numbers(client: httpx.Client) -> None:
    numbers = tensor(datatype="UINT8", shape=[8, 8, 3], data=np.full((8, 8, 3), 255).tolist())
    assert outputs(client.post(INFER, json={"inputs": [numbers]}))["num_dets"]["data"] == [2]


@pytest.mark.parametrize(
    ("inputs", "status", "detail"),
    [
        ([], 422, "inputs: list should have at least 1 item"),
        ([tensor(), tensor()], 422, "2 input tensors"),
        ([tensor(shape=[2])], 422, "shape [2] does not hold the 1 values"),
        ([tensor(shape=[-1])], 422, "shape [-1]"),
        ([tensor(shape=[2**62, 4, 0])], 422, "does not hold"),
        ([tensor(data=None)], 422, "input 'image' has no data"),
        ([tensor(data=[7])], 422, "data of BYTES are texts"),
        ([tensor(data=["%"])], 422, "element 0: no base64"),
        ([tensor(shape=[0], data=[])], 422, "no picture"),
        ([tensor(datatype="FP32", data=[0.5])], 422, "datatype 'FP32' is not taken"),
        ([tensor(datatype="UINT8", shape=[1, 1, 3], data=[0, 1, 256])], 422, "whole numbers from 0 to 255"),
        ([tensor(datatype="UINT8", shape=[1, 1, 3], data=[0, 1, True])], 422, "whole numbers from 0 to 255"),
        ([tensor(datatype="UINT8", shape=[3], data=[0, 1, 2])], 422, "shape [3]"),
        ([tensor(shape=[17], data=[WHITE] * 17)], 413, "more than 16 pictures"),
        ([tensor(parameters={"binary_data_size": 5})], 422, "binary_data_size 5, 0 bytes follow"),
    ],
)
def test_question_is_refused_when_it_is_wrong(
    client: httpx.Client, inputs: list[dict[str, Any]], status: int, detail: str
) -> None:
    response = client.post(INFER, json={"inputs": inputs})
    problem = response.json()
    assert (response.status_code, problem["error"]) == (status, problem["detail"])
    assert detail in problem["detail"]


@pytest.mark.parametrize("length", ["x", "-1", "99999999999999", "1e3"])
def test_question_is_refused_when_the_length_of_its_json_is_wrong(client: httpx.Client, length: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    assert client.post(INFER, json={"inputs": [tensor()]}, headers=headers).status_code == 400


@pytest.mark.parametrize("blob", [b"\xff\xff\xff\xff", b"\x05\x00\x00\x00abc", b"\x01"])
def test_question_is_refused_when_an_element_says_more_than_follows(client: httpx.Client, blob: bytes) -> None:
    entry = tensor(data=None, parameters={"binary_data_size": len(blob)})
    text = json.dumps({"inputs": [entry]}).encode()
    response = client.post(INFER, content=text + blob, headers={"Inference-Header-Content-Length": str(len(text))})
    assert response.status_code == 422, response.text


def test_server_and_model_are_described_when_asked_for(client: httpx.Client) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/planes/versions/1/ready").json() == {"name": "planes", "ready": True}
    metadata = client.get("/v2/models/planes").json()
    assert (metadata["versions"], [tensor["name"] for tensor in metadata["inputs"]]) == (["1"], ["image"])
    for path in ("/v2/models/boats", "/v2/models/planes/versions/2", "/v2/models/boats/ready"):
        assert client.get(path).status_code == 404
