"""What holds for every test."""

import signal

import pytest
from hypothesis import settings
from PIL import Image

settings.register_profile("argosight", deadline=None)  # Machines are shared: a slow example is no defect.
settings.load_profile("argosight")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has its background jobs ignore Ctrl-C, and what they start inherits that: some tests send one.
    signal.signal(signal.SIGINT, signal.default_int_handler)

OPEN = Image.open


@pytest.fixture(autouse=True)
def _pillow_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # Importing ultralytics replaces `Image.open` for the whole process. Steps each have a process of their own; tests share one.
    monkeypatch.setattr(Image, "open", OPEN)


@pytest.fixture(autouse=True)
def _no_store_of_yours(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever has one set up would find our models in it: `s3://` is a folder of the test unless the test says otherwise.
    if not request.node.get_closest_marker("cluster"):
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
