import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from steps.detection import Detections
from steps.errors import ParameterError, StoreUnavailableError
from steps.runtime import Defaults
from steps.serve.capture import recorder as recording
from steps.serve.capture.allowance import Allowance
from steps.serve.capture.recorder import Recorder
from steps.serve.capture.samplers import Sampler, at_random, near, of_classes, of_count
from steps.serve.service import Query
from steps.store import open_store
from tests.factories_model import make_card, write_model
from tests.serving.engines import WHITE, folder_shelf

if TYPE_CHECKING:
    from steps.serve.predictor import Predictor

EVERY = at_random(1.1)
CARD = make_card(defaults=Defaults(confidence=0.6, per_class={"helicopter": 0.3}))


def boxes(*scores: float, labels: tuple[int, ...] = ()) -> Detections:
    count = len(scores)
    return Detections(
        np.zeros((count, 4), np.float32),
        np.array(scores, np.float32),
        np.array(labels or [0] * count, np.int64),
    )


@pytest.mark.parametrize(
    ("sampler", "seen", "wanted"),
    [
        (near(0.1, 0.3), boxes(0.9, 0.35), True),
        (near(0.1, 0.3), boxes(0.9, 0.21), True),
        (near(0.1, 0.3), boxes(0.9, 0.45), False),
        (near(0.1, 0.3), boxes(), False),
        (near(0.1), boxes(0.9, 0.65), True),
        (near(0.1), boxes(0.9, 0.35), False),
        (near(0.1), boxes(0.9, 0.35, labels=(0, 1)), True),
        (near(0.1), boxes(0.9, 0.65, labels=(0, 1)), False),
        (of_classes(("helicopter",)), boxes(0.9, 0.5, labels=(0, 1)), True),
        (of_classes(("helicopter",)), boxes(0.9), False),
        (of_count("0"), boxes(), True),
        (of_count("0"), boxes(0.5), False),
        (of_count("2-3"), boxes(0.5, 0.4), True),
        (of_count("2-3"), boxes(0.5, 0.4, 0.3, 0.2), False),
        (of_count("3-"), boxes(0.5, 0.4, 0.3, 0.2), True),
        (at_random(0.5, draw=lambda: 0.4), boxes(), True),
        (at_random(0.5, draw=lambda: 0.6), boxes(), False),
    ],
)
def test_sampler_chooses_when_its_rule_holds(sampler: Sampler, seen: Detections, wanted: bool) -> None:
    assert sampler.wants(seen, CARD) is wanted


@pytest.mark.parametrize("text", ["", "many", "5-3", "-2", "1-2-3"])
def test_number_of_boxes_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises(ParameterError, match="--capture-count"):
        of_count(text)


def test_rate_counts_each_reason_by_itself_when_one_comes_often() -> None:
    now = [0.0]
    allowance = Allowance(2, 100, 10**9, clock=lambda: now[0])
    assert [allowance.take(["random"])[0] for _ in range(3)] == [["random"], ["random"], []]
    assert allowance.take(["random", "near"]) == (["near"], "")
    assert allowance.take(["random"]) == ([], "rate")
    now[0] = 30.0
    assert allowance.take(["random"]) == (["random"], "")


def test_quota_is_full_again_when_the_next_day_begins() -> None:
    now = [0.0]
    allowance = Allowance(1000, 2, 500, clock=lambda: now[0])
    assert [allowance.take(["near"])[1] for _ in range(3)] == ["", "", "quota"]
    now[0] = 86_400.0
    assert allowance.take(["near"])[1] == ""
    allowance.spend(500)
    assert allowance.take(["near"])[1] == "quota"


