import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from steps.train.epochs import KeptEpochs


def _keep(kept: KeptEpochs, number: int, *, best: bool = True, finished: bool = False) -> None:
    with kept.keep(number, finished=finished) as folder:
        (folder / "last.pt").write_text(f"last {number}")
        (folder / "results.csv").write_text(f"rows {number}")
        if best:
            (folder / "best.pt").write_text(f"best {number}")


def test_newest_is_none_when_no_epoch_was_finished(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    assert kept.begin("a") == 1
    assert kept.newest() is None


def test_newest_tells_the_last_epoch_and_where_the_best_is_from(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 1)
    _keep(kept, 2, best=False)
    newest = kept.newest()
    assert newest
    assert (newest.number, newest.best, newest.finished) == (2, 1, False)
    assert newest.last_weights.read_text() == "last 2"
    assert newest.best_weights.read_text() == "best 1"
    assert newest.results.read_text() == "rows 2"


def test_keeping_an_epoch_removes_the_one_before(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    for number in range(1, 4):
        _keep(kept, number)
    assert [path.name for path in (tmp_path / "train").glob("epoch-*")] == ["epoch-000003"]


def test_an_interrupted_epoch_leaves_the_one_before(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 1)
    interrupted = kept.keep(2, finished=False)
    (interrupted.__enter__() / "last.pt").write_text("half of")
    newest = KeptEpochs(tmp_path / "train").newest()
    assert newest
    assert newest.number == 1
    _keep(kept, 2)
    again = kept.newest()
    assert again
    assert again.last_weights.read_text() == "last 2"


def test_newest_wins_when_a_kill_left_two_epochs(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 2)
    older = tmp_path / "train" / "epoch-000001"
    older.mkdir()
    (older / "last.pt").write_text("no longer whole: its removal was under way")
    newest = kept.newest()
    assert newest
    assert newest.number == 2


def test_begin_counts_attempts_when_the_inputs_are_the_same(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 1)
    assert kept.begin("a") == 2
    assert kept.newest()


def test_begin_starts_anew_when_the_inputs_are_others(tmp_path: Path) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 1)
    assert kept.begin("b") == 1
    assert kept.newest() is None


@pytest.mark.parametrize("content", ["", "{", json.dumps({"attempts": 3})])
def test_begin_starts_anew_when_the_count_is_damaged(tmp_path: Path, content: str) -> None:
    kept = KeptEpochs(tmp_path / "train")
    kept.begin("a")
    _keep(kept, 1)
    (tmp_path / "train" / "attempts.json").write_text(content)
    assert kept.begin("a") == 1
    assert kept.newest() is None


KEEPER = """
import sys
from pathlib import Path
from steps.train.epochs import KeptEpochs

kept = KeptEpochs(Path(sys.argv[1]))
kept.begin("a")
newest = kept.newest()
number = newest.number if newest else 0
print("ready", flush=True)
while True:
    number += 1
    with kept.keep(number, finished=False) as folder:
        for name in ("last.pt", "best.pt", "results.csv"):
            if name != "best.pt" or number % 3 == 1:
                (folder / name).write_text(f"{number}" * 1000)
"""


def test_the_newest_epoch_is_whole_when_the_keeper_was_killed_at_a_random_moment(tmp_path: Path) -> None:
    random, before = Random(0), 0
    for _ in range(12):
        keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path / "train")], stdout=subprocess.PIPE)
        assert keeper.stdout
        assert keeper.stdout.readline() == b"ready\n"
        time.sleep(random.uniform(0, 0.05))
        keeper.kill()
        keeper.communicate()
        newest = KeptEpochs(tmp_path / "train").newest()
        if newest:
            assert newest.number >= before
            assert newest.last_weights.read_text() == newest.results.read_text() == f"{newest.number}" * 1000
            assert newest.best == newest.number - (newest.number - 1) % 3
            assert newest.best_weights.read_text() == f"{newest.best}" * 1000
            before = newest.number
    assert before > 12
