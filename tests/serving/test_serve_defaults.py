"""What a model is served with is what every protocol answers with, unless a request says otherwise."""

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from steps.runtime import Defaults
from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.browser import Browser
from tests.factories_model import BOXES, Fixed, write_model
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture
from tests.serving.test_serve_grpc import WHITE, talk
from tests.serving.test_serve_page import drop, show, slide, text, wait
from tests.serving.test_serve_videos import wait_for
from tests.serving.videos import video

OWN = Defaults(confidence=0.7, per_class={"helicopter": 0.2}, iou=0.95, max_detections=2)
WEAK = Fixed((40, 2, 50, 9), 1, 0.3)
PICTURE = picture(64, 64)
B64 = base64.b64encode(PICTURE).decode()

Ask = Callable[[httpx.Client, dict[str, Any]], list[float]]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A model with thresholds of its own: it sees planes of 0.9 and 0.5, and helicopters of 0.6 and 0.3."""
    folder = write_model(tmp_path_factory.mktemp("own") / "model", boxes=(*BOXES, WEAK), defaults=OWN)
    with ThreadPoolExecutor(2) as executor:
        yield Engine(folder, executor)


@pytest.fixture(scope="module")
def client(engine: Engine) -> Iterator[httpx.Client]:
    with serving(create_app(engine, Limits())) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def scores(results: list[dict[str, Any]]) -> list[float]:
    return [round(box["confidence"], 2) for box in results]


def predict(client: httpx.Client, options: dict[str, Any]) -> list[float]:
    answer = client.post("/predict", params=options, content=PICTURE, headers={"Content-Type": "image/jpeg"})
    return scores(answer.json()["images"][0]["results"])


def detect(client: httpx.Client, options: dict[str, Any]) -> list[float]:
    answer = client.post("/detect", files={"file": PICTURE}, data={k: str(v) for k, v in options.items()})
    return scores(answer.json()["data"]["results"])


def v1(client: httpx.Client, options: dict[str, Any]) -> list[float]:
    asked = {"instances": [{"b64": B64}], "parameters": options}
    return scores(client.post("/v1/models/planes:predict", json=asked).json()["predictions"][0]["results"])


def v2(client: httpx.Client, options: dict[str, Any]) -> list[float]:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [B64]}
    answer = client.post("/v2/models/planes/infer", json={"inputs": [tensor], "parameters": options}).json()
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    return [round(score, 2) for score in outputs["det_scores"]]


def videos(client: httpx.Client, options: dict[str, Any]) -> list[float]:
    sent = client.post("/videos", params=options, content=video(frames=1), headers={"Content-Type": "video/mp4"})
    (line,) = client.get(wait_for(client, sent)["lines_url"]).text.splitlines()
    return scores(json.loads(line)["results"])


@pytest.mark.parametrize("ask", [predict, detect, v1, v2])
def test_answer_is_that_of_the_models_defaults_unless_asked_otherwise(client: httpx.Client, ask: Ask) -> None:
    assert ask(client, {}) == [0.9, 0.6]
    assert ask(client, {"max_det": 9}) == [0.9, 0.6, 0.3]
    assert ask(client, {"max_det": 9, "conf": 0.4}) == [0.9, 0.6, 0.5]
    assert ask(client, {"max_det": 9, "conf": 0.4, "iou": 0.7}) == [0.9, 0.6]


def test_frame_is_answered_with_the_models_defaults_unless_asked_otherwise(client: httpx.Client) -> None:
    assert len(videos(client, {"max_det": 9})) == 3
    assert len(videos(client, {"max_det": 9, "conf": 0.55})) == 2


def test_grpc_answers_with_the_models_defaults_unless_asked_otherwise(engine: Engine) -> None:
    def boxes(**parameters: Any) -> int:
        answer = talk(
            engine, lambda call: call("ModelInfer", model_name="planes", inputs=[WHITE], parameters=parameters)
        )
        return int(answer.outputs[1].shape[1])

    nine = {"int64_param": 9}
    assert (boxes(), boxes(max_det=nine), boxes(max_det=nine, conf={"double_param": 0.55})) == (2, 3, 2)


def test_model_tells_its_defaults(client: httpx.Client) -> None:
    assert client.get("/model").json()["defaults"] == OWN.model_dump()


@pytest.mark.slow
def test_page_shows_what_is_served_until_a_slider_is_moved(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(64, 64, kind="PNG"))
    url = str(client.base_url).rstrip("/")
    with Browser() as browser:
        show(browser, url)
        assert (text(browser, "conf-value"), text(browser, "iou-value")) == ("0.70", "0.95")
        assert "helicopter 0.20" in text(browser, "conf-note")
        drop(browser, tmp_path / "a.png")
        wait(browser, "document.getElementById('classes').innerText.replace(/\\s+/g, ' ') === 'plane 1 helicopter 1'")
        assert text(browser, "curl").endswith("predict?'")
        slide(browser, "conf", 0.55)
        assert (text(browser, "conf-value"), text(browser, "count")) == ("0.55", "2")
        slide(browser, "conf", 0.85)
        assert text(browser, "count") == "1"
        assert "helicopter" not in text(browser, "conf-note")
        assert text(browser, "curl").endswith("predict?conf=0.85'")
        browser.evaluate("document.getElementById('own').click()")
        wait(browser, "document.getElementById('count').textContent === '2'")
        assert text(browser, "conf-value") == "0.70"
        assert browser.evaluate("document.getElementById('own').hidden") is True
