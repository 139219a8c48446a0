import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from steps.report.page import SECTIONS
from tests.factories_report import (
    argo_parameters,
    failed_node,
    run_report,
    write_failed_run,
    write_run,
)
from tests.factories_report_artifacts import write_json
from tests.page_reader import PageReader

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'></td>{{7*7}}${8*8}𝕌ﬀ\u202e"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A whole run's artifacts and the report's flags; copy before you change."""
    folder = tmp_path_factory.mktemp("run")
    return folder, write_run(folder)


def copied(run: tuple[Path, dict[str, str]], to: Path) -> tuple[Path, dict[str, str]]:
    folder, flags = run
    shutil.copytree(folder, to, dirs_exist_ok=True)
    return to, {name: value.replace(str(folder), str(to)) for name, value in flags.items()}


def test_every_section_is_there_when_the_run_succeeded(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    page, summary = run_report(run[1], tmp_path)
    reader = PageReader(page)
    assert reader.faults == []
    assert {section.name for section in SECTIONS} | {"next"} <= set(reader.ids)
    assert "Version 3 of planes is published and answers" in reader.text
    for words in ("0.944", "labels/000090.txt, row 2", "11.4 ms", "c0ffee", "s3://planes/labelled/batch-7.zip"):
        assert words in reader.text
    assert len(reader.images) == 18 + 1 + 2 + 6 + 1
    assert summary["notes"] == []


def test_reason_stands_first_when_the_run_failed(tmp_path: Path) -> None:
    page, summary = run_report(write_failed_run(tmp_path), tmp_path / "work")
    reader = PageReader(page)
    assert reader.faults == []
    assert summary["status"] == "Failed"
    assert summary["reason"]["step"] == "train"
    assert summary["reason"]["hint"].startswith("give --base-model-sha256")
    places = [
        reader.text.index(words) for words in ("Train failed", "sha256 9f2b", "give --base-model", "Boxes by class")
    ]
    assert places == sorted(places)
    assert "nothing was trained" in reader.text


def test_page_tells_what_is_missing_when_there_is_nothing(tmp_path: Path) -> None:
    page, summary = run_report({"run": "r", "status": "Error", "failures": ""}, tmp_path)
    reader = PageReader(page)
    assert reader.faults == []
    assert "The run failed" in reader.text
    assert summary["scores"]["map50"] is None


def test_hostile_text_stays_text_when_it_is_everywhere(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, flags = copied(run, tmp_path / "run")
    for path in folder.rglob("*.json"):
        write_json(path, poisoned(json.loads(path.read_text())))
    flags |= {
        "run": HOSTILE,
        "status": "Failed",
        "failures": json.dumps(json.dumps([failed_node(HOSTILE, HOSTILE, HOSTILE, after=1)])),
        "parameters": argo_parameters({HOSTILE: HOSTILE, "db-password": "hunter2", "source": "https://a:hunter2@b/c"}),
    }
    for status in ("Failed", "Succeeded"):
        page, summary = run_report(flags | {"status": status}, tmp_path / status)
        reader = PageReader(page)
        assert reader.faults == []
        assert "alert(1)" in reader.text
        assert "49$" not in page
        assert "hunter2" not in page + json.dumps(summary)
        assert "\u202e" not in page


def test_no_secret_is_shown_when_artifacts_and_messages_hold_some(
    run: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, flags = copied(run, tmp_path / "run")
    published = json.loads((folder / "published.json").read_text())
    published["lineage"] |= {
        "source": "https://u:hunter2@h/d.zip?X-Amz-Signature=hunter2",
        "parameters": {"token": "hunter2"},
    }
    write_json(folder / "published.json", published)
    record = {
        "step": "ingest",
        "exit_code": 2,
        "error": {"message": "s3://u:hunter2@h: denied", "hint": "password=hunter2"},
    }
    write_json(folder / "records/ingest.json", record)
    (folder / "metrics/metrics.json").write_text('{"map50": "https://u:hunter2@h"}')
    failures = json.dumps([failed_node("ingest", "ingest", "https://u:hunter2@h", after=1)])
    page, summary = run_report(flags | {"status": "Failed", "failures": failures}, tmp_path / "work")
    assert "hunter2" not in page + json.dumps(summary)
    assert "***@h: denied" in page


def test_page_stays_small_when_there_is_much_to_show(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, flags = copied(run, tmp_path / "run")
    pictures = [*folder.rglob("*.jpg")]
    Image.effect_noise((1600, 1200), 90).save(tmp_path / "noise.jpg", quality=95)
    for path in pictures:
        shutil.copy(tmp_path / "noise.jpg", path)
    intake = json.loads((folder / "intake/intake.json").read_text())
    row = {
        "code": "clipped",
        "action": "repaired",
        "file": "f" * 900,
        "row": 1,
        "found": "&" * 900,
        "reason": "r" * 900,
    }
    intake |= {"issues": [row] * 1200, "classes": {f"class {index}": index for index in range(5000)}}
    intake["duplicates"] = [["a" * 500] * 30] * 60
    write_json(folder / "intake/intake.json", intake)
    page, summary = run_report(flags, tmp_path / "work")
    assert len(page.encode()) < 6_000_000
    assert any("pictures are left out" in note for note in summary["notes"])


def test_typical_page_is_below_three_megabytes_when_pictures_are_of_usual_size(
    run: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    assert len(run_report(run[1], tmp_path)[0].encode()) < 3_000_000


def test_page_asks_the_network_for_nothing(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    page, _ = run_report(run[1], tmp_path)
    style = page[page.index("<style>") : page.index("</style>")]
    assert not re.search(r"url\(|@import|https?://", style)
    assert "default-src 'none'" in page


def poisoned(value: Any) -> Any:
    """Put hostile text into every text of `value` but those that choose what is shown."""
    if isinstance(value, str):
        kept = {"rejected", "repaired", "noted", "best", "worst"}
        keeps = value in kept or value.startswith(("thumbnails/", "examples/", "2026-"))
        return value if keeps else HOSTILE
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    if isinstance(value, dict):
        return {
            key + HOSTILE if key in {"plane", "helicopter", "zero_size"} else key: poisoned(item)
            for key, item in value.items()
        }
    return value
