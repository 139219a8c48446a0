from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.factories_model import publish_model, write_model
from tests.serving.engine import Engine, serving

SMALL = Limits(body_bytes=200_000, pixels=1_000_000)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry folder with one version of `planes`."""
    folder = tmp_path_factory.mktemp("registry")
    publish_model(folder / "models", write_model(folder / "model"))
    return folder / "models"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """What answers behind the protocols."""
    with ThreadPoolExecutor(2) as executor:
        yield Engine(write_model(tmp_path_factory.mktemp("engine") / "model"), executor)


@pytest.fixture(scope="session")
def client(engine: Engine) -> Iterator[httpx.Client]:
    """A client of a server with small limits: 200,000 bytes and a million pixels."""
    with serving(create_app(engine, SMALL)) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client
