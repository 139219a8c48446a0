"""A training's epochs in a store: a try in another pod goes on, whatever happened to the first one."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import StoreUnavailableError
from steps.store import open_store
from steps.train.epochs import KeptEpoch, KeptEpochs
from steps.train.stored_epochs import StoredEpochs
from tests.factories_store import EVERYDAY, make_place


@pytest.fixture(params=EVERYDAY)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return f"{make_place(request.param, tmp_path, monkeypatch)}/runs/r/state"


class Pod:
    """The disk of one try."""

    def __init__(self, folder: Path, place: str, *, every: int = 1, inputs: str = "a") -> None:
        self.kept = KeptEpochs(folder)
        self.attempts = StoredEpochs(place, every).begin(self.kept, inputs, self.kept.begin(inputs))
        self.stored = StoredEpochs.beside(self.kept)

    def train(self, number: int, *, best: bool = True, finished: bool = False) -> None:
        with self.kept.keep(number, finished=finished) as folder:
            (folder / "last.pt").write_text(f"last {number}")
            (folder / "results.csv").write_text(f"rows {number}")
            if best:
                (folder / "best.pt").write_text(f"last {number}")
        assert self.stored
        self.stored.save(self.newest())

    def newest(self) -> KeptEpoch:
        newest = self.kept.newest()
        assert newest
        return newest


def test_a_new_pod_goes_on_after_the_epoch_that_was_saved(place: str, tmp_path: Path) -> None:
    first = Pod(tmp_path / "1", place)
    first.train(1)
    first.train(2, best=False)
    second = Pod(tmp_path / "2", place)
    assert second.attempts == 2
    newest = second.newest()
    assert (newest.number, newest.best, newest.finished) == (2, 1, False)
    assert newest.last_weights.read_text() == "last 2"
    assert newest.best_weights.read_text() == "last 1"
    assert newest.results.read_text() == "rows 2"
    second.train(3, finished=True)
    third = Pod(tmp_path / "3", place)
    assert (third.attempts, third.newest().number, third.newest().finished) == (3, 3, True)


@pytest.mark.parametrize(("trained", "saved"), [(2, 0), (3, 3), (5, 3), (6, 6)])
def test_a_lost_pod_costs_at_most_the_interval(trained: int, saved: int, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "1", str(tmp_path / "store"), every=3)
    for number in range(1, trained + 1):
        pod.train(number)
    newest = Pod(tmp_path / "2", str(tmp_path / "store"), every=3).kept.newest()
    assert (newest.number if newest else 0) == saved


def test_the_last_epoch_is_saved_whatever_the_interval(tmp_path: Path) -> None:
    Pod(tmp_path / "1", str(tmp_path / "store"), every=9).train(1, finished=True)
    assert Pod(tmp_path / "2", str(tmp_path / "store")).newest().finished


def test_the_same_pod_keeps_what_is_newer_on_its_disk(tmp_path: Path) -> None:
    pod = Pod(tmp_path / "1", str(tmp_path / "store"), every=2)
    for number in range(1, 4):
        pod.train(number)
    assert Pod(tmp_path / "1", str(tmp_path / "store"), every=2).newest().number == 3


def test_files_that_nothing_names_any_more_are_removed(place: str, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "1", place)
    for number in range(1, 5):
        pod.train(number, best=number < 3)
    assert len(list(open_store(place).list("files/"))) == 3


def test_other_inputs_start_anew(place: str, tmp_path: Path) -> None:
    Pod(tmp_path / "1", place).train(1)
    other = Pod(tmp_path / "2", place, inputs="b")
    assert (other.attempts, other.kept.newest()) == (1, None)


@pytest.mark.parametrize("name", ["last.pt", "best.pt", "results.csv"])
def test_files_with_another_digest_are_not_touched(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "store"
    pod = Pod(tmp_path / "1", str(place))
    pod.train(1)
    pod.train(2, best=False)
    document: dict[str, Any] = json.loads((place / "training.json").read_text())
    (place / "files" / document["files"][name]).write_text("another pickle")
    second = Pod(tmp_path / "2", str(place))
    assert second.kept.newest() is None
    assert second.attempts == 2
    assert "trains from the start" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_document_starts_anew(content: str, tmp_path: Path) -> None:
    place = tmp_path / "store"
    Pod(tmp_path / "1", str(place)).train(1)
    (place / "training.json").write_text(content)
    assert Pod(tmp_path / "2", str(place)).kept.newest() is None


def test_training_goes_on_without_a_store_when_it_may_not_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    kept = KeptEpochs(tmp_path / "1")
    assert StoredEpochs(str(tmp_path / "file" / "x"), 1).begin(kept, "a", kept.begin("a")) == 1
    assert StoredEpochs.beside(kept) is None
    assert "are not saved" in capsys.readouterr().err


def test_a_try_ends_for_another_when_the_store_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_place("moto", tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    kept = KeptEpochs(tmp_path / "1")
    with pytest.raises(StoreUnavailableError):
        StoredEpochs("s3://bucket/x", 1).begin(kept, "a", kept.begin("a"))
