"""LabelMe's files: what is read from them, and what is named instead."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steps.dataset.masks import Mask
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, picture, take_in

PHOTO = picture()


def shape(label: str, *points: tuple[float, float], kind: str | None = "rectangle", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


BOX = shape("heli", (24, 18), (40, 30))


def labelme(*shapes: Any, path: str = "a.jpg", **more: Any) -> str:
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    return json.dumps(
        {"version": "5.2.1", "flags": {}, "shapes": shapes, "imagePath": path, "imageData": None, **size, **more}
    )


def png(rows: list[list[int]]) -> str:
    file = io.BytesIO()
    Image.fromarray(np.array(rows, bool)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_rectangles_are_read_with_attributes_when_corners_are_in_any_order(tmp_path: Path) -> None:
    shapes = BOX, shape("plane", (9, 30), (1, 20), group_id=3, flags={"occluded": True, "cut": False})
    intake = take_in(
        tmp_path, {"a.json": labelme(*shapes), "a.jpg": PHOTO, "b.jpg": PHOTO, "b.json": labelme(path="b.jpg")}
    )
    assert intake.report["format"] == "labelme"
    assert intake.boxes == {"a.jpg": [("heli", (24, 18, 40, 30)), ("plane", (1, 20, 9, 30))], "b.jpg": []}
    attributes = {"group_id": "3", "occluded": "true", "cut": "false"}
    assert [box.attributes for box in intake.records["a.jpg"].boxes] == [{}, attributes]
    assert intake.issues("corners_swapped") == []


def test_outlines_and_masks_are_kept_when_shapes_are_no_rectangles(tmp_path: Path) -> None:
    mask = shape("mask", (10, 20), (12, 21), kind="mask", mask=png([[0, 1, 1], [1, 0, 0]]))
    shapes = (
        shape("circle", (30, 20), (33, 24), kind="circle"),
        mask,
        shape("old", (1.5, 2), (9, 2), (9, 12), kind=None),
        shape("polygon", (1.5, 2), (9, 2), (9, 12), kind="polygon"),
        shape("square", (1, 2), (9, 2), (9, 12), (1, 12)),
        shape("turned", (20, 10), (30, 20), (20, 30), (10, 20), kind="rotation", direction=0.78),
    )
    intake = take_in(tmp_path, {"a.json": labelme(*shapes), "a.jpg": PHOTO})
    assert intake.boxes["a.jpg"] == [
        ("circle", (25, 15, 35, 25)),
        ("mask", (10, 20, 13, 22)),
        ("old", (1.5, 2, 9, 12)),
        ("polygon", (1.5, 2, 9, 12)),
        ("square", (1, 2, 9, 12)),
        ("turned", (10, 10, 30, 30)),
    ]
    boxes = intake.records["a.jpg"].boxes
    assert boxes[3].rings == (((1.5, 2), (9, 2), (9, 12)),)
    assert boxes[5].rings == (((20, 10), (30, 20), (20, 30), (10, 20)),)
    assert boxes[1].mask is not None
    pixels = Mask(*boxes[1].mask.size, boxes[1].mask.counts).pixels()
    assert pixels.shape == (HEIGHT, WIDTH)
    assert list(zip(*np.nonzero(pixels), strict=True)) == [(20, 11), (20, 12), (21, 10)]


def test_each_broken_shape_is_named_when_it_stands_among_good_ones(tmp_path: Path) -> None:
    shapes: tuple[Any, ...] = (
        BOX,
        shape("lane", (1, 1), kind="point"),
        shape("lane", (1, 1), (5, 5), kind="line"),
        shape("lane", (1, 1), (5, 5), (7, 5), kind="linestrip"),
        shape("heli", (1, 1)),
        shape("heli", (1, 1), (5, 5), kind="polygon"),
        shape("heli", ("x", 1), (5, 5)),  # type: ignore[arg-type]
        shape("heli", (float("nan"), 1), (5, 5)),
        shape("", (1, 1), (5, 5)),
        shape("heli", (1, 1), (1, 5)),
        shape("heli", (1, 1), (1, 1), kind="circle"),
        shape("heli", (1, 1), (200, 5)),
        shape("heli", (1, 1), (3, 2), kind="mask", mask="broken"),
        shape("heli", (1, 1), (9, 9), kind="mask", mask=png([[1, 1], [1, 1]])),
        shape("heli", (1, 1), (2, 2), kind="mask", mask=png([[0, 0], [0, 0]])),
        "heli",
        {},
    )
    intake = take_in(tmp_path, {"a.json": labelme(*shapes), "a.jpg": PHOTO}, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("heli", (24, 18, 40, 30))]
    by_code = {
        "region_kind": [2, 3, 4],
        "wrong_columns": [5, 6, 16, 17],
        "not_a_number": [7, 8],
        "unknown_class": [9],
        "zero_size": [10, 11, 15],
        "out_of_range": [12],
        "mask_broken": [13, 14],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    assert intake.issues("region_kind")[0] == ("a.json", 2, "point lane points=[[1, 1]]")
    assert intake.report["accounts"]["rows"]["total"] == 17
    assert intake.report["accounts"]["rows"]["rejected"] == 16


@pytest.mark.parametrize(
    ("file", "path", "photo"),
    [
        ("a.json", "gone.jpg", "a.jpg"),
        ("labels/a.json", "a.jpg", "images/a.jpg"),
        ("train/labels/a.json", "..\\images\\a.jpg", "train/images/a.jpg"),
        ("json/1.json", "C:\\Users\\ann\\pictures\\a.jpg", "pictures/a.jpg"),
        ("json/1.json", "../pictures/a.jpg", "pictures/a.jpg"),
        ("json/a.json", "/home/ann/gone.png", "pictures/a.jpg"),
    ],
)
def test_image_is_found_when_it_lies_beside_or_where_the_file_says(
    tmp_path: Path, file: str, path: str, photo: str
) -> None:
    other = {"more/a.txt": ""}  # So that no folder is a wrapper.
    intake = take_in(tmp_path, {file: labelme(BOX, path=path), photo: PHOTO, **other})
    assert {record.source: len(record.boxes) for record in intake.dataset.records()} == {photo: 1}


def test_labels_are_those_that_the_file_means_when_two_images_have_its_name(tmp_path: Path) -> None:
    files = {"a.json": labelme(BOX, path="a.png"), "a.jpg": PHOTO, "a.png": picture(kind="PNG")}
    intake = take_in(tmp_path, files, unlabelled="background")
    assert {record.source: len(record.boxes) for record in intake.dataset.records()} == {"a.jpg": 0, "a.png": 1}


def test_label_file_is_named_with_its_rows_when_its_image_is_not_there(tmp_path: Path) -> None:
    files = {
        "a.json": labelme(BOX),
        "a.jpg": PHOTO,
        "b.json": labelme(BOX, BOX, path="x\\b.jpg", imageData="iVBORw0KGgo="),
        "c.json": labelme(BOX, path="c.jpg"),
        "sub/a.json": labelme(BOX, path="a.jpg"),
    }
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.issues("label_without_image") == [
        (
            "b.json",
            None,
            r"no image imagePath='x\\b.jpg', only inside this file as imageData: write it to a file beside",
        ),
        ("c.json", None, "no image imagePath='c.jpg'"),
        ("sub/a.json", None, "a.jpg has a.json"),
    ]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["rejected"]) == (5, 1, 4)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"shapes": 1}', "\0\1\2"])
def test_image_is_rejected_with_its_file_when_the_file_is_broken(tmp_path: Path, content: str) -> None:
    files = {"a.json": content, "a.jpg": PHOTO, **{f"{n}.jpg": PHOTO for n in "bcdef"}}
    intake = take_in(tmp_path, {**files, **{f"{n}.json": labelme(BOX, path=f"{n}.jpg") for n in "bcdef"}})
    assert [(file, row) for file, row, _ in intake.issues("label_unreadable")] == [("a.json", None)]
    assert sorted(intake.boxes) == [f"{n}.jpg" for n in "bcdef"]


def test_labels_are_read_when_an_editor_saved_them_in_another_encoding(tmp_path: Path) -> None:
    text = json.dumps(json.loads(labelme(shape("飞机", (24, 18), (40, 30)))), ensure_ascii=False)
    files = {"a.json": text.encode("gbk"), "a.jpg": PHOTO, "b.json": b"\xef\xbb\xbf" + text.encode(), "b.jpg": PHOTO}
    intake = take_in(tmp_path, files)
    assert intake.boxes == {name: [("飞机", (24, 18, 40, 30))] for name in ("a.jpg", "b.jpg")}
    assert intake.issues("encoding") == [("a.json", None, "GBK"), ("b.json", None, "UTF-8 with byte order mark")]


def test_label_is_mended_when_it_has_half_a_character(tmp_path: Path) -> None:
    text = labelme(shape("heli\ud800", (24, 18), (40, 30), description="half \udc00"))
    intake = take_in(tmp_path, {"a.json": text, "a.jpg": PHOTO})
    assert intake.boxes == {"a.jpg": [("heli?", (24, 18, 40, 30))]}
    assert intake.records["a.jpg"].boxes[0].attributes == {"description": "half ?"}


def test_source_is_refused_and_says_why_when_every_image_is_only_inside_its_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"label_without_image.*a\.json.*imageData"):
        take_in(tmp_path, {"a.json": labelme(BOX, imageData="iVBORw0KGgo=")})


def test_web_tools_files_are_read_when_objects_are_polygons(tmp_path: Path) -> None:
    pairs = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((1, 2), (9, 2), (9, 12)))
    parts = (
        f"<object><name>heli</name><deleted>{deleted}</deleted><polygon>{pairs}</polygon></object>"
        for deleted in (0, 1)
    )
    sides = f"<imagesize><nrows>{HEIGHT}</nrows><ncols>{WIDTH}</ncols></imagesize>"
    text = f"<annotation><filename>a.jpg</filename><folder>x</folder>{''.join(parts)}{sides}</annotation>"
    intake = take_in(tmp_path, {"Annotations/x/a.xml": text, "Images/x/a.jpg": PHOTO})
    assert intake.boxes == {"a.jpg": [("heli", (1, 2, 9, 12))]}
    assert [row for _, row, _ in intake.issues("deleted")] == [2]
    assert intake.report["accounts"]["rows"]["total"] == 2
