"""Layouts that are recognised, and what is read from each."""

import json
from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, coco, picture, region, take_in, task, voc, write_zip

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

LAYOUTS: dict[str, tuple[str, Files]] = {
    "YOLO, flat": ("yolo", {"a.jpg": PHOTO, "a.txt": LINE, "classes.txt": NAMES}),
    "YOLO, flat in a wrapper": ("yolo", {"w/a.jpg": PHOTO, "w/a.txt": LINE, "w/classes.txt": NAMES}),
    "YOLO, images and labels": ("yolo", {"images/a.jpg": PHOTO, "labels/a.txt": LINE, "data.yaml": LIST}),
    "YOLO, in any case": ("yolo", {"Images/a.jpg": PHOTO, "Labels/a.txt": LINE, "data.YML": MAPPING}),
    "YOLO, images/train": ("yolo", {"images/train/a.jpg": PHOTO, "labels/train/a.txt": LINE, "coco.yaml": MAPPING}),
    "YOLO, Roboflow": ("yolo", {"train/images/a.jpg": PHOTO, "train/labels/a.txt": LINE, "data.yaml": LIST}),
    "YOLO, wrapped Roboflow": (
        "yolo",
        {"p/test/images/a.jpg": PHOTO, "p/test/labels/a.txt": LINE, "p/data.yaml": LIST},
    ),
    "YOLO, JPEGImages": ("yolo", {"JPEGImages/a.jpg": PHOTO, "labels/a.txt": LINE, "classes.txt": NAMES}),
    "YOLO, Label Studio": (
        "yolo",
        {"images/a.jpg": PHOTO, "labels/a.txt": LINE, "classes.txt": "heli\nplane\n", "notes.json": NOTES},
    ),
    "darknet": (
        "darknet",
        {
            "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/",
            "obj.names": NAMES,
            "train.txt": "C:\\Users\\ann\\darknet\\data\\obj\\a.jpg\r\n",
            "obj/a.jpg": PHOTO,
            "obj/a.txt": LINE,
        },
    ),
    "VOC, flat": ("voc", {"a.jpg": PHOTO, "a.xml": VOC}),
    "VOCdevkit": (
        "voc",
        {
            "VOCdevkit/VOC2007/JPEGImages/a.jpg": PHOTO,
            "VOCdevkit/VOC2007/Annotations/a.xml": VOC,
            "VOCdevkit/VOC2007/ImageSets/Main/train.txt": "a\n",
            "VOCdevkit/VOC2007/SegmentationClass/a.png": picture(kind="PNG"),
        },
    ),
    "VOC, images and annotations": ("voc", {"images/a.jpg": PHOTO, "annotations/a.xml": VOC}),
    "VOC, split folders": ("voc", {"images/train/a.jpg": PHOTO, "annotations/train/a.xml": VOC}),
    "VOC, by file name": (
        "voc",
        {"pictures/a.jpg": PHOTO, "xml/0001.xml": voc(("heli", 24, 18, 40, 30), filename="/home/ann/a.jpg")},
    ),
    "COCO": ("coco", {"images/a.jpg": PHOTO, "annotations/instances_train.json": COCO}),
    "COCO, Roboflow": ("coco", {"train/a.jpg": PHOTO, "train/_annotations.coco.json": COCO}),
    "COCO with captions": (
        "coco",
        {
            "train2017/a.jpg": PHOTO,
            "annotations/instances_train2017.json": COCO,
            "annotations/captions_train2017.json": json.dumps(
                {"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": [{"image_id": 7, "caption": "a heli"}]}
            ),
        },
    ),
    "Label Studio": ("label-studio", {"export.json": json.dumps([task("a.jpg", [REGION])]), "a.jpg": PHOTO}),
    "Label Studio, uploaded": (
        "label-studio",
        {"export.json": json.dumps([task("/data/upload/1/1a2b3c4d-a.jpg", [REGION])]), "images/a.jpg": PHOTO},
    ),
    "Label Studio, local files": (
        "label-studio",
        {"export.json": json.dumps([task("/data/local-files/?d=x/a%20b.jpg", [REGION])]), "x/a b.jpg": PHOTO},
    ),
}


@pytest.mark.parametrize(("name", "files"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layout_is_recognised_and_read_when_it_is_a_common_one(tmp_path: Path, name: str, files: Files) -> None:
    junk = {"__MACOSX/w/._a.jpg": b"\0", ".DS_Store": b"\0", "images/Thumbs.db": b"\0"}
    intake = take_in(tmp_path, write_zip(tmp_path / "source.zip", {**files, **junk}))
    assert intake.report["format"] == name
    assert intake.report["layout"]
    assert list(intake.boxes.values()) == [BOX]


def test_source_is_refused_when_two_kinds_of_labels_fit(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "a.txt": LINE, "a.xml": VOC, "classes.txt": NAMES}
    with pytest.raises(
        DatasetError, match=r"two kinds of labels fit: voc .*such as a\.xml\); yolo .*such as a\.txt\)"
    ) as refusal:
        take_in(tmp_path, files)
    assert "--format=voc or --format=yolo" in refusal.value.hint
    assert take_in(tmp_path, files, format="voc").report["format"] == "voc"
    assert take_in(tmp_path, files, format="yolo").report["format"] == "yolo"


REFUSED = {
    "nothing": ({}, "no image in the source; found no file"),
    "no images": ({"a.txt": LINE}, "no image in the source; found 1 .txt"),
    "no labels": ({"a.jpg": PHOTO, "b.png": PHOTO}, "no labels recognised in the source; found 1 .jpg, 1 .png"),
    "captions": (
        {"a.jpg": PHOTO, "a.txt": "a plane\nin the sky", "classes.txt": NAMES},
        "2 of 2 label rows are broken",
    ),
    "no class": ({"a.jpg": PHOTO, "a.txt": ""}, "no class is left"),
    "broken COCO": ({"a.jpg": PHOTO, "a.json": COCO[:-20]}, r"a\.json is broken JSON"),
    "no image of COCO": ({"b.jpg": PHOTO, "a.json": COCO}, "no image has labels that can be read: 1 x image_missing"),
    "no image of darknet": (
        {"obj.data": "train = train.txt", "train.txt": "/x/a.jpg\n", "b.jpg": PHOTO},
        "no image has labels",
    ),
    "nobody has labelled": ({"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg")])}, "1 x unreviewed"),
}


@pytest.mark.parametrize(("files", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_source_is_refused_and_described_when_there_is_nothing_to_read(tmp_path: Path, files: Files, told: str) -> None:
    with pytest.raises(DatasetError, match=told):
        take_in(tmp_path, files)


def test_wanted_format_is_refused_when_the_source_has_another(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"--format=coco: no such labels in the source; found voc"):
        take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": VOC}, format="coco")
