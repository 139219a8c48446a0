"""Every kind of dirty row, through the whole step."""

import json
from pathlib import Path

import pytest

from steps.dataset.issues import TREATMENTS
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, Files, coco, picture, take_in, voc

GOOD = "0 0.5 0.5 0.25 0.25"
GOOD_BOX = (24.0, 18.0, 40.0, 30.0)
NAMES = "names: [plane, heli]\n"

YOLO_ROWS = {
    "clean": (GOOD, [("plane", GOOD_BOX)], None),
    "class as float": ("0.0 0.5 0.5 0.25 0.25", [("plane", GOOD_BOX)], None),
    "tabs and blanks": ("  0\t0.5 \t0.5  0.25\t0.25  ", [("plane", GOOD_BOX)], None),
    "CRLF": (GOOD + "\r\n", [("plane", GOOD_BOX)], None),
    "a little too large": ("1 0.5 0.5 1.005 0.5", [("heli", (0.0, 12.0, 64.0, 36.0))], "clipped"),
    "over the edge": ("1 0.0 0.5 0.5 0.5", [("heli", (0.0, 12.0, 16.0, 36.0))], "clipped"),
    "a little negative": ("1 -0.005 0.5 0.5 0.5", [("heli", (0.0, 12.0, 15.68, 36.0))], "clipped"),
    "over 1.01": ("1 1.2 0.5 0.25 0.25", [], "out_of_range"),
    "negative": ("1 -0.5 0.5 0.25 0.25", [], "out_of_range"),
    "negative width": ("1 0.5 0.5 -0.25 0.25", [], "out_of_range"),
    "pixels": ("1 32 24 16 12", [], "pixel_units"),
    "NaN": ("1 nan 0.5 0.25 0.25", [], "not_a_number"),
    "infinity": ("1 inf 0.5 0.25 0.25", [], "not_a_number"),
    "text": ("1 0.5 half 0.25 0.25", [], "not_a_number"),
    "four columns": ("1 0.5 0.5 0.25", [], "wrong_columns"),
    "one column": ("1", [], "wrong_columns"),
    "eight columns": ("1 0.5 0.5 0.25 0.25 1 1 1", [], "wrong_columns"),
    "commas": ("1,0.5,0.5,0.25,0.25", [("heli", GOOD_BOX)], "comma_separated"),
    "commas and blanks": ("1, 0.5, 0.5, 0.25, 0.25", [("heli", GOOD_BOX)], "comma_separated"),
    "decimal commas": ("1 0,5 0,5 0,25 0,25", [("heli", GOOD_BOX)], "comma_separated"),
    "only commas": (",,,,", [], "wrong_columns"),
    "class name": ("heli 0.5 0.5 0.25 0.25", [("heli", GOOD_BOX)], "class_by_name"),
    "unknown class name": ("dog 0.5 0.5 0.25 0.25", [], "unknown_class"),
    "zero width": ("1 0.5 0.5 0 0.25", [], "zero_size"),
    "class beyond the names": ("2 0.5 0.5 0.25 0.25", [], "unknown_class"),
    "class below zero": ("-1 0.5 0.5 0.25 0.25", [], "unknown_class"),
    "half a class": ("0.5 0.5 0.5 0.25 0.25", [], "unknown_class"),
    "endless class": ("1e999 0.5 0.5 0.25 0.25", [], "unknown_class"),
    "confidence": ("1 0.5 0.5 0.25 0.25 0.9", [("heli", GOOD_BOX)], "confidence_dropped"),
    "polygon": ("1 0.25 0.25 0.5 0.25 0.5 0.75", [("heli", (16.0, 12.0, 32.0, 36.0))], "box_from_outline"),
    "polygon outside": ("1 0.25 0.25 0.5 0.25 0.5 7.75", [], "pixel_units"),
    "duplicate": (f"{GOOD}\n{GOOD}", [("plane", GOOD_BOX)], "duplicate_row"),
}


@pytest.mark.parametrize(("text", "boxes", "code"), YOLO_ROWS.values(), ids=YOLO_ROWS.keys())
def test_yolo_row_is_used_repaired_or_quarantined_when_it_is(
    tmp_path: Path, text: str, boxes: list[object], code: str | None
) -> None:
    files = {"data.yaml": NAMES, "a.jpg": picture(), "a.txt": text, "b.jpg": picture("blue"), "b.txt": GOOD}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes.get("a.jpg", []) == boxes
    assert intake.boxes["b.jpg"] == [("plane", GOOD_BOX)]
    expected = {code} if code else set()
    if not boxes:
        expected.add("all_rows_bad")
    assert set(intake.report["counts"]) == expected
    if code:
        row = len(text.strip().splitlines())
        assert intake.issues(code) == [("a.txt", row, text.strip().splitlines()[-1].strip())]
        assert intake.outputs.quarantined == (TREATMENTS[code].action == "rejected") + (not boxes)


