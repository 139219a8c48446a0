"""Open Images as the OIDv4 toolkit leaves it: class folders with `Label/` inside, names with blanks, corners in pixels."""

from pathlib import Path

import pytest

from tests.factories_ingest import Files, picture, take_in

PHOTO = picture()
APPLE = "Apple 24.0 18.5 40 30\n"


def test_class_folders_are_read_when_the_toolkit_laid_them_out(tmp_path: Path) -> None:
    files: Files = {
        "OID/Dataset/train/Apple/1.jpg": PHOTO,
        "OID/Dataset/train/Apple/Label/1.txt": APPLE,
        "OID/Dataset/test/Traffic light/2.jpg": PHOTO,
        "OID/Dataset/test/Traffic light/Label/2.txt": "Traffic light 1 2 9 12.25\r\nBoeing 747 3 4 11 14\r\n",
        "OID/csv_folder/train-annotations-bbox.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\nx,/m/01,0.1,0.2,0.1,0.2\n",
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "oidv4"
    assert intake.boxes == {
        "1.jpg": [("Apple", (24, 18.5, 40, 30))],
        "2.jpg": [("Boeing 747", (3, 4, 11, 14)), ("Traffic light", (1, 2, 9, 12.25))],
    }
    assert {record.file: record.split for record in intake.dataset.records()} == {"1.jpg": "train", "2.jpg": "test"}
    assert intake.issues("other_labels") == [("csv_folder/train-annotations-bbox.csv", None, "CSV")]


@pytest.mark.parametrize(
    ("images", "labels"), [("train/Apple", "train/Apple/Label"), ("images", "labels"), ("apple", "apple/labels")]
)
def test_broken_rows_are_named_when_sound_ones_stand_among_them(tmp_path: Path, images: str, labels: str) -> None:
    rows = f"{APPLE}Apple 1 2 3\nApple 1 2 x 4\n40 1 2 30 20\n\nApple 9 12 1 2\n"
    files: Files = {f"{images}/1.jpg": PHOTO, f"{labels}/1.txt": rows, "more/readme.txt": "x"}
    intake = take_in(tmp_path, files, max_bad_share=0.7)
    assert intake.boxes == {"1.jpg": [("Apple", (1, 2, 9, 12)), ("Apple", (24, 18.5, 40, 30))]}
    assert [(code, row) for code in ("wrong_columns", "not_a_number", "unknown_class", "corners_swapped")
            for _, row, _ in intake.issues(code)] == [
        ("wrong_columns", 2), ("not_a_number", 3), ("unknown_class", 4), ("corners_swapped", 6),
    ]  # fmt: skip
    assert intake.report["accounts"]["rows"] == {
        "total": 5, "used": 1, "repaired": 1, "merged": 0, "rejected": 3, "left_out": 0,
    }  # fmt: skip


def test_it_is_yolo_when_the_numbers_are_shares_of_the_image(tmp_path: Path) -> None:
    files: Files = {"c/1.jpg": PHOTO, "c/Label/1.txt": "apple 0.5 0.5 0.25 0.25\n", "classes.txt": "apple\n"}
    intake = take_in(tmp_path, files)
    assert (intake.report["format"], intake.boxes) == ("yolo", {"1.jpg": [("apple", (24, 18, 40, 30))]})
