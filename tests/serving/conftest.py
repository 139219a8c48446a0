from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from steps.deploy.local_server import running_server
from tests.factories_model import publish_model, write_model


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry folder with one version of `planes`."""
    folder = tmp_path_factory.mktemp("registry")
    publish_model(folder / "models", write_model(folder / "model"))
    return folder / "models"


@pytest.fixture(scope="session")
def client(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a real server, with small limits: 200,000 bytes and a million pixels."""
    folder = tmp_path_factory.mktemp("server")
    flags = [f"--registry={registry}", "--model-name=planes", "--max-bytes=200000", "--max-pixels=1000000"]
    with (
        running_server(flags, work=folder / "work", log=folder / "log", timeout_s=60) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client
