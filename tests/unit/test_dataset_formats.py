"""What is particular to each format: names, missing and extra files, what a row can be."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, coco, picture, region, take_in, voc

LINE = "1 0.5 0.5 0.25 0.25"
BOX = [("heli", (24.0, 18.0, 40.0, 30.0))]
NAMES = "plane\nheli\n"
LIST = "names: [plane, heli]"
MAPPING = "train: ../train\nval: x\nnc: 2\nnames:\n  0: plane\n  1: heli\n"
PHOTO = picture()
VOC = voc(("heli", 24, 18, 40, 30))
COCO = coco([{"id": 7, "file_name": "a.jpg"}], [{"image_id": 7, "category_id": 2, "bbox": [24, 18, 16, 12]}])
REGION = region("heli", 37.5, 37.5, 25, 25)
NOTES = json.dumps({"categories": [{"id": 0, "name": "plane"}, {"id": 1, "name": "heli"}], "info": {}})


def test_names_come_from_notes_when_label_studios_lists_disagree(tmp_path: Path) -> None:
    notes = json.dumps({"categories": [{"id": 5, "name": "heli"}, {"id": 1, "name": "plane"}]})
    files = {"images/a.jpg": PHOTO, "labels/a.txt": "5 0.5 0.5 0.25 0.25", "classes.txt": NAMES, "notes.json": notes}
    intake = take_in(tmp_path, files)
    assert list(intake.boxes.values()) == [BOX]
    assert intake.dataset.info.classes == ("plane", "heli")


def test_classes_have_numbers_when_no_names_are_known(tmp_path: Path) -> None:
    labels = {"a.jpg": PHOTO, "a.txt": "10 0.5 0.5 0.25 0.25\n2 0.5 0.5 0.5 0.5\n1000 0.5 0.5 0.5 0.5"}
    intake = take_in(tmp_path, labels, max_bad_share=1)
    assert intake.dataset.info.classes == ("class-2", "class-10")
    assert intake.report["counts"] == {"names_unknown": 1, "unknown_class": 1}


def test_given_classes_name_the_numbers_when_the_source_has_no_names(tmp_path: Path) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.txt": LINE}, classes="plane,heli")
    assert list(intake.boxes.values()) == [BOX]


def test_source_is_refused_when_two_files_of_names_disagree(tmp_path: Path) -> None:
    files = {"a/a.jpg": PHOTO, "a/a.txt": LINE, "a/classes.txt": NAMES, "b/classes.txt": "heli\nplane\n"}
    with pytest.raises(DatasetError, match=r"a/classes\.txt and b/classes\.txt give different class names"):
        take_in(tmp_path, files)


def test_both_images_are_kept_with_the_label_when_they_share_a_name(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "a.png": picture("blue", kind="PNG"), "a.txt": LINE, "classes.txt": NAMES}
    intake = take_in(tmp_path, files)
    assert list(intake.boxes.values()) == [BOX, BOX]
    first, second = sorted(intake.boxes)
    assert first.startswith("a-")
    assert second.startswith("a-")
    assert {Path(file).suffix for file in intake.boxes} == {".jpg", ".png"}
    assert len({Path(file).stem for file in intake.boxes}) == 2


def test_names_are_safe_and_lasting_when_files_are_called_oddly(tmp_path: Path) -> None:
    names = ["Ünï côdé", "图片", "图像", "a b", "a;b", "-x", "a" * 200, "CON.tar", "a-0123456789"]
    files: dict[str, object] = {"classes.txt": NAMES}
    for name in names:
        files |= {f"{name}.jpg": PHOTO, f"{name}.txt": LINE}
    once, again = (take_in(tmp_path, files) for _ in range(2))
    assert list(once.boxes) == list(again.boxes)
    assert len(once.boxes) == len(names)
    assert all(file.isascii() and len(file) < 100 and " " not in file and ";" not in file for file in once.boxes)
    assert "CON.tar.jpg" in once.boxes
    assert {record.source for record in once.records.values()} == {f"{name}.jpg" for name in names}


def test_label_without_image_is_named_when_yolo_or_voc_has_one(tmp_path: Path) -> None:
    yolo = take_in(
        tmp_path,
        {"a.jpg": PHOTO, "a.txt": LINE, "b.txt": LINE, "README.txt": "hi", "classes.txt": NAMES},
        max_bad_share=0.5,
    )
    assert yolo.issues("label_without_image") == [("b.txt", None, "")]
    other = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": VOC, "b.xml": VOC}, max_bad_share=0.5)
    assert other.issues("label_without_image") == [("b.xml", None, "")]
    for intake in (yolo, other):
        assert intake.report["accounts"]["label_files"]["rejected"] == 1
        assert intake.report["accounts"]["rows"]["rejected"] == 1


def test_masks_are_left_out_and_named_when_voc_has_them(tmp_path: Path) -> None:
    intake = take_in(tmp_path, {"JPEGImages/a.jpg": PHOTO, "Annotations/a.xml": VOC, "SegmentationClass/a.png": PHOTO})
    assert intake.issues("not_listed") == [("SegmentationClass/a.png", None, "")]


def test_voc_file_is_refused_when_it_defines_entities(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + VOC.replace("heli", "&b;")
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": VOC, "b.jpg": PHOTO, "b.xml": bomb}, max_bad_share=0.5)
    assert list(intake.boxes) == ["a.jpg"]
    assert "EntitiesForbidden" in intake.issues("label_unreadable")[0][2]


def test_coco_rows_are_named_and_polygons_kept_when_some_are_broken(tmp_path: Path) -> None:
    annotations: list[dict[str, Any]] = [
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 48], "iscrowd": 1, "segmentation": {"counts": "x"}},
        {"image_id": 1, "category_id": 1, "bbox": [8, 8, 8, 8], "segmentation": [[8, 8, 16, 8, 16, 16]], "iscrowd": 0},
        {"image_id": 1, "category_id": 1, "segmentation": [[20, 20, 30, 20, 30, 40]]},
        {"image_id": 1, "category_id": 9, "bbox": [8, 8, 8, 8]},
        {"image_id": 1, "category_id": 1, "bbox": [8, 8, 8]},
        {"image_id": 1, "category_id": 1, "bbox": ["8", 8, 8, 8]},
        {"image_id": 1, "category_id": 1, "bbox": None},
    ]
    files = {"a.jpg": PHOTO, "a.json": coco([{"id": 1, "file_name": "a.jpg"}], annotations)}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("plane", (8.0, 8.0, 16.0, 16.0)), ("plane", (20.0, 20.0, 30.0, 40.0))]
    assert intake.records["a.jpg"].boxes[0].rings == (((8.0, 8.0), (16.0, 8.0), (16.0, 16.0)),)
    codes = {
        "mask_broken": 1,
        "box_from_outline": 1,
        "unknown_class": 1,
        "wrong_columns": 1,
        "not_a_number": 1,
        "no_box": 1,
    }
    assert intake.report["counts"] == codes
    assert intake.issues("unknown_class") == [("a.json", 4, "category_id 9 bbox=[8, 8, 8, 8]")]


def test_coco_images_are_told_apart_when_folders_share_names(tmp_path: Path) -> None:
    def split(box: list[int], name: str) -> str:
        return coco([{"id": 1, "file_name": name}], [{"image_id": 1, "category_id": 1, "bbox": box}])

    files: Files = {
        "train/a.jpg": PHOTO,
        "valid/a.jpg": picture("blue"),
        "train/_annotations.coco.json": split([0, 0, 8, 8], "a.jpg"),
        "valid/_annotations.coco.json": split([8, 8, 8, 8], "a.jpg"),
    }
    intake = take_in(tmp_path, files)
    by_source = {record.source: record.boxes[0].xyxy[0] for record in intake.records.values()}
    assert by_source == {"train/a.jpg": 0.0, "valid/a.jpg": 8.0}


def test_parent_category_is_no_class_when_nothing_is_labelled_so(tmp_path: Path) -> None:
    content = json.loads(COCO)
    content["categories"] = [{"id": 0, "name": "things", "supercategory": "none"}] + [
        category | {"supercategory": "things"} for category in content["categories"]
    ]
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.json": "\ufeff" + json.dumps(content)})
    assert intake.dataset.info.classes == ("plane", "heli")


def test_darknet_leaves_out_and_names_images_when_no_list_has_them(tmp_path: Path) -> None:
    files: Files = {
        "obj.data": "train = train.txt\nvalid = valid.txt\nnames = obj.names",
        "obj.names": NAMES,
        "train.txt": "data/a.jpg\ndata/gone.jpg\n",
        "valid.txt": "data/b.jpg\n",
        **{f"data/{name}.jpg": picture(colour) for name, colour in (("a", "red"), ("b", "blue"), ("c", "green"))},
        "data/a.txt": LINE,
    }
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert list(intake.boxes) == ["a.jpg", "b.jpg"]
    assert intake.issues("not_listed") == [("data/c.jpg", None, "")]
    assert intake.issues("image_missing") == [("train.txt", 2, "data/gone.jpg")]


def test_files_of_other_tools_do_no_harm_when_they_are_called_like_ours(tmp_path: Path) -> None:
    others = {
        "compose.yaml": "a: [",
        "ci.yml": "a: 1\n---\nb: 2\n",
        "notes.json": "[1]",
        "package.json": '{"name": "x"}',
    }
    files = {"a.jpg": PHOTO, "a.txt": LINE, "classes.txt": NAMES, **others}
    assert list(take_in(tmp_path, files).boxes.values()) == [BOX]


def test_label_is_the_one_of_the_same_case_when_two_differ_in_nothing_else(tmp_path: Path) -> None:
    def lines(label: int) -> str:
        return f"{label} 0.5 0.5 0.25 0.25"

    photos = {"a.jpg": PHOTO, "A.jpg": PHOTO, "b.JPG": PHOTO}
    yolo = take_in(tmp_path, {**photos, "a.txt": lines(0), "A.txt": lines(1), "B.TXT": lines(1), "classes.txt": NAMES})
    names = {record.source: yolo.dataset.info.classes[record.boxes[0].label] for record in yolo.records.values()}
    assert names == {"a.jpg": "plane", "A.jpg": "heli", "b.JPG": "heli"}
    other = take_in(
        tmp_path, {**photos, "a.xml": voc(("plane", 1, 1, 9, 9)), "A.xml": voc(("heli", 1, 1, 9, 9)), "B.XML": VOC}
    )
    names = {record.source: other.dataset.info.classes[record.boxes[0].label] for record in other.records.values()}
    assert names == {"a.jpg": "plane", "A.jpg": "heli", "b.JPG": "heli"}
