from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from steps.train.results import read_results, write_events

TABLE = "epoch,time,train/box_loss,metrics/mAP50(B)\n1,2.5,3.25,0\n2,5,1.5,0.25\n"


def test_rows_are_numbers_by_column(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(TABLE)
    rows = read_results(tmp_path / "results.csv")
    assert rows[1] == {"epoch": 2, "time": 5, "train/box_loss": 1.5, "metrics/mAP50(B)": 0.25}


def test_there_are_no_rows_when_there_is_no_table(tmp_path: Path) -> None:
    assert read_results(tmp_path / "results.csv") == []


def test_events_hold_every_epoch_once(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(TABLE)
    write_events(read_results(tmp_path / "results.csv"), tmp_path / "events")
    (path,) = (tmp_path / "events").iterdir()
    events = list(EventFileLoader(str(path)).Load())
    told = [
        (event.step, {value.tag: value.tensor.float_val[0] for value in event.summary.value}) for event in events[1:]
    ]
    assert told == [
        (1, {"train/box_loss": 3.25, "metrics/mAP50(B)": 0}),
        (2, {"train/box_loss": 1.5, "metrics/mAP50(B)": 0.25}),
    ]
    assert events[2].wall_time - events[1].wall_time == 2.5
