"""Supervisely's projects: what is read from them, and what is named instead."""

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steps.dataset.masks import Mask
from tests.factories_ingest import HEIGHT, WIDTH, picture, take_in

PHOTO = picture()
META = json.dumps({"classes": [{"title": "plane", "shape": "any"}, {"title": "heli", "shape": "any"}], "tags": []})


def thing(kind: str, *points: Any, title: object = "heli", **more: Any) -> dict[str, Any]:
    where = {"points": {"exterior": points, "interior": more.pop("interior", [])}} if points else {}
    return {"id": 7, "classTitle": title, "geometryType": kind, "tags": [], **where, **more}


BOX = thing("rectangle", [24, 18], [40, 30])


def ann(*objects: Any, size: tuple[int, int] | None = (WIDTH, HEIGHT), **more: Any) -> str:
    sides = {"size": {"width": size[0], "height": size[1]}} if size else {}
    return json.dumps({"description": "", "tags": [], **sides, "objects": objects, **more})


def bitmap(rows: list[list[int]], *, palette: bool = True) -> str:
    image = Image.fromarray(np.array(rows, np.uint8))
    file = io.BytesIO()
    if palette:
        image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(file, "PNG", **({"transparency": 0} if palette else {}))
    return base64.b64encode(zlib.compress(file.getvalue())).decode()


def pixels_of(mask: Any) -> Any:
    return Mask(mask.size[0], mask.size[1], mask.counts).pixels()


