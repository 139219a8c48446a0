"""Start, ask, compare, keep, stop."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import urllib3
from pydantic import ValidationError

from steps.contract import duration_seconds
from steps.deploy.agreement import Expected, disagreement
from steps.deploy.contract import DeployInputs, DeployOutputs
from steps.deploy.local_server import running_server
from steps.errors import ModelError, TemporaryError
from steps.registry import Registry, Version
from steps.workspace import Workspace

REQUESTS = 10
"""Enough for a median, and over in a moment."""

GOLDEN = "golden/image.jpg"
EXPECTED = "golden/expected.json"
REQUEST_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the server said: results on the golden image, the picture it drew, and the median time of a request."""

    results: list[dict[str, Any]]
    picture: bytes
    latency_ms: float


def deploy(inputs: DeployInputs, work: Workspace) -> DeployOutputs:
    """Let a version serve, and keep its answer.

    Raises:
        RegistryError: If there is no such model or version.
        ModelError: If the version has no golden image, or the answer is not the expected one.
        TemporaryError: If the server is not ready in time, or does not answer.
    """
    registry = Registry.open(inputs.registry)
    version = registry.resolve(inputs.model_name, inputs.version)
    answer = work.out / "answer"
    answer.mkdir()
    with work.scratch("deploy") as scratch:
        image, expected = _golden(registry, version, scratch)
        flags = [f"--registry={inputs.registry}", f"--model-name={version.name}", f"--version={version.number}"]
        timeout_s = duration_seconds(inputs.ready_timeout)
        with running_server(flags, work=scratch / "serve", log=answer / "server.log", timeout_s=timeout_s) as url:
            said = _ask(url, image)
    difference = disagreement(expected, said.results)
    if difference:
        raise ModelError(
            f"the server's answer to the golden image of {version.name} {version.number} is not the expected one: {difference}",
            hint="the model behaves differently here than where it was exported: compare the versions of onnxruntime",
        )
    document = {
        "version": version.number,
        "image": GOLDEN,
        "boxes": said.results,
        "requests": REQUESTS,
        "latency_ms": said.latency_ms,
        "matches_golden": True,
    }
    (answer / "answer.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (answer / "picture.jpg").write_bytes(said.picture)
    work.progress(1, 1, f"version {version.number} answers in {said.latency_ms:.1f} ms: {len(said.results)} boxes")
    return DeployOutputs(answer=answer, version=version.number, latency_ms=said.latency_ms)


def _golden(registry: Registry, version: Version, scratch: Path) -> tuple[bytes, Expected]:
    folder = registry.fetch(version, scratch)
    try:
        return (folder / GOLDEN).read_bytes(), Expected.model_validate_json((folder / EXPECTED).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(
            f"{version.url} has no usable {GOLDEN} and {EXPECTED} ({type(error).__name__})",
            hint="export and publish the model anew: `export` writes both",
        ) from None


def _ask(url: str, image: bytes) -> Conversation:
    with urllib3.PoolManager(retries=False, timeout=REQUEST_TIMEOUT_S) as client:
        times, results = [], []
        for _ in range(REQUESTS):
            began = time.perf_counter()
            body = _post(client, f"{url}/predict", image)
            times.append(1000 * (time.perf_counter() - began))
            results = json.loads(body)["images"][0]["results"]
        picture = _post(client, f"{url}/predict?format=image", image)
    return Conversation(results, picture, round(median(times), 3))


def _post(client: urllib3.PoolManager, url: str, image: bytes) -> bytes:
    try:
        response = client.request("POST", url, body=image, headers={"Content-Type": "image/jpeg"})
    except urllib3.exceptions.HTTPError as error:
        raise TemporaryError(f"the server did not answer: {error}", hint="run it again") from None
    if response.status != 200:
        raise ModelError(
            f"the server answered {response.status}: {response.data[:500].decode(errors='replace')}",
            hint="the server's log tells more; serve this version and send it the golden image",
        )
    return response.data
