"""Learning curves: `results.csv` as ultralytics writes it, and TensorBoard events made from it."""

import csv
import time
from pathlib import Path

MAP50, MAP50_95, SECONDS = "metrics/mAP50(B)", "metrics/mAP50-95(B)", "time"

Row = dict[str, float]


def read_results(path: Path) -> list[Row]:
    """Return the rows of `results.csv`, one an epoch; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        return [{name.strip(): float(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def write_events(rows: list[Row], folder: Path) -> None:
    """Write `rows` as TensorBoard scalars into `folder`, at the times the epochs ended.

    From the table rather than while training: an attempt that was killed leaves no epoch twice.
    """
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415  (slow to import, used once)
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: PLC0415

    began = time.time() - (rows[-1][SECONDS] if rows else 0)
    writer = EventFileWriter(str(folder))
    for row in rows:
        scalars = [
            Summary.Value(tag=tag, simple_value=value) for tag, value in row.items() if tag not in ("epoch", SECONDS)
        ]
        writer.add_event(Event(wall_time=began + row[SECONDS], step=int(row["epoch"]), summary=Summary(value=scalars)))
    writer.close()
