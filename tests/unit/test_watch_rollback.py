"""A rollback stays: `publish`, `argosight rollback` and the nightly `watch` on one registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.registry import Registry
from steps.runner import run
from steps.store import open_store
from steps.store.listing import listing_digest
from steps.watch.contract import WATCH
from tests.factories_publish import Bench
from tests.factories_store import make_place
from workflows.cli.__main__ import main


class Night:
    """A data set, its model's registry, and what happens to them."""

    def __init__(self, place: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.datasets, self.registry = f"{place}/datasets", f"{place}/models"
        self._folder, self._patch = folder, monkeypatch

    def upload(self, content: bytes) -> None:
        open_store(self.datasets).put("planes.zip", content)

    def publish(self, name: str, **parameters: str) -> None:
        """Publish what a training on the data set as it is now would."""
        self._patch.setenv("STEP_WORK", str(self._folder / name / "work"))
        listing = listing_digest(f"{self.datasets}/planes.zip")
        flags = [f"--run={name}", f"--listing={listing}", f"--parameters={json.dumps(parameters)}"]
        assert Bench(self._folder / name).publish(self.registry, *flags) == 0

    def roll_back(self) -> None:
        assert main(["rollback", "planes", f"--registry={self.registry}", "--registry-only", "--reason=blind"]) == 0

    def check(self) -> tuple[list[dict[str, Any]], str]:
        """Return what the check by the clock would start, and what it says."""
        self._patch.setenv("STEP_WORK", str(self._folder / "watch"))
        assert run(WATCH, [f"--datasets={self.datasets}", f"--registry={self.registry}"]) == 0
        out = self._folder / "watch" / "out"
        trainings = json.loads((out / "trainings").read_text())
        assert (out / "count").read_text() == str(len(trainings))
        return trainings, (out / "verdict").read_text()

    @property
    def latest(self) -> int:
        return Registry.open(self.registry).latest("planes").number


@pytest.fixture(params=["file-endpoint", "moto"])
def night(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    return Night(make_place(request.param, tmp_path, monkeypatch), tmp_path, monkeypatch)


def test_nothing_starts_after_a_rollback_until_the_data_changes(night: Night) -> None:
    night.upload(b"images")
    night.publish("first", epochs="10")
    night.upload(b"more images")
    night.publish("second", epochs="99")
    night.roll_back()
    assert night.latest == 1
    assert night.check() == ([], "planes: nothing new, version 2 was trained on it, and latest is version 1")

    night.upload(b"better images")
    (training,), verdict = night.check()
    assert verdict == "planes: changed since version 2"
    parameters = {one["name"]: one["value"] for one in training["parameters"]}
    assert parameters["epochs"] == "10", "those of the version that serves, not of the one that was left"

    night.publish(training["run"], **parameters)
    assert night.latest == 3
    assert night.check() == ([], "planes: nothing new, version 3 was trained on it")