def test_projects_are_read_with_tags_when_objects_have_them(tmp_path: Path) -> None:
    tags = [{"name": "occluded", "value": None}, {"name": "colour", "value": "red"}, {"name": "count", "value": 3}]
    files = {
        "meta.json": META,
        "ds0/ann/a.jpg.json": ann(BOX, thing("rectangle", [1, 2], [9, 12], title="plane", tags=tags)),
        "ds0/ann/b.jpg.json": ann(),
        "ds1/ann/a.json": ann(BOX),
        **{f"{path}.jpg": PHOTO for path in ("ds0/img/a", "ds0/img/b", "ds1/img/a")},
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "supervisely"
    assert intake.dataset.info.classes == ("plane", "heli")
    boxes = {r.source: [(box.label, box.xyxy) for box in r.boxes] for r in intake.dataset.records()}
    assert boxes == {
        "ds0/img/a.jpg": [(0, (1, 2, 9, 12)), (1, (24, 18, 40, 30))],
        "ds0/img/b.jpg": [],
        "ds1/img/a.jpg": [(1, (24, 18, 40, 30))],
    }
    attributes = [box.attributes for record in intake.dataset.records() for box in record.boxes]
    assert {"occluded": "true", "colour": "red", "count": "3"} in attributes
    assert intake.report["accounts"]["label_files"]["used"] == 4


def test_label_file_is_the_one_of_the_whole_name_when_images_differ_in_their_extension(tmp_path: Path) -> None:
    files = {
        "meta.json": META,
        "ds/ann/a.jpg.json": ann(BOX),
        "ds/ann/a.png.json": ann(),
        "ds/img/a.jpg": PHOTO,
        "ds/img/a.png": picture(kind="PNG"),
    }
    intake = take_in(tmp_path, files)
    assert {record.source: len(record.boxes) for record in intake.dataset.records()} == {
        "ds/img/a.jpg": 1,
        "ds/img/a.png": 0,
    }


def test_polygon_is_an_outline_and_a_mask_when_it_has_holes(tmp_path: Path) -> None:
    outer, hole = [[10, 10], [20, 10], [20, 20], [10, 20]], [[13, 13], [17, 13], [17, 17], [13, 17]]
    objects = thing("polygon", *outer, interior=[hole]), thing("polygon", *outer, title="plane")
    intake = take_in(tmp_path, {"meta.json": META, "ds/ann/a.jpg.json": ann(*objects), "ds/img/a.jpg": PHOTO})
    whole, pierced = intake.records["a.jpg"].boxes
    assert whole.xyxy == pierced.xyxy == (10, 10, 20, 20)
    assert whole.rings == pierced.rings == (((10, 10), (20, 10), (20, 20), (10, 20)),)
    assert whole.mask is None
    pixels = pixels_of(pierced.mask)
    assert (pixels[15, 15], pixels[11, 11], pixels[18, 18], pixels[25, 25]) == (0, 1, 1, 0)


@pytest.mark.parametrize("palette", [True, False])
def test_bitmap_is_a_mask_of_the_whole_picture_when_it_has_an_origin(tmp_path: Path, palette: bool) -> None:
    part = {"data": bitmap([[0, 1, 1], [1, 0, 0]], palette=palette), "origin": [10, 20]}
    files = {"meta.json": META, "ds/ann/a.jpg.json": ann(thing("bitmap", bitmap=part)), "ds/img/a.jpg": PHOTO}
    (box,) = take_in(tmp_path, files).records["a.jpg"].boxes
    assert box.xyxy == (10, 20, 13, 22)
    pixels = pixels_of(box.mask)
    assert pixels.shape == (HEIGHT, WIDTH)
    assert list(zip(*np.nonzero(pixels), strict=True)) == [(20, 11), (20, 12), (21, 10)]


def test_each_broken_object_is_named_when_it_stands_among_good_ones(tmp_path: Path) -> None:
    data = bitmap([[1, 1], [1, 1]])
    objects = (
        BOX,
        thing("line", [1, 1], [5, 5]),
        thing("point", [1, 1]),
        thing("graph", nodes={}),
        thing("rectangle", [1, 1], [5, 5], title="ship"),
        thing("rectangle", [1, 1], [5, 5], title=None),
        thing("rectangle", [1, 1]),
        thing("rectangle", [1, "x"], [5, 5]),
        thing("rectangle", [1, float("nan")], [5, 5]),
        thing("rectangle", [5, 1], [5, 5]),
        thing("rectangle", [1, 1], [500, 5]),
        thing("rectangle", [9, 9], [1, 1]),
        thing("polygon", [1, 1], [5, 5]),
        thing("polygon", [1, 1], [5, 5], [1, 5], interior=[[[2, 2]]]),
        thing("bitmap", bitmap={"data": data, "origin": [63, 1]}),
        thing("bitmap", bitmap={"data": "broken", "origin": [1, 1]}),
        thing("bitmap", bitmap={"data": data}),
        thing("bitmap"),
        thing("bitmap", bitmap={"data": bitmap([[0, 0]]), "origin": [1, 1]}),
        "heli",
    )
    text = ann(*objects, tags=[{"name": "night", "value": None}])
    files = {"meta.json": META, "ds/ann/a.jpg.json": text, "ds/img/a.jpg": PHOTO}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("heli", (1, 1, 9, 9)), ("heli", (24, 18, 40, 30))]
    by_code = {
        "region_kind": [2, 3, 4],
        "unknown_class": [5, 6],
        "wrong_columns": [7, 13, 14, 20],
        "not_a_number": [8, 9, 17],
        "zero_size": [10, 19],
        "out_of_range": [11],
        "corners_swapped": [12],
        "mask_broken": [15, 16, 18],
        "image_label": [21],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["repaired"], rows["left_out"], rows["rejected"]) == (21, 1, 1, 1, 18)


def test_only_objects_that_need_the_size_are_rejected_when_it_is_unknown(tmp_path: Path) -> None:
    hole = [[13, 13], [17, 13], [17, 17]]
    polygon = thing("polygon", [10, 10], [20, 10], [20, 20], interior=[hole])
    files = {"ds/ann/a.jpg.json": ann(BOX, polygon, size=None), "ds/img/a.jpg": PHOTO, "meta.json": META}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("heli", (24, 18, 40, 30))]
    assert [row for _, row, _ in intake.issues("mask_broken")] == [2]


def test_label_file_is_named_with_its_rows_when_its_image_is_not_there(tmp_path: Path) -> None:
    files = {
        "meta.json": META,
        **{f"ds/ann/{name}.jpg.json": ann(BOX, BOX) for name in ("a", "gone")},
        "ds/ann/empty.jpg.json": "",
        **{f"ds/img/{name}.jpg": PHOTO for name in ("a", "empty")},
    }
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert [file for file, _, _ in intake.issues("label_without_image")] == ["ds/ann/gone.jpg.json"]
    assert [file for file, _, _ in intake.issues("label_unreadable")] == ["ds/ann/empty.jpg.json"]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["merged"], rows["rejected"]) == (4, 1, 2)
