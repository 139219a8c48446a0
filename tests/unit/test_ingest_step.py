"""The step as a whole: classes, names, digests, groups, report, several processes, interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from pydantic import ValidationError

from steps.errors import DatasetError
from steps.ingest.contract import IngestInputs
from steps.ingest.pool import each_in_order
from tests.factories_ingest import coco, picture, take_in, voc, write_tree, write_zip

LINE = "0 0.5 0.5 0.25 0.25"
COLOURS = ("red", "green", "blue", "white", "yellow", "orange", "purple", "brown")


def flat(count: int = 4, names: str = "plane\nheli\n", lines: str = LINE) -> dict[str, object]:
    files: dict[str, object] = {"classes.txt": names}
    for number in range(count):
        image = picture(COLOURS[number % len(COLOURS)], size=(64 + number // len(COLOURS), 48))
        files |= {f"{number:03}.jpg": image, f"{number:03}.txt": lines}
    return files


def test_classes_are_in_the_sources_order_when_it_has_one(tmp_path: Path) -> None:
    assert take_in(tmp_path, flat(names="zebra\napple\n")).dataset.info.classes == ("zebra", "apple")


def test_classes_are_sorted_when_the_source_has_no_order(tmp_path: Path) -> None:
    files = {"a.jpg": picture(), "a.xml": voc(("c10", 0, 0, 9, 9), ("c9", 0, 0, 9, 9), ("b", 0, 0, 9, 9))}
    assert take_in(tmp_path, files).dataset.info.classes == ("b", "c9", "c10")


def test_classes_are_kept_merged_and_dropped_when_asked(tmp_path: Path) -> None:
    objects = [
        ("Person", 0, 0, 9, 9),
        ("person", 0, 0, 9, 9),
        ("hat", 20, 0, 29, 9),
        ("dog", 30, 0, 39, 9),
        ("cat", 1, 1, 9, 9),
    ]
    files = {"a.jpg": picture(), "a.xml": voc(*objects)}
    intake = take_in(tmp_path, files, classes="hat,person,bus", rename_classes="Person=person,dog=,cow=")
    assert intake.dataset.info.classes == ("hat", "person", "bus")
    assert intake.dataset.info.boxes_per_class == {"hat": 1, "person": 1, "bus": 0}
    assert intake.report["counts"] == {"class_dropped": 2, "duplicate_row": 1, "class_absent": 2}
    assert [found for _, _, found in intake.issues("class_absent")] == ["bus", "cow"]
    assert intake.outputs.quarantined == 0


def test_given_classes_are_refused_with_a_guess_when_none_occurs(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none of the classes plan occurs; the source has heli, plane") as refusal:
        take_in(tmp_path, flat(), classes="plan")
    assert "did you mean 'plane'?" in refusal.value.hint


@pytest.mark.parametrize(
    "parameters",
    [{"classes": "a,b,a"}, {"rename_classes": "a"}, {"rename_classes": "=a"}, {"rename_classes": "a=b,a=c"}],
)
def test_parameter_is_refused_when_class_rules_contradict(parameters: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"stands there twice|is not `old=new`"):
        IngestInputs(source="photos.zip", **parameters)


def test_groups_are_found_in_the_path_when_there_is_a_pattern(tmp_path: Path) -> None:
    files = {"site-1/a.jpg": picture(), "site-2/b.jpg": picture("blue"), "c.jpg": picture("green"), "c.txt": LINE}
    intake = take_in(tmp_path, files, classes="plane", group_pattern="(site-[0-9]+)", unlabelled="background")
    assert {record.source: record.group for record in intake.records.values()} == {
        "site-1/a.jpg": "site-1",
        "site-2/b.jpg": "site-2",
        "c.jpg": "",
    }


@pytest.mark.parametrize("pattern", ["(", "site"])
def test_group_pattern_is_refused_when_it_has_no_group(pattern: str) -> None:
    with pytest.raises(ValidationError, match=r"regular expression|group in parentheses"):
        IngestInputs(source="x", group_pattern=pattern)


def test_digest_is_another_when_a_box_or_an_image_is(tmp_path: Path) -> None:
    files = flat()
    digests = [
        take_in(tmp_path, changed).outputs.digest
        for changed in (files, files | {"000.txt": "1 0.5 0.5 0.25 0.25"}, files | {"000.jpg": picture("pink")})
    ]
    assert len(set(digests)) == 3


def test_rows_may_come_in_any_order_when_the_digest_is_made(tmp_path: Path) -> None:
    rows = [LINE, "1 0.2 0.2 0.1 0.1", "0 0.2 0.2 0.1 0.1"]
    one, other = (take_in(tmp_path, flat(lines="\n".join(order))).outputs.digest for order in (rows, rows[::-1]))
    assert one == other


def test_report_tells_sizes_duplicates_and_pictures_when_all_is_done(tmp_path: Path) -> None:
    files = flat(30) | {
        "copy.jpg": picture("red"),
        "huge.jpg": picture(size=(640, 480)),
        "huge.txt": "0 0.5 0.5 0.9 0.9",
    }
    files |= {"broken.jpg": picture(size=(640, 480))[:-9], "odd.jpg": picture("pink"), "odd.txt": f"{LINE}\n0 9 9 9 9"}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    report = intake.report
    assert report["source"] == str(tmp_path / "run-0" / "source")
    assert (report["images"], report["boxes"], report["background"]) == (33, 32, 1)
    assert report["classes"] == {"plane": 32, "heli": 0}
    assert report["sizes"] == {"min": [64, 48], "median": [65, 48], "max": [640, 480]}
    assert report["box_sizes"] == {"small": 31, "medium": 0, "large": 1}
    assert report["duplicates"] == [["000.jpg", "copy.jpg"]]
    assert len(report["thumbnails"]) == 24
    assert {item["boxes"] for item in report["thumbnails"]} == {1}
    aside = {item["source"]: item["reason"] for item in report["quarantine_thumbnails"]}
    assert aside.keys() == {"broken.jpg", "odd.jpg"}
    assert "coordinates look like pixels" in aside["odd.jpg"]
    for item in report["thumbnails"] + report["quarantine_thumbnails"]:
        with Image.open(intake.outputs.intake / item["file"]) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= 320


def test_issues_are_counted_but_not_all_named_when_there_are_thousands(tmp_path: Path) -> None:
    rows = "\n".join(["0 nan 0.5 0.5 0.5"] * 1500 + [LINE])
    intake = take_in(tmp_path, flat(1, lines=rows), max_bad_share=1)
    assert intake.report["counts"]["not_a_number"] == 1500
    assert len(intake.issues("not_a_number")) == 1000
    assert intake.report["issues_omitted"] == 500


def test_source_folder_is_left_as_it_was_when_it_is_read(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "data", flat())
    before = {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_nlink) for path in folder.iterdir()
    }
    intake = take_in(tmp_path, folder)
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_nlink) for path in folder.iterdir()}
    assert after == before
    assert intake.report["images"] == 4


def test_archive_is_checked_when_its_sha256_is_given(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", flat())
    with pytest.raises(Exception, match="has sha256"):
        take_in(tmp_path, path, source_sha256="0" * 64)


def test_source_is_read_when_it_is_a_key_or_prefix_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = write_tree(tmp_path / "store" / "photos", {f"set/{path}": content for path, content in flat().items()})
    write_zip(bucket / "set.zip", flat())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", (tmp_path / "store").as_uri())
    one, other = (take_in(tmp_path, f"s3://photos/{key}") for key in ("set.zip", "set/"))
    assert one.outputs.digest == other.outputs.digest
    assert (bucket / "set" / "000.jpg").exists()


def test_nothing_is_left_behind_but_the_outputs_when_it_is_done(tmp_path: Path) -> None:
    take_in(tmp_path, write_zip(tmp_path / "a.zip", flat()))
    assert sorted(path.name for path in (tmp_path / "run-0").iterdir()) == ["out", "state"]
    assert sorted(path.name for path in (tmp_path / "run-0" / "out").iterdir()) == ["dataset", "intake"]


def test_result_is_the_same_when_several_processes_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", flat(60) | {"bad.jpg": b"", "bad.txt": LINE})
    alone, together = (take_in(tmp_path, path, workers=workers) for workers in (1, 2))
    assert alone.outputs.digest == together.outputs.digest
    assert alone.report == together.report


def test_work_is_never_far_ahead_when_results_are_taken_slowly() -> None:
    asked = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    results = each_in_order(abs, numbers(), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(asked) < 12
    assert sum(results) == sum(range(3, 100))


def _blocked(_number: int) -> list[int]:
    return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_processes_are_born_deaf_to_ctrl_c_and_this_one_is_not() -> None:
    # The mask is inherited: what a worker has at its work, it has had since its first instruction.
    assert list(each_in_order(_blocked, range(4), 2)) == [[signal.SIGINT]] * 4
    assert _blocked(0) == []


def start(tmp_path: Path) -> "subprocess.Popen[str]":
    files = flat(1) | {"big/data.json": coco([], [])}
    big = picture(size=(4000, 3000))  # And many: a fast machine must still be at work when the signal comes.
    files |= {f"{number}.jpg": big + number.to_bytes(2, "big") for number in range(400)}
    return subprocess.Popen(
        [sys.executable, "-m", "steps", "ingest", f"--source={write_zip(tmp_path / 'a.zip', files)}", "--workers=2"],
        env=os.environ | {"STEP_WORK": str(tmp_path / "work")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_processes_end_and_nothing_looks_finished_when_it_is_stopped(tmp_path: Path, number: int, code: int) -> None:
    step = start(tmp_path)
    workers: list[psutil.Process] = []
    while step.poll() is None and len(workers) < 3:
        workers = psutil.Process(step.pid).children(recursive=True)
        time.sleep(0.01)
    time.sleep(0.1)
    os.killpg(step.pid, number) if number == signal.SIGINT else step.send_signal(number)
    _, errors = step.communicate(timeout=60)
    assert step.returncode == code
    assert "Traceback" not in errors
    assert not psutil.wait_procs(workers, timeout=30)[1]
    assert not (tmp_path / "work" / "out").exists()
    if number != signal.SIGKILL:
        assert "interrupted" in json.loads((tmp_path / "work" / "record.json").read_text())["error"]["message"]


def test_index_files_are_closed_when_a_source_is_refused(tmp_path: Path) -> None:
    # Somebody who holds the error holds the frames of the step too: only closing closes the files.
    with pytest.raises(DatasetError) as caught:
        take_in(tmp_path, {"a.jpg": picture(), "a.xml": voc(("plane", 5, 5, 5, 5))})
    assert caught.value.__traceback__ is not None
    # The scratch folder is gone by then, and psutil lists no file that is deleted.
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert [link for link in links if link.is_relative_to(tmp_path)] == []
