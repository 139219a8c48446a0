"""KITTI and VisDrone: what is read from their text files, and that nobody takes them for YOLO."""

from pathlib import Path

import pytest

from steps.dataset.formats import recognise
from steps.dataset.tree import Tree
from steps.errors import DatasetError
from tests.factories_ingest import Files, picture, silent, take_in, write_tree

PHOTO = picture()
CAR = "Car 0.00 0 -1.58 24.00 18.00 40.00 30.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
VAN = "Van 0.50 2 -1.58 1.00 2.00 9.00 12.00 0 0 0 0 0 0 0"
DONT_CARE = "DontCare -1 -1 -10 50.00 16.00 59.00 19.00 -1 -1 -1 -1000 -1000 -1000 -10"
DRONE_CAR = "24,18,16,12,1,4,0,1"
LINE = "0 0.5 0.5 0.25 0.25"
POLYGON = "plane 0 0 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4 0.5 0.5 0.6 0.1"


@pytest.mark.parametrize(
    ("images", "labels"),
    [("training/image_2", "training/label_2"), ("images", "labels"), ("images/train", "labels/train"), ("d", "d")],
)
def test_kitti_is_read_and_not_yolo_when_its_columns_say_so(tmp_path: Path, images: str, labels: str) -> None:
    files: Files = {
        f"{images}/000000.png": picture(kind="PNG"),
        f"{images}/000001.png": picture(kind="PNG"),
        f"{labels}/000000.txt": f"{CAR}\r\n{VAN}\r\n{DONT_CARE}\r\n",
        f"{labels}/000001.txt": "",
        "more/readme.txt": "KITTI",
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "kitti"
    assert intake.boxes == {
        "000000.png": [("Car", (24, 18, 40, 30)), ("Van", (1, 2, 9, 12))],
        "000001.png": [],
    }
    assert [box.attributes for box in intake.records["000000.png"].boxes] == [
        {"truncated": "0.00", "occluded": "0"},
        {"truncated": "0.50", "occluded": "2"},
    ]
    assert intake.issues("ignored_region") == [(f"{labels}/000000.txt", 3, DONT_CARE)]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"]) == (3, 2, 1)


def test_calibration_is_no_label_file_when_kitti_has_it_under_the_same_names(tmp_path: Path) -> None:
    files: Files = {
        "training/calib/000000.txt": "P0: " + " ".join(["7.2e+02"] * 12),
        "training/image_2/000000.png": picture(kind="PNG"),
        "training/label_2/000000.txt": CAR,
        "testing/image_2/000000.png": picture(kind="PNG"),
    }
    intake = take_in(tmp_path, files)
    assert [record.source for record in intake.dataset.records()] == ["training/image_2/000000.png"]
    assert intake.issues("file_ignored") == [("training/calib/000000.txt", None, "")]
    assert intake.issues("not_listed") == [("testing/image_2/000000.png", None, "")]


def test_each_broken_line_is_named_when_it_stands_among_kittis_good_ones(tmp_path: Path) -> None:
    lines = (
        CAR,
        f"{VAN} 0.87",
        "Car 0.00 0 24 18 40 30",
        VAN.replace("1.00", "x"),
        VAN.replace("1.00", "nan"),
        VAN.replace("9.00", "1.00"),
        VAN.replace("9.00", "900"),
        VAN.replace("Van", "7"),
        VAN.replace("1.00 2.00 9.00 12.00", "9.00 22.00 1.00 12.00"),
        LINE,
    )
    files: Files = {"images/a.jpg": PHOTO, "labels/a.txt": "\n".join(lines).encode("utf-16"), "x/readme.txt": ""}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert sorted(intake.boxes["a.jpg"]) == [
        ("Car", (24, 18, 40, 30)),
        ("Van", (1, 2, 9, 12)),
        ("Van", (1, 12, 9, 22)),
    ]
    assert intake.issues("encoding") == [("labels/a.txt", None, "UTF-16")]
    by_code = {
        "wrong_columns": [3, 10],
        "not_a_number": [4, 5],
        "zero_size": [6],
        "out_of_range": [7],
        "unknown_class": [8],
        "corners_swapped": [9],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    assert intake.report["accounts"]["rows"]["total"] == 10


def test_visdrone_is_read_and_not_yolo_when_its_columns_say_so(tmp_path: Path) -> None:
    lines = (DRONE_CAR, "1,2,8,10,1,10,0,0,", "50,16,9,3,0,0,0,0", "50,16,9,3,1,11,0,0", "50,6,9,3,0,4,0,0")
    files: Files = {
        "VisDrone2019-DET-train/annotations/a.txt": "\n".join(lines),
        "VisDrone2019-DET-train/images/a.jpg": PHOTO,
        "VisDrone2019-DET-val/annotations/b.txt": DRONE_CAR,
        "VisDrone2019-DET-val/images/b.jpg": PHOTO,
        "VisDrone2019-DET-test-dev/annotations/c.txt": "",
        "VisDrone2019-DET-test-dev/images/c.jpg": PHOTO,
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "visdrone"
    assert intake.dataset.info.classes[:4] == ("pedestrian", "people", "bicycle", "car")
    assert len(intake.dataset.info.classes) == 10
    assert intake.boxes == {
        "a.jpg": [("car", (24, 18, 40, 30)), ("motor", (1, 2, 9, 12))],
        "b.jpg": [("car", (24, 18, 40, 30))],
        "c.jpg": [],
    }
    assert {record.file: record.split for record in intake.dataset.records()} == {
        "a.jpg": "train",
        "b.jpg": "valid",
        "c.jpg": "test",
    }
    assert intake.records["a.jpg"].boxes[0].attributes == {"truncation": "0", "occlusion": "1"}
    assert [row for _, row, _ in intake.issues("ignored_region")] == [3, 4, 5]


def test_each_broken_line_is_named_when_it_stands_among_visdrones_good_ones(tmp_path: Path) -> None:
    lines = (
        DRONE_CAR,
        "24,18,16,12,1,4",
        "x,18,16,12,1,4,0,1",
        "nan,18,16,12,1,4,0,1",
        "24,18,0,12,1,4,0,1",
        "24,18,999,12,1,4,0,1",
        "24,18,16,12,1,12,0,1",
        "24,18,16,12,1,4.5,0,1",
        "a plane",
    )
    files: Files = {"images/a.jpg": PHOTO, "annotations/a.txt": "\n".join(lines), "annotations/gone.txt": DRONE_CAR}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("car", (24, 18, 40, 30))]
    by_code = {
        "wrong_columns": [2, 9],
        "not_a_number": [3, 4],
        "zero_size": [5],
        "out_of_range": [6],
        "unknown_class": [7, 8],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    assert intake.issues("label_without_image") == [("annotations/gone.txt", None, "")]
    assert intake.report["accounts"]["rows"]["total"] == 10


@pytest.mark.parametrize(
    ("line", "title"),
    [("1,0,24,18,16,12,1,4,0,1", "VisDrone's video labels"), (f"0 -1 {CAR}", "KITTI's tracking labels")],
)
def test_source_is_refused_by_name_when_a_file_is_about_a_video(tmp_path: Path, line: str, title: str) -> None:
    with pytest.raises(
        DatasetError, match=rf"annotations/seq\.txt looks like {title}, a file for a sequence of images"
    ):
        take_in(tmp_path, {"sequences/seq/0000001.jpg": PHOTO, "annotations/seq.txt": line})


@pytest.mark.parametrize(
    "line", [LINE, POLYGON, "0,0.5,0.5,0.25,0.25", "0 " + "0.1 0.2 0.3 " * 5, "1 2 3 4 1 5 0 0", ""]
)
def test_yolo_stays_yolo_when_its_rows_look_a_little_like_theirs(tmp_path: Path, line: str) -> None:
    source = write_tree(tmp_path / "source", {"images/a.jpg": PHOTO, "labels/a.txt": line, "classes.txt": "plane"})
    with Tree.scan(source, tmp_path / "tree.sqlite", silent) as tree:
        assert recognise(tree, "auto", {}).name == "yolo"


def test_yolo_is_read_when_kittis_files_are_a_few_beside_it(tmp_path: Path) -> None:
    files: Files = {
        **{f"images/{name}.jpg": PHOTO for name in "abc"},
        **{f"labels/{name}.txt": LINE for name in "abc"},
        "label_2/a.txt": CAR,
        "classes.txt": "plane",
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "yolo"
    assert intake.issues("other_labels") == [("label_2/a.txt", None, "KITTI")]