class Kept:
    """A recorder into a folder, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.recorder: Recorder | None = None
        self.predictor: Predictor = folder_shelf(write_model(folder / "model")).predictor()

    def start(self, *samplers: Sampler, per_minute: float = 1000, pictures: bool = True) -> None:
        self.recorder = Recorder(
            open_store(str(self.folder / "store")),
            samplers,
            Allowance(per_minute, 1000, 10**9),
            pictures=pictures,
            told=lambda _model, _reason, outcome: self.told.append(outcome),
        )

    def see(self, query: Query, picture: Any = WHITE) -> Detections:
        assert self.recorder
        floor = self.recorder.floor(self.predictor.detector.card)
        sight = self.predictor.look(picture, query, began=time.perf_counter(), floor=floor)
        self.recorder.offer(sight, self.predictor.edition)
        return sight.prediction.detections

    def documents(self) -> list[dict[str, Any]]:
        assert self.recorder
        self.recorder.close()
        return [json.loads(path.read_text()) for path in sorted((self.folder / "store").rglob("*.json"))]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = Kept(tmp_path)
    yield found
    if found.recorder:
        found.recorder.close()


def test_picture_prediction_version_and_reason_are_kept_when_a_sampler_chose(kept: Kept) -> None:
    kept.start(EVERY, of_classes(("plane",)))
    kept.see(Query(request_id="r1"))
    (document,) = kept.documents()
    assert (document["model"], document["version"], document["request_id"]) == ("planes", 0, "r1")
    assert document["reasons"] == ["random", "class"]
    assert document["sha256"] == kept.predictor.edition.sha256
    assert [(box["name"], box["confidence"]) for box in document["boxes"]] == [("plane", 0.9), ("helicopter", 0.6)]
    (path,) = (kept.folder / "store").rglob(document["picture"]["file"])
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (64, 64, 3)
    assert kept.told == ["kept", "kept"]


def test_boxes_are_kept_without_the_picture_when_pictures_are_dropped(kept: Kept) -> None:
    kept.start(EVERY, pictures=False)
    kept.see(Query())
    (document,) = kept.documents()
    assert document["picture"] == {"file": None, "width": 64, "height": 64}
    assert not list((kept.folder / "store").rglob("*.jpg"))


def test_weaker_boxes_are_kept_but_not_answered_when_the_floor_is_low(kept: Kept) -> None:
    kept.start(near(0.1, 0.6), EVERY)
    answered = kept.see(Query(confidence=0.8))
    assert [round(score, 2) for score in answered.scores.tolist()] == [0.9]
    (document,) = kept.documents()
    assert (document["answered"], len(document["boxes"])) == (1, 2)


@pytest.mark.parametrize(("margin", "floor"), [(0.1, 0.2), (0.5, 0.01)])
def test_floor_is_below_the_lowest_threshold_when_near_misses_count(margin: float, floor: float) -> None:
    assert near(margin).floor(CARD) == pytest.approx(floor)
    assert at_random(0.5).floor(CARD) == 1


def test_answer_is_the_same_when_more_is_read_for_capture(kept: Kept) -> None:
    for query in (
        Query(),
        Query(confidence=0.7),
        Query(max_detections=1),
        Query(classes=("helicopter",)),
        Query(iou=0.99),
    ):
        plain, deep = (kept.predictor.look(WHITE, query, began=0, floor=floor).prediction for floor in (1.0, 0.05))
        assert plain.detections.scores.tolist() == deep.detections.scores.tolist()
        assert plain.detections.xyxy.tolist() == deep.detections.xyxy.tolist()


def test_rest_is_counted_when_the_rate_is_used_up(kept: Kept) -> None:
    kept.start(EVERY, per_minute=1)
    for _ in range(3):
        kept.see(Query())
    assert len(kept.documents()) == 1
    assert sorted(kept.told) == ["kept", "rate", "rate"]


def test_answers_go_on_when_the_store_fails(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailableError("no answer", hint="try again")

    monkeypatch.setattr("steps.store.folder.FolderStore.put", away)
    kept.start(EVERY)
    for _ in range(3):
        assert len(kept.see(Query())) == 2
    assert kept.documents() == []
    assert kept.told == ["failed"] * 3
    assert caplog.text.count("capture_failed") == 1


def test_pictures_are_dropped_when_too_many_wait(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_HELD", 20_000)  # A picture has 12,288 bytes.
    monkeypatch.setattr(Recorder, "_bring", slow(Recorder._bring))
    kept.start(EVERY)
    for _ in range(4):
        kept.see(Query())
    kept.documents()
    assert "full" in kept.told
    assert "kept" in kept.told


def slow(bring: Callable[..., None]) -> Callable[..., None]:
    def wait(*arguments: Any) -> None:
        time.sleep(0.3)
        bring(*arguments)

    return wait


def test_answer_goes_on_when_a_sampler_has_a_bug(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    kept.start(Sampler("random", lambda _seen, _card: bool(1 // 0)))
    assert len(kept.see(Query())) == 2
    assert "capture_bug" in caplog.text
