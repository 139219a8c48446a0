import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import httpx
import numpy as np
import onnx
import pytest
import urllib3
from onnx import numpy_helper

from steps.deploy.contract import DeployInputs, DeployOutputs
from steps.deploy.conversation import Golden, converse, line_to
from steps.deploy.local_server import running_server
from steps.deploy.run import deploy
from steps.errors import InputError, ModelError, TemporaryError
from steps.registry import Registry
from steps.runtime import ModelCard, file_digest
from steps.workspace import Workspace
from tests.factories_model import CLASSES, Fixed, publish_model, write_model


def deployed(folder: Path, registry: Path, **inputs: object) -> DeployOutputs:
    out = folder / "out"
    out.mkdir()
    given = DeployInputs.model_validate({"registry": str(registry), "model_name": "planes", **inputs})
    return deploy(given, Workspace(out=out, state=folder / "state"))


def gone(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz")
    except httpx.ConnectError:
        return True
    return False


def test_answer_picture_and_log_are_kept_when_the_version_serves(registry: Path, tmp_path: Path) -> None:
    outputs = deployed(tmp_path, registry)
    answer = json.loads((outputs.answer / "answer.json").read_text())
    assert (outputs.version, outputs.latency_ms) == (1, answer["latency_ms"])
    assert (answer["version"], answer["matches_golden"], answer["requests"]) == (1, True, 10)
    assert [(box["name"], box["class"], box["confidence"]) for box in answer["boxes"]] == [
        ("plane", 0, 0.9),
        ("helicopter", 1, 0.6),
    ]
    assert set(answer["boxes"][0]["box"]) == {"x1", "y1", "x2", "y2"}
    picture = cv2.imread(str(outputs.answer / "picture.jpg"))
    assert picture is not None
    assert picture.shape == (64, 64, 3)
    log = (outputs.answer / "server.log").read_text()
    (ready,) = [json.loads(line) for line in log.splitlines() if line.startswith('{"event": "ready"')]
    assert "POST /predict" in log
    assert gone(ready["url"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_deployment_fails_when_the_answer_is_another(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    expected = {"xyxy": [1, 1, 5, 5], "label": 0, "name": CLASSES[0], "score": 0.8}
    rewrite_golden(model, json.dumps({"boxes": [expected]}))
    publish_model(tmp_path / "models", model)
    with pytest.raises(
        ModelError, match=r"class 0 with score 0\.800 at \[1\.0, 1\.0, 5\.0, 5\.0\] is expected but was not found"
    ):
        deployed(tmp_path, tmp_path / "models")


def test_golden_answer_may_have_the_other_of_two_equal_boxes(tmp_path: Path) -> None:
    """Which one suppression keeps is a matter of the last digit, so of the processor."""
    equal = [Fixed((8, 16, 24, 32), 0, 0.9), Fixed((10, 16, 26, 32), 0, 0.9)]
    model = write_model(tmp_path / "model", boxes=equal)
    rewrite_golden(model, golden_text(equal[1:]))
    publish_model(tmp_path / "models", model)
    answer = json.loads((deployed(tmp_path, tmp_path / "models").answer / "answer.json").read_text())
    assert [box["box"]["x1"] for box in answer["boxes"]] == [8]


@pytest.mark.parametrize(("score", "agrees"), [(0.895, True), (0.7, False)])
def test_golden_answer_may_have_the_other_of_two_equal_classes(tmp_path: Path, score: float, agrees: bool) -> None:
    box = Fixed((8, 16, 24, 32), 0, 0.9)
    model = write_model(tmp_path / "model", boxes=[box])
    path = model / "onnx" / "model.onnx"
    network = onnx.load(path)
    (scores,) = [each for each in network.graph.initializer if each.name == "scores"]
    scores.CopyFrom(numpy_helper.from_array(np.array([[[box.score], [score]]], np.float32), "scores"))
    onnx.save(network, path)
    rewrite_golden(model, golden_text([replace(box, label=1)]))
    publish_model(tmp_path / "models", model)
    if agrees:
        assert deployed(tmp_path, tmp_path / "models").version == 1
    else:
        with pytest.raises(ModelError, match=r"class 1 with score 0\.900 .* is expected but was not found"):
            deployed(tmp_path, tmp_path / "models")


def test_server_is_asked_with_a_key_when_it_wants_one(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSIGHT_API_KEYS", " s\u00e9same, other")
    outputs = deployed(tmp_path, registry)
    assert outputs.version == 1
    kept = "".join(path.read_text() for path in outputs.answer.iterdir() if path.suffix in (".json", ".log"))
    assert "s\u00e9same" not in kept


def test_hint_names_the_variable_when_the_server_refuses_the_key(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSIGHT_API_KEYS", "one")
    flags = [f"--registry={registry}", "--model-name=planes"]
    version = Registry.open(str(registry)).resolve("planes")
    golden = Golden.of(Registry.open(str(registry)), version, tmp_path / "scratch")
    with (
        running_server(flags, work=tmp_path / "work", log=tmp_path / "log", timeout_s=60) as url,
        urllib3.PoolManager() as client,
    ):
        monkeypatch.setenv("ARGOSIGHT_API_KEYS", "two")
        with pytest.raises(ModelError, match="401") as caught:
            converse(line_to(url, client), version, golden)
    assert "ARGOSIGHT_API_KEYS" in caught.value.hint


def test_trial_runs_with_the_flags_of_the_servers_and_captures_nothing_when_given(
    registry: Path, tmp_path: Path
) -> None:
    capture = tmp_path / "captured"
    flags = f"--backend=onnx --grpc-port=8081 --capture={capture} --capture-random=1"
    outputs = deployed(tmp_path, registry, server_flags=flags)
    (ready,) = [line for line in (outputs.answer / "server.log").read_text().splitlines() if '"event": "ready"' in line]
    assert json.loads(ready)["backend"].startswith("onnx: ")
    assert "grpc_port" in json.loads(ready)
    assert not capture.exists()


def test_deployment_is_refused_when_the_flags_of_the_server_contradict_each_other(
    registry: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="nothing says what to capture"):
        deployed(tmp_path, registry, server_flags="--capture=s3://argosight/capture")


def golden_text(boxes: Sequence[Fixed]) -> str:
    rows = [{"xyxy": box.xyxy, "label": box.label, "name": CLASSES[box.label], "score": box.score} for box in boxes]
    return json.dumps({"boxes": rows})


def rewrite_golden(model: Path, text: str) -> None:
    """Replace the golden answer, and list the files as they are now."""
    (model / "golden" / "expected.json").write_text(text)
    card = ModelCard.read(model)
    card.model_copy(update={"files": {name: file_digest(model / name) for name in card.files}}).write(model)


def test_deployment_fails_when_there_is_no_golden_image(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    rewrite_golden(model, "[]")
    publish_model(tmp_path / "models", model)
    with pytest.raises(ModelError, match="no usable golden/image"):
        deployed(tmp_path, tmp_path / "models")


def test_pinned_version_answers_when_there_is_a_later_one(tmp_path: Path) -> None:
    publish_model(tmp_path / "models", write_model(tmp_path / "one"))
    boxes = [Fixed((1, 1, 30, 30), 1, 0.7)]
    publish_model(tmp_path / "models", write_model(tmp_path / "two", boxes=boxes))
    assert deployed(tmp_path, tmp_path / "models", version=1).version == 1


def test_end_of_the_log_is_told_when_the_server_does_not_start(registry: Path, tmp_path: Path) -> None:
    flags = [f"--registry={registry}", "--model-name=helicopters"]
    with (
        pytest.raises(InputError, match=r"exit code 2 before it was ready(.|\n)*no model 'helicopters'"),
        running_server(flags, work=tmp_path / "work", log=tmp_path / "log", timeout_s=60),
    ):
        pytest.fail("there is no such model")


def test_server_is_stopped_when_it_is_not_ready_in_time(registry: Path, tmp_path: Path) -> None:
    flags = [f"--registry={registry}", "--model-name=planes"]
    with (
        pytest.raises(TemporaryError, match=r"not ready after 0\.05 s"),
        running_server(flags, work=tmp_path / "work", log=tmp_path / "log", timeout_s=0.05),
    ):
        pytest.fail("nothing starts that fast")


def test_server_is_stopped_when_the_block_fails(registry: Path, tmp_path: Path) -> None:
    urls = []

    def fail() -> None:
        flags = [f"--registry={registry}", "--model-name=planes"]
        with running_server(flags, work=tmp_path / "work", log=tmp_path / "log", timeout_s=60) as url:
            urls.append(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert gone(urls[0])


def test_server_is_stopped_when_the_step_is_terminated(registry: Path, tmp_path: Path) -> None:
    program = f"""
import signal, time
from pathlib import Path
from steps import runner
from steps.deploy.conversation import Golden, converse, line_to
from steps.deploy.local_server import running_server
signal.signal(signal.SIGTERM, runner._terminate)
flags, folder = ["--registry={registry}", "--model-name=planes"], Path({str(tmp_path)!r})
with running_server(flags, work=folder / "work", log=folder / "log", timeout_s=60) as url:
    print(url, flush=True)
    time.sleep(60)
"""
    step = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert step.stdout
    url = step.stdout.readline().strip()
    assert not gone(url)
    step.send_signal(signal.SIGTERM)
    step.communicate(timeout=30)
    assert gone(url)
