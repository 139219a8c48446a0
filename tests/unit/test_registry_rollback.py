"""What a rollback promises: one write, visible afterwards, and not undone by whoever comes late."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from steps.errors import RegistryError
from steps.registry import Registry
from tests.factories_registry import MODEL, check, publish, publish_claim_only, tagged
from tests.factories_store import EVERYDAY, make_place


@pytest.fixture(params=EVERYDAY)
def registry(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    return Registry.open(make_place(request.param, tmp_path, monkeypatch))


def roll_back(registry: Registry, number: int, reason: str = "") -> None:
    registry.roll_back(registry.resolve(MODEL, number), reason)


class TestRollback:
    def test_latest_tag_and_history_say_so_when_rolled_back(self, registry: Registry, tmp_path: Path) -> None:
        for content in "123":
            publish(registry, tmp_path, content)
        roll_back(registry, 1, "it misses helicopters")
        assert check(registry) == (1, [1, 2, 3])
        assert tagged(registry) == [1]
        roll_back(registry, 2)
        assert tagged(registry) == [2]
        told = [(one.left, one.version, one.reason) for one in registry.rollbacks(MODEL)]
        assert told == [(1, 2, ""), (3, 1, "it misses helicopters")]
        assert registry.rollbacks(MODEL)[0].moved.startswith("20")

    def test_nothing_is_written_when_latest_is_that_version(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path)
        before = registry.store.get(f"{MODEL}/latest.json")
        roll_back(registry, 1)
        assert registry.store.get(f"{MODEL}/latest.json") == before

    def test_next_version_is_latest_and_names_the_one_it_follows(self, registry: Registry, tmp_path: Path) -> None:
        for content in "12":
            publish(registry, tmp_path, content)
        roll_back(registry, 1)
        third = publish(registry, tmp_path, "3")
        assert (third.manifest.version, third.manifest.previous, third.tagged) == (3, 1, True)
        assert check(registry) == (3, [1, 2, 3])
        assert tagged(registry) == [3]
        assert [(one.left, one.version) for one in registry.rollbacks(MODEL)] == [(2, 1)]
        assert registry.before(registry.latest(MODEL)).number == 1

    def test_rollback_stays_when_the_run_that_published_comes_back(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path, "1")
        publish(registry, tmp_path, "2", run="run-2")
        roll_back(registry, 1)
        assert not publish(registry, tmp_path, "2", run="run-2").tagged
        assert check(registry)[0] == 1

    def test_rollback_stays_when_an_earlier_number_is_completed_late(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path, "1")
        publish_claim_only(registry, tmp_path, "2", run="run-2")
        publish(registry, tmp_path, "3")
        roll_back(registry, 1)
        assert publish(registry, tmp_path, "2", run="run-2").manifest.version == 2
        assert check(registry) == (1, [1, 2, 3])

    def test_a_version_is_told_when_there_was_none_before(self, registry: Registry, tmp_path: Path) -> None:
        publish(registry, tmp_path)
        with pytest.raises(RegistryError, match=r"(?s)version 1 of 'planes' is the first.*there are: 1"):
            registry.before(registry.latest(MODEL))

    def test_every_move_is_kept_when_many_roll_back_and_publish_at_once(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        for content in "12":
            publish(registry, tmp_path, content)

        def work(number: int) -> None:
            if number % 2:
                publish(registry, tmp_path / str(number), str(number))
            else:
                roll_back(registry, 1 + number // 2 % 2)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(8)))
        latest, versions = check(registry)
        assert versions == [1, 2, 3, 4, 5, 6]
        moves = registry.rollbacks(MODEL)
        assert all(one.left != one.version for one in moves)
        assert latest in {6, *(one.version for one in moves[:1])}
