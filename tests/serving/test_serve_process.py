import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from steps.serve.server import bind
from tests.factories_model import Fixed, publish_model, write_model


def started(registry: Path, work: Path, *flags: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "steps", "serve", f"--registry={registry}", "--model-name=planes", *flags]
    environment = {**os.environ, "STEP_WORK": str(work)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(server: "subprocess.Popen[str]") -> tuple[int, str]:
    _, errors = server.communicate(timeout=60)
    return server.returncode, errors


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_server_ends_well_when_told_to_stop(registry: Path, tmp_path: Path, stop: signal.Signals) -> None:
    server = started(registry, tmp_path / "work", "--port=0")
    assert server.stdout
    ready = json.loads(server.stdout.readline())
    assert {name: ready[name] for name in ("event", "model", "version")} == {
        "event": "ready",
        "model": "planes",
        "version": 1,
    }
    assert httpx.get(f"{ready['url']}/readyz").status_code == 200
    server.send_signal(stop)
    code, errors = ended(server)
    assert code == 0, errors
    assert "Traceback" not in errors
    assert not list((tmp_path / "work").glob(".scratch*"))


@pytest.mark.parametrize(
    ("flags", "terminal", "words"),
    [
        ([], True, True),
        ([], False, False),
        (["--log-format=json"], True, False),
        (["--log-format=text"], False, True),
    ],
)
def test_log_is_for_people_on_a_terminal_and_for_programs_elsewhere(
    registry: Path, tmp_path: Path, flags: list[str], terminal: bool, words: bool
) -> None:
    # As it is typed: what starts the server hands its terminal on.
    command = [sys.executable, "-m", "workflows.cli", "serve", "planes", f"--registry={registry}", "--port=0", *flags]
    ours, theirs = os.openpty() if terminal else os.pipe()
    environment = {**os.environ, "ARGOSIGHT_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True) as server:
        os.close(theirs)
        assert server.stdout
        url = server.stdout.readline().split()[-1]
        assert httpx.get(f"{url}/model").status_code == 200
        server.terminate()
        log = b"".join(iter(lambda: _read(ours), b"")).decode()
        assert server.wait(60) == 0
    os.close(ours)
    line = next(line for line in log.splitlines() if "GET /model" in line)
    if words:
        assert re.fullmatch(r"\d\d:\d\d:\d\d GET /model 200 in \d+\.\d ms", line.strip())
        assert "{" not in log
    else:
        assert json.loads(line)["request"] == "GET /model"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # A terminal that nobody holds any more.
        return b""


def test_neither_torch_nor_ultralytics_is_imported_when_serving() -> None:
    program = (
        "import sys, steps.serve.run, steps.deploy.run;"
        "print([name for name in ('torch', 'ultralytics', 'onnx') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_runtime_reports_to_nobody_when_it_is_imported(tmp_path: Path) -> None:
    silent = ("CI", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY", "PYTEST_CURRENT_TEST")  # Any may switch it off.
    environment = {name: value for name, value in os.environ.items() if name not in silent}
    environment |= {"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    program = "import steps.runtime.onnx_session as runtime; print(runtime.onnxruntime.__version__)"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, timeout=60)
    assert not list(tmp_path.rglob("*"))


def test_server_does_not_start_when_a_file_was_changed(tmp_path: Path) -> None:
    publish_model(tmp_path / "models", write_model(tmp_path / "model"))
    path = tmp_path / "models" / "planes" / "1" / "onnx" / "model.onnx"
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, errors = ended(started(tmp_path / "models", tmp_path / "work"))
    assert code == 2
    assert "sha256" in errors
    assert "Traceback" not in errors


def test_versions_are_named_when_the_pinned_one_is_missing(registry: Path, tmp_path: Path) -> None:
    code, errors = ended(started(registry, tmp_path / "work", "--version=7"))
    assert code == 2
    assert "no version 7 of 'planes'" in errors


def test_pinned_version_is_served_when_there_is_a_later_one(tmp_path: Path) -> None:
    publish_model(tmp_path / "models", write_model(tmp_path / "one"))
    publish_model(tmp_path / "models", write_model(tmp_path / "two", boxes=[Fixed((1, 1, 9, 9), 0, 0.8)]))
    served = []
    for flags in (["--version=1"], []):
        server = started(tmp_path / "models", tmp_path / "work", "--port=0", *flags)
        assert server.stdout
        served.append(json.loads(server.stdout.readline())["version"])
        server.terminate()
        assert ended(server)[0] == 0
    assert served == [1, 2]


def test_port_is_named_when_it_is_taken(registry: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, errors = ended(started(registry, tmp_path / "work", f"--port={port}"))
    assert code == 2
    assert f"--port={port}: Address already in use" in errors


def test_accepted_connections_send_at_once_when_the_port_is_chosen_by_the_system() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
