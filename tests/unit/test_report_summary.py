from pathlib import Path

from steps.report.summary import Summary
from tests.factories_report import run_report, write_failed_run, write_run


def test_summary_holds_what_programs_ask_for_when_the_run_succeeded(tmp_path: Path) -> None:
    summary = Summary.model_validate(run_report(write_run(tmp_path), tmp_path / "work")[1])
    assert (summary.schema_version, summary.status, summary.reason) == (1, "Succeeded", None)
    assert (summary.model, summary.version, summary.previous) == ("planes", 3, 2)
    assert summary.url == "s3://argosight/models/planes/3"
    assert (summary.scores.map50, summary.scores.latency_ms) == (0.9437, 11.43)
    assert summary.scores.ap50_per_class == {"plane": 0.9612, "helicopter": 0.9262}
    assert (summary.counts.images, summary.counts.train, summary.counts.issues["zero_size"]) == (398, 279, 1)
    assert [timing.name for timing in summary.timings][:3] == ["ingest", "split", "train"]
    assert summary.duration_s == 164.812


def test_summary_gives_the_reason_when_the_run_failed(tmp_path: Path) -> None:
    summary = Summary.model_validate(run_report(write_failed_run(tmp_path), tmp_path / "work")[1])
    assert summary.reason is not None
    assert (summary.reason.step, summary.reason.exit_code) == ("train", 2)
    assert summary.version is None
    assert summary.timings[-1].exit_code == 2