ENCODINGS = {
    "UTF-8 with mark": "utf-8-sig",
    "UTF-16": "utf-16",
    "UTF-16 without mark": "utf-16-le",
    "UTF-16 the other way": "utf-16-be",
    "UTF-32": "utf-32",
}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_label_file_is_repaired_when_its_encoding_is_another(tmp_path: Path, encoding: str) -> None:
    files = {"data.yaml": NAMES, "a.jpg": picture(), "a.txt": f"{GOOD}\n1 0.5 0.5 0.5 0.5".encode(encoding)}
    intake = take_in(tmp_path, files)
    assert len(intake.boxes["a.jpg"]) == 2
    assert intake.report["counts"] == {"encoding": 1}


def test_image_is_background_and_counted_when_there_are_no_labels(tmp_path: Path) -> None:
    files = {
        "data.yaml": NAMES,
        **{f"{name}.jpg": picture(colour) for name, colour in zip("abc", ("red", "green", "blue"), strict=True)},
        "a.txt": GOOD,
        "b.txt": " \r\n\n",
    }
    intake = take_in(tmp_path, files)
    assert intake.report["background"] == 2
    assert intake.issues("empty_labels") == [("b.jpg", None, "")]
    assert intake.issues("no_label_file") == [("c.jpg", None, "")]


def test_image_is_put_aside_when_its_label_file_is_binary(tmp_path: Path) -> None:
    files = {
        "data.yaml": NAMES,
        "a.jpg": picture(),
        "a.txt": GOOD,
        "b.jpg": picture("blue"),
        "b.txt": bytes(range(256)) * 9,
    }
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert list(intake.boxes) == ["a.jpg"]
    assert intake.issues("label_unreadable") == [("b.txt", None, "binary content")]


def test_image_is_rejected_and_no_background_when_every_row_is_bad(tmp_path: Path) -> None:
    files = {"data.yaml": NAMES, "a.jpg": picture(), "a.txt": GOOD, "b.jpg": picture("blue"), "b.txt": "0 1 2 3 4"}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert list(intake.boxes) == ["a.jpg"]
    assert intake.issues("all_rows_bad") == [("b.jpg", None, "1 of 1 rows")]
    assert intake.issues("pixel_units") == [("b.txt", 1, "0 1 2 3 4")]


PIXEL_ROWS = {
    "clean": ((8, 6, 16, 18), [(8.0, 6.0, 16.0, 18.0)], None),
    "whole image": ((0, 0, WIDTH, HEIGHT), [(0.0, 0.0, 64.0, 48.0)], None),
    "a little over": ((8, 6, 64.5, 18), [(8.0, 6.0, 64.0, 18.0)], "clipped"),
    "a little negative": ((-0.5, 6, 16, 18), [(0.0, 6.0, 16.0, 18.0)], "clipped"),
    "far over": ((8, 6, 90, 18), [], "out_of_range"),
    "far negative": ((-20, 6, 16, 18), [], "out_of_range"),
    "zero width": ((8, 6, 8, 18), [], "zero_size"),
    "zero size": ((8, 6, 8, 6), [], "zero_size"),
    "NaN": ((float("nan"), 6, 16, 18), [], "not_a_number"),
}


