"""Hugging Face's image folders: spellings of objects, where class names come from, and what becomes of broken lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, picture, take_in

PHOTO = picture()
XYWH = [16, 12, 16, 24]
BOX = [("gate", (16.0, 12.0, 32.0, 36.0))]
CARD = """---
license: mit
dataset_info:
  features:
  - name: image
    dtype: image
  - name: objects
    sequence:
    - name: category
      dtype:
        class_label:
          names:
            '0': plane
            '1': gate
---
# A data set
"""
INFO = json.dumps(
    {"features": {"objects": {"feature": {"category": {"names": ["plane", "gate"], "_type": "ClassLabel"}}}}}
)


def lines(*items: Any) -> str:
    return "".join(f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in items)


@pytest.mark.parametrize(
    "objects",
    [
        {"bbox": [XYWH], "categories": ["gate"]},
        {"id": [7], "area": [384], "bbox": [[16.0, 12.0, 16.0, 24.0]], "category": ["gate"]},
        [{"bbox": XYWH, "label": "gate", "id": 3}],
    ],
)
def test_boxes_are_cocos_when_a_line_has_objects(tmp_path: Path, objects: Any) -> None:
    metadata = lines({"file_name": "a.jpg", "width": 64, "height": 48, "objects": objects})
    intake = take_in(tmp_path, {"train/a.jpg": PHOTO, "train/metadata.jsonl": metadata, "data.txt": "x"})
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.records["a.jpg"].split == "train"
    assert intake.dataset.info.format == "hugging-face"


@pytest.mark.parametrize(
    ("more", "parameters"),
    [
        ({"README.md": CARD}, {}),
        ({"dataset_info.json": INFO}, {}),
        ({"README.md": "---\nlicense: [\n---", "classes.txt": "plane\ngate\n"}, {}),
        ({}, {"classes": "plane,gate"}),
    ],
)
def test_indices_are_named_when_something_says_what_they_mean(
    tmp_path: Path, more: Files, parameters: dict[str, str]
) -> None:
    metadata = lines({"file_name": "a.jpg", "objects": {"bbox": [XYWH, XYWH], "categories": [1, 5]}})
    files = {"train/a.jpg": PHOTO, "train/metadata.jsonl": metadata, **more}
    intake = take_in(tmp_path, files, max_bad_share=0.5, **parameters)
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.dataset.info.classes == ("plane", "gate")
    assert [row for _, row, _ in intake.issues("unknown_class")] == [2]


def test_indices_are_kept_and_said_when_nothing_names_them(tmp_path: Path) -> None:
    metadata = lines({"file_name": "a.jpg", "objects": {"bbox": [XYWH], "categories": [1]}})
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "metadata.jsonl": metadata})
    assert intake.dataset.info.classes == ("class-1",)
    assert intake.report["counts"] == {"names_unknown": 1}


def test_lines_and_objects_are_rejected_one_by_one_when_they_are_broken(tmp_path: Path) -> None:
    metadata = lines(
        {
            "file_name": "a.jpg",
            "objects": {"bbox": [XYWH, [1, 2, 3], None, [1, 2, "3", 4], [1, 2, 0, 4]], "category": ["gate"] * 6},
        },
        {"file_name": "b.jpg", "objects": {"bbox": [], "category": []}},
        {"file_name": "c.jpg"},
        '{"file_name": "d.jpg", "objects": {"bbox": [[1, 2',
        "",
        {"file_name": "gone.jpg", "objects": {"bbox": [XYWH], "category": ["gate"]}},
        {"objects": {"bbox": [XYWH], "category": ["gate"]}},
        {"file_name": "a.jpg", "objects": {"bbox": [[0, 0, 9, 9]], "category": [None]}},
    )
    files = {
        f"{name}.jpg": picture(colour) for name, colour in zip("abcd", ("red", "blue", "green", "white"), strict=True)
    }
    intake = take_in(tmp_path, {**files, "metadata.jsonl": metadata}, max_bad_share=0.95)
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": [], "c.jpg": []}
    assert {code: len(intake.issues(code)) for code in ("no_box", "not_a_number", "zero_size", "unknown_class")} == {
        "no_box": 3,
        "not_a_number": 1,
        "zero_size": 1,
        "unknown_class": 1,
    }
    assert [row for _, row, _ in intake.issues("broken_line")] == [4]
    assert [row for _, row, _ in intake.issues("image_missing")] == [6, 7]
    assert intake.issues("not_listed") == [("d.jpg", None, "")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["rejected"]) == (10, 1, 9)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("metadata.jsonl", lines({"file_name": "a.jpg", "label": 1}), "labels for classification"),
        ("metadata.jsonl", lines({"file_name": "a.jpg", "text": "a gate"}), "not labels for detection"),
        ("metadata.csv", "file_name,objects\na.jpg,{}\n", "cannot hold boxes"),
    ],
)
def test_file_is_named_when_it_has_no_boxes(tmp_path: Path, name: str, content: str, why: str) -> None:
    with pytest.raises(DatasetError, match=rf"no labels recognised .*; {name} .*{why}"):
        take_in(tmp_path, {"a.jpg": PHOTO, name: content})
