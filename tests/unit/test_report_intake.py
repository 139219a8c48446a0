"""`ingest`, then `report`: what the page says became of a source is what became of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.dataset.issues import TREATMENTS
from steps.errors import DatasetError
from tests.factories_ingest import Files, Intake, coco, picture, region, take_in, task
from tests.factories_report import run_report
from tests.factories_report_artifacts import write_json
from tests.page_reader import PageReader

KINDS = {"pictures": "Pictures", "label_files": "Label files", "rows": "Label rows", "other_files": "Other files"}
FATES = ("used", "repaired", "merged", "rejected", "left_out")
HEADINGS = {
    "rejected": "rejected Not used, because they are broken; whatever depends on them is not used either.",
    "left_out": "left out Not used, by a rule that was given or that the layout states.",
    "merged": "merged The same thing twice; used once.",
    "repaired": "repaired Used, after a repair that is safe.",
    "noted": "noted Used as they are; worth knowing.",
}
PHOTOS: Files = {
    f"images/{name}.jpg": picture(colour) for name, colour in zip("abcd", ("red", "green", "blue", "gray"), strict=True)
}

YOLO: Files = {
    **PHOTOS,
    "data.yaml": "names: [plane, heli]",
    "labels/a.txt": "0 0.5 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2\n1 0.3 0.3 0.2 0.2\n0 0.97 0.5 0.1 0.2\n0 0.5 0.5 0 0.2",
    "labels/b.txt": "0 0.5 0.5 0.2 0.2",
    "labels/c.txt": "",
    "labels/gone.txt": "0 0.5 0.5 0.2 0.2",
    "images/empty.jpg": b"",
    "weights/best.pt": b"\x80\x04never opened",
    "README.md": "read me",
    ".DS_Store": b"\0",
}
COCO: Files = {
    **PHOTOS,
    "labels.json": coco(
        [{"id": number, "file_name": f"{name}.jpg"} for number, name in enumerate("ab", 1)]
        + [{"id": 9, "file_name": "lost.jpg"}],
        [
            {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]},
            {"image_id": 1, "category_id": 1, "bbox": [30, 10, 20, 20]},
            {"image_id": 1, "category_id": 1, "bbox": [50, 10, 30, 20]},
            {"image_id": 2, "category_id": 2, "bbox": [10, 10, 20, 20]},
            {"image_id": 2, "category_id": 1, "bbox": [10, 10, 20, 20]},
            {
                "image_id": 2,
                "category_id": 1,
                "bbox": [10, 10, 20, 22],
                "iscrowd": 1,
                "segmentation": {"counts": [1], "size": [1, 1]},
            },
            {"image_id": 9, "category_id": 1, "bbox": [10, 10, 20, 20]},
            {"image_id": 77, "category_id": 1, "bbox": [10, 10, 20, 20]},
        ],
    ),
}
LABEL_STUDIO: Files = {
    **PHOTOS,
    "export.json": json.dumps(
        [
            task("images/a.jpg", [region("plane", 10, 10, 20, 20), region("heli", 50, 50, 20, 20)]),
            task("images/b.jpg", [region("plane", 10, 10, 20, 20)]),
            task("images/c.jpg"),
        ]
    ),
}
SOURCES = {"yolo": YOLO, "coco": COCO, "label-studio": LABEL_STUDIO}


def read_page(intake: dict[str, Any], folder: Path) -> tuple[str, dict[str, str]]:
    """Return the section of the page about the source, and in it the text below the heading of each action."""
    (folder / "intake").mkdir()
    write_json(folder / "intake" / "intake.json", intake)
    page, _ = run_report({"intake": str(folder / "intake")}, folder / "work")
    text = " ".join(PageReader(page).text.split())
    section = text[text.rindex("What became of the source") : text.rindex("Splits") if "Splits" in text else None]
    starts = sorted((section.index(heading), action) for action, heading in HEADINGS.items() if heading in section)
    ends = [*(start for start, _ in starts[1:]), len(section)][: len(starts)]
    return section, {action: section[start:end] for (start, action), end in zip(starts, ends, strict=True)}


def spoken(code: str) -> str:
    words = code.replace("_", " ")
    return words[0].upper() + words[1:]


@pytest.mark.parametrize("name", SOURCES)
def test_page_accounts_for_everything_and_nothing_that_was_dropped_is_called_used(name: str, tmp_path: Path) -> None:
    taken = take_in(tmp_path, SOURCES[name], rename_classes="heli=", max_bad_share=1, unlabelled="leave-out")
    section, below = read_page(taken.report, tmp_path)
    for kind, title in KINDS.items():
        account = taken.report["accounts"][kind]
        assert account["total"] == sum(account[fate] for fate in FATES)
        cells = [str(account["total"]), *(str(account[fate]) if account[fate] else "–" for fate in FATES)]
        assert f"{title} {' '.join(cells)}" in section
    assert taken.report["accounts"]["rows"]["used"] + taken.report["accounts"]["rows"]["repaired"] == sum(
        map(len, taken.boxes.values())
    )
    assert taken.report["issues"]
    for issue in taken.report["issues"]:
        action = TREATMENTS[issue["code"]].action
        assert [one for one, text in below.items() if f"{spoken(issue['code'])} {issue['file']}" in text] == [action]
    for action in ("repaired", "noted"):
        assert_used(taken, [one for one in taken.report["issues"] if one["action"] == action])


def assert_used(taken: Intake, issues: list[dict[str, Any]]) -> None:
    """Assert that the pictures that `issues` are about are in the data set."""
    sources = {Path(record.source).stem for record in taken.dataset.records()}
    for issue in issues:
        if TREATMENTS[issue["code"]].scope in ("row", "image"):
            assert Path(issue["file"]).stem in sources | {"labels", "export"}


def test_numbers_are_those_of_all_when_not_all_are_named(tmp_path: Path) -> None:
    issues = [
        {"code": code, "action": action, "file": f"{code}.txt", "row": 1, "found": "", "reason": ""}
        for code, action in (("clipped", "repaired"), ("crowd", "rejected"), ("class_dropped", "left_out"))
    ]
    counts = {"clipped": 1, "crowd": 1200, "class_dropped": 45_000}
    section, _ = read_page({"counts": counts, "issues": issues, "issues_omitted": 46_198}, tmp_path)
    assert "1,200 findings rejected" in section
    assert "45,000 findings left out" in section
    assert "1 finding repaired" in section
    assert "46,198 more are counted above but not named here." in section


def test_page_says_why_a_source_was_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as refused:
        take_in(tmp_path, {**PHOTOS, "notes.txt": "no labels at all"})
    (report,) = tmp_path.glob("run-*/out/intake/intake.json")
    section, _ = read_page(json.loads(report.read_text()), tmp_path)
    assert f"The source was refused: {' '.join(refused.value.message.split())}" in section
    assert "What to do:" in section
    assert "as it should be" not in section
    assert "Nothing of it is used." in section
    assert "Pictures 4 – – – – 4" in section
    assert "Label rows" not in section  # Nobody has counted them.