@pytest.mark.parametrize(("corners", "boxes", "code"), PIXEL_ROWS.values(), ids=PIXEL_ROWS.keys())
@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_pixel_row_is_used_repaired_or_quarantined_when_it_is(
    tmp_path: Path, kind: str, corners: tuple[float, float, float, float], boxes: list[object], code: str | None
) -> None:
    left, top, right, bottom = corners
    labels = {
        "voc": {"a.xml": voc(("plane", *corners)), "b.xml": voc()},
        "coco": {
            "labels.json": coco(
                [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
                [{"image_id": 1, "category_id": 1, "bbox": [left, top, right - left, bottom - top]}],
            )
        },
    }
    files = {"a.jpg": picture(), "b.jpg": picture("blue"), **labels[kind]}
    intake = take_in(tmp_path, files, max_bad_share=1, classes="plane")
    assert intake.boxes == ({"a.jpg": [("plane", box) for box in boxes]} if boxes else {}) | {"b.jpg": []}
    assert set(intake.report["counts"]) - {"all_rows_bad", "class_absent", "empty_labels"} == (
        {code} if code else set()
    )


def test_voc_corners_are_swapped_when_they_are_in_the_wrong_order(tmp_path: Path) -> None:
    intake = take_in(tmp_path, {"a.jpg": picture(), "a.xml": voc(("plane", 16, 18, 8, 6))})
    assert intake.boxes == {"a.jpg": [("plane", (8.0, 6.0, 16.0, 18.0))]}
    assert intake.report["counts"] == {"corners_swapped": 1}


def test_source_is_refused_with_reasons_when_too_many_rows_are_bad(tmp_path: Path) -> None:
    rows = "\n".join([GOOD] * 2 + ["0 32 24 16 12"] * 3 + ["7 0.5 0.5 0.1 0.1"])
    with pytest.raises(DatasetError) as refusal:
        take_in(tmp_path, {"data.yaml": NAMES, "a.jpg": picture(), "a.txt": rows}, max_bad_share=0.5)
    assert "4 of 6 label rows are broken, more than the 50%" in refusal.value.message
    assert "3 x pixel_units" in refusal.value.message
    assert "a.txt row 3: '0 32 24 16 12'" in refusal.value.message
    assert "1 x unknown_class" in refusal.value.message
    assert "--max-bad-share" in refusal.value.hint


def test_refusal_for_rows_names_every_cause_and_no_consequence(tmp_path: Path) -> None:
    cells = ["1.jpg,64,48,van,,,,", "2.jpg,64,48,van,nan,10,30,20", "gone.jpg,64,48,van,1,1,9,9", "3.jpg,64"]
    table = "\n".join(["filename,width,height,class,xmin,ymin,xmax,ymax", "0.jpg,64,48,van,10,10,30,20", *cells])
    colours = ("red", "green", "blue", "white")
    files: Files = {"a.csv": table, **{f"{index}.jpg": picture(colour) for index, colour in enumerate(colours)}}
    with pytest.raises(DatasetError) as refusal:
        take_in(tmp_path, files)
    said = refusal.value.message
    assert "4 of 5 label rows are broken" in said
    assert all(cause in said for cause in ("2 x not_a_number", "1 x wrong_cells", "1 x image_missing"))
    assert "all_rows_bad" not in said


def test_source_is_refused_when_too_many_images_are_bad(tmp_path: Path) -> None:
    files = {"data.yaml": NAMES, "a.jpg": picture(), "a.txt": GOOD, "b.jpg": b"", "c.jpg": b"<html>404</html>"}
    with pytest.raises(DatasetError, match=r"2 of 3 images are broken.*image_empty.*c\.jpg: 'an HTML or XML page'"):
        take_in(tmp_path, files)


def test_source_is_refused_when_no_image_is_left_whatever_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 of 1 images are broken, no image is left: 1 x image_empty"):
        take_in(tmp_path, {"data.yaml": NAMES, "a.jpg": b"", "a.txt": GOOD}, max_bad_share=1)


SHARES: dict[str, Files] = {
    "COCO": {
        "a.json": coco(
            [{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "category_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4]}]
        )
    },
    "Pascal VOC": {"a.xml": voc(("plane", 0.1, 0.2, 0.4, 0.6))},
}


@pytest.mark.parametrize("labels", SHARES.values(), ids=SHARES.keys())
def test_shares_of_the_image_are_no_pixels(tmp_path: Path, labels: Files) -> None:
    with pytest.raises(DatasetError, match="1 x share_units, coordinates look like shares of the image"):
        take_in(tmp_path, {"a.jpg": picture(), **labels})


def test_annotation_without_a_box_is_called_so_when_it_has_no_class_either(tmp_path: Path) -> None:
    text = coco([{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "caption": "a plane"}], names=())
    with pytest.raises(DatasetError, match="1 x no_box"):
        take_in(tmp_path, {"a.jpg": picture(), "captions.json": text})


OBJECT = {"label": "plane", "coordinates": {"x": 20, "y": 15, "width": 20, "height": 10}}
UNSAID: dict[str, Files] = {
    "COCO without a list": {
        "train.json": coco(
            [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
            [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 10]}],
        ),
        "test.json": json.dumps({"images": [{"id": 1, "file_name": "c.jpg"}], "categories": []}),
    },
    "CreateML without a list": {
        "a.json": json.dumps([
            {"image": "a.jpg", "annotations": [OBJECT]}, {"image": "b.jpg", "annotations": []}, {"image": "c.jpg"},
        ]),
    },
    "Hugging Face without objects": {
        "metadata.jsonl": "\n".join(
            json.dumps({"file_name": f"{name}.jpg"} | more)
            for name, more in (
                ("a", {"objects": {"bbox": [[10, 10, 20, 10]], "categories": ["plane"]}}),
                ("b", {"objects": {"bbox": [], "categories": []}}),
                ("c", {"objects": None}),
            )
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize("labels", UNSAID.values(), ids=UNSAID.keys())
def test_listed_image_is_guessed_to_be_background_where_nothing_says_so(tmp_path: Path, labels: Files) -> None:
    photos = {"a.jpg": picture(), "b.jpg": picture("green"), "c.jpg": picture("blue")}
    files: Files = {**labels, **photos}
    intake = take_in(tmp_path, files)
    assert intake.boxes["a.jpg"] == [("plane", (10.0, 10.0, 30.0, 20.0))]
    assert intake.issues("empty_labels") == [("b.jpg", None, "")]
    assert intake.issues("no_label_file") == [("c.jpg", None, "")]
    assert set(take_in(tmp_path, files, unlabelled="leave-out").boxes) == {"a.jpg", "b.jpg"}
