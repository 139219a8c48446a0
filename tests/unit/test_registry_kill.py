"""Publishers that die: at each single call in turn, and by SIGKILL at random moments. `latest` stays whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps.errors import RegistryError
from steps.registry import Registry
from steps.store import open_store
from tests.factories_registry import MODEL, Death, Mortal, check, publish, publish_claim_only, tagged
from tests.factories_store import make_place

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("after", [False, True])
def test_latest_is_whole_when_a_publisher_dies_at_any_call(tmp_path: Path, *, after: bool) -> None:
    lives, dead = 0, True
    while dead:
        lives += 1
        store = open_store(str(tmp_path / f"place-{lives}"))
        registry = Registry(store)
        publish(registry, tmp_path, "0")
        dead = dies_publishing(Registry(Mortal(store, lives, after)), tmp_path)
        assert check(registry) in [(1, [1]), (1, [1, 2]), (2, [1, 2])]
        # The run comes back: it completes what it began, under the one number it took, and is the latest.
        assert publish(registry, tmp_path, "1", run="run-1").manifest.version == 2
        assert check(registry) == (2, [1, 2])
        assert tagged(registry) == [2]
    assert lives > 20


def dies_publishing(registry: Registry, folder: Path) -> bool:
    try:
        publish(registry, folder, "1", run="run-1")
    except Death:
        return True
    return False


def test_the_pointer_never_goes_back_when_a_slow_publisher_arrives_late(tmp_path: Path) -> None:
    registry = Registry.open(str(tmp_path / "place"))
    publish(registry, tmp_path, "0")
    publish_claim_only(registry, tmp_path, "slow", run="slow")
    assert publish(registry, tmp_path, "fast").manifest.version == 3
    slow = publish(registry, tmp_path, "slow", run="slow")
    assert (slow.manifest.version, slow.tagged) == (2, False)
    assert check(registry) == (3, [1, 2, 3])
    assert tagged(registry) == [3]


def test_an_abandoned_number_is_skipped_when_others_publish(tmp_path: Path) -> None:
    registry = Registry.open(str(tmp_path / "place"))
    publish_claim_only(registry, tmp_path, "1", run="gone")
    assert check(registry) == (0, [])
    with pytest.raises(RegistryError, match="no model"):
        registry.latest(MODEL)
    assert publish(registry, tmp_path, "2").manifest.version == 2
    with pytest.raises(RegistryError, match="the complete versions are: 2"):
        registry.resolve(MODEL, 1)


CHILD = """
import sys
from pathlib import Path
from steps.registry import Registry
from tests.factories_registry import publish
url, folder, tag = sys.argv[1:]
registry = Registry.open(url)
number = 0
while True:
    publish(registry, Path(folder), f"{tag}-{number}", run=f"{tag}-{number}", size=200_000)
    if not number:
        print("ready", flush=True)
    number += 1
"""


def kill_publishers(url: str, folder: Path, times: int, together: int, longest_s: float, seed: int) -> int:
    """Kill publishers with SIGKILL at random moments, `together` at a time, and check after each. Return versions."""
    chance = random.Random(seed)
    registry = Registry.open(url)
    before = 0
    for round_ in range(times):
        with running(url, folder, round_, together) as children:
            time.sleep(chance.uniform(0, longest_s))
            for child in children:
                child.send_signal(signal.SIGKILL)
        latest, _ = check(registry, known=before)
        assert latest >= before
        before = latest
    done = publish(registry, folder / "last", "last", run="last").manifest.version
    latest, versions = check(registry)
    assert done == latest == versions[-1]
    assert latest in tagged(registry)
    return len(versions)


@contextmanager
def running(url: str, folder: Path, round_: int, together: int) -> Iterator["list[subprocess.Popen[bytes]]"]:
    """Run publishers that have published once and go on publishing, and end them."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, url, str(folder / f"{round_}-{n}"), f"{round_}-{n}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for n in range(together)
    ]
    try:
        for child in children:
            assert child.stdout
            assert child.stdout.readline() == b"ready\n"
        yield children
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_latest_is_whole_when_publishers_are_killed(tmp_path: Path) -> None:
    assert kill_publishers(str(tmp_path / "place"), tmp_path, times=3, together=2, longest_s=0.4, seed=1) > 6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "moto", "minio"])
def test_latest_is_whole_when_publishers_are_killed_dozens_of_times(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_publishers(make_place(kind, tmp_path, monkeypatch), tmp_path, times=25, together=2, longest_s=0.6, seed=2)
