"""A short soak: every kind of client, one round of every trouble."""

import subprocess
import sys

import pytest

from tests.bench.soak_store import Minio

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not Minio.binary(), reason="needs the program `minio` on the PATH, or named by MINIO_BINARY")
def test_nothing_is_wrong_when_versions_come_and_go_and_the_store_is_killed() -> None:
    command = [sys.executable, "-m", "tests.bench.soak", "--smoke"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the store was killed" in done.stdout
