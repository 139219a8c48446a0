"""CreateML's JSON: its spellings, its units, and what becomes of broken objects."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import picture, take_in

PHOTO = picture()
BOX = [("gate", (16.0, 12.0, 32.0, 36.0))]
CENTRED = {"x": 24, "y": 24, "width": 16, "height": 24}
GATE = {"label": "gate", "coordinates": CENTRED}


def createml(*items: Any) -> str:
    return json.dumps(items)


@pytest.mark.parametrize(
    "item",
    [
        {"image": "a.jpg", "annotations": [GATE]},
        {"imagefilename": "/Users/x/a.jpg", "annotation": [GATE]},
        {"image": "a.jpg", "annotations": [{"label": "gate", "bounding_box": CENTRED}]},
        {"image": "a.jpg", "verified": True, "annotation": GATE},
        {
            "image": "a.jpg",
            "annotations": [{"label": "gate", "coordinates": {"x": 0.375, "y": 0.5, "width": 0.25, "height": 0.5}}],
        },
    ],
)
def test_box_is_around_its_centre_when_an_image_is_listed(tmp_path: Path, item: dict[str, Any]) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "_annotations.createml.json": createml(item)})
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.dataset.info.format == "createml"
    assert intake.report["counts"] == {}


def test_objects_are_rejected_one_by_one_when_they_are_broken(tmp_path: Path) -> None:
    bad = [
        ({"label": "", "coordinates": CENTRED}, "unknown_class"),
        ({"coordinates": CENTRED}, "unknown_class"),
        ({"label": "gate"}, "no_box"),
        ("gate", "unknown_class"),
        ({"label": "gate", "coordinates": CENTRED | {"x": "24"}}, "not_a_number"),
        ({"label": "gate", "coordinates": CENTRED | {"width": -3}}, "zero_size"),
        ({"label": "gate", "coordinates": CENTRED | {"x": 90}}, "out_of_range"),
    ]
    items = [
        {"image": "b.jpg", "annotations": []},
        {"image": "a.jpg", "annotations": [*[each for each, _ in bad], GATE]},
        {"image": "gone.jpg", "annotations": [GATE, GATE]},
        {"annotations": [GATE]},
    ]
    files = {"a.jpg": PHOTO, "b.jpg": picture("blue"), "c.jpg": picture("green"), "x.json": createml(*items)}
    intake = take_in(tmp_path, files, max_bad_share=0.95)
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": []}
    for number, (_, code) in enumerate(bad, 1):
        assert number in [row for _, row, _ in intake.issues(code)]
    assert [row for _, row, _ in intake.issues("image_missing")] == [3, 4]
    assert intake.issues("not_listed") == [("c.jpg", None, "")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["rejected"]) == (11, 1, 10)


def test_splits_are_those_of_the_files_when_there_is_one_for_each(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "b.jpg": picture("blue")}
    labels = {
        "train.json": createml({"image": "a.jpg", "annotations": [GATE]}),
        "val.json": createml({"image": "b.jpg", "annotations": [GATE]}),
    }
    intake = take_in(tmp_path, {**files, **labels})
    assert {file: record.split for file, record in intake.records.items()} == {"a.jpg": "train", "b.jpg": "valid"}


def test_yolo_labels_are_read_and_the_file_named_when_both_are_there(tmp_path: Path) -> None:
    files = {"images/a.jpg": PHOTO, "labels/a.txt": "0 0.375 0.5 0.25 0.5", "classes.txt": "van\n"}
    labels = {"_annotations.createml.json": createml({"image": "a.jpg", "annotations": [GATE]})}
    intake = take_in(tmp_path, {**files, **labels})
    assert intake.boxes == {"a.jpg": [("van", BOX[0][1])]}
    assert intake.issues("other_labels") == [("_annotations.createml.json", None, "CreateML JSON")]
    assert take_in(tmp_path, {**files, **labels}, format="createml").boxes == {"a.jpg": BOX}


def test_source_is_refused_when_the_file_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"x\.json is broken JSON"):
        take_in(tmp_path, {"a.jpg": PHOTO, "x.json": createml({"image": "a.jpg", "annotations": [GATE]})[:-3]})
