"""Datumaro's files: what is read from them, and what is named instead."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steps.dataset.masks import Mask, from_pixels
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, picture, take_in

PHOTO = picture()


def item(name: str, *annotations: Any, size: tuple[int, int] | None = (WIDTH, HEIGHT), **more: Any) -> dict[str, Any]:
    image = {"path": f"{name}.jpg", **({"size": [size[1], size[0]]} if size else {})}
    return {"id": name, "annotations": annotations, "attr": {"frame": 0}, "image": image, **more}


def annotation(kind: str, label: object = 1, **more: Any) -> dict[str, Any]:
    return {"id": 0, "type": kind, "attributes": {}, "group": 0, "label_id": label, "z_order": 0, **more}


def datumaro(*items: Any, names: tuple[str, ...] = ("plane", "heli")) -> str:
    labels = [{"name": name, "parent": "", "attributes": []} for name in names]
    return json.dumps({"info": {}, "categories": {"label": {"labels": labels}}, "items": items})


BOX = annotation("bbox", bbox=[24, 18, 16, 12])


def test_subsets_are_splits_when_each_has_a_file(tmp_path: Path) -> None:
    box = annotation("bbox", 0, bbox=[1, 2, 8, 10], attributes={"occluded": False, "colour": "red"}, group=4)
    files = {
        "annotations/train.json": datumaro(item("a", BOX), item("b")),
        "annotations/val.json": datumaro(item("a", box)),
        **{f"images/{path}.jpg": PHOTO for path in ("train/a", "train/b", "val/a", "val/c")},
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "datumaro"
    assert intake.dataset.info.classes == ("plane", "heli")
    found = {
        record.source: (record.split, [(box.label, box.xyxy) for box in record.boxes])
        for record in intake.dataset.records()
    }
    assert found == {
        "images/train/a.jpg": ("train", [(1, (24, 18, 40, 30))]),
        "images/train/b.jpg": ("train", []),
        "images/val/a.jpg": ("valid", [(0, (1, 2, 9, 12))]),
    }
    attributes = [box.attributes for record in intake.dataset.records() for box in record.boxes]
    assert {"occluded": "false", "colour": "red", "group": "4"} in attributes
    assert intake.issues("not_listed") == [("images/val/c.jpg", None, "")]


@pytest.mark.parametrize(
    "image", [{"path": "a.jpg"}, {"path": ""}, {"path": "C:\\data\\a.jpg", "size": [HEIGHT, WIDTH]}, None]
)
def test_image_is_found_when_its_path_is_another_machines_or_was_not_saved(tmp_path: Path, image: object) -> None:
    files = {"annotations/default.json": datumaro(item("a", BOX, image=image)), "images/a.jpg": PHOTO}
    assert take_in(tmp_path, files).boxes == {"a.jpg": [("heli", (24, 18, 40, 30))]}


def test_outlines_and_masks_are_kept_when_annotations_are_no_boxes(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[20:22, 11:13] = True
    mask = from_pixels(pixels)
    annotations = (
        annotation("polygon", points=[1.5, 2, 9, 2, 9, 12]),
        annotation("mask", 0, rle={"counts": mask.counts, "size": [HEIGHT, WIDTH]}),
        annotation("ellipse", 0, points=[5, 6, 15, 26]),
        annotation("bbox", 0, bbox=[20, 20, 20, 10], attributes={"rotation": 90.0}),
    )
    files = {"annotations/default.json": datumaro(item("a", *annotations)), "images/default/a.jpg": PHOTO}
    boxes = take_in(tmp_path, files).records["a.jpg"].boxes
    assert [(box.label, box.xyxy) for box in boxes] == [
        (0, (5, 6, 15, 26)),
        (0, (11, 20, 13, 22)),
        (0, (25, 15, 35, 35)),
        (1, (1.5, 2, 9, 12)),
    ]
    assert boxes[3].rings == (((1.5, 2), (9, 2), (9, 12)),)
    assert boxes[1].mask is not None
    assert (Mask(*boxes[1].mask.size, boxes[1].mask.counts).pixels() == pixels).all()


def test_each_broken_annotation_is_named_when_it_stands_among_good_ones(tmp_path: Path) -> None:
    annotations = (
        BOX,
        annotation("polyline", points=[1, 1, 5, 5]),
        annotation("points", points=[1, 1]),
        annotation("label"),
        {"type": "caption", "caption": "a heli"},
        annotation("bbox", 2, bbox=[1, 1, 5, 5]),
        annotation("bbox", None, bbox=[1, 1, 5, 5]),
        annotation("bbox", "1", bbox=[1, 1, 5, 5]),
        annotation("bbox", bbox=[1, 1, 5]),
        annotation("bbox", bbox=[1, None, 5, 5]),
        annotation("bbox", bbox=[1, float("nan"), 5, 5]),
        annotation("bbox", bbox=[1, 1, 0, 5]),
        annotation("bbox", bbox=[1, 1, 500, 5]),
        annotation("polygon", points=[1, 1, 5, 5]),
        annotation("mask", rle={"counts": [1, 2], "size": 3}),
        annotation("mask"),
        annotation("mask", rle={"counts": [HEIGHT * WIDTH], "size": [HEIGHT, WIDTH]}),
        "heli",
    )
    files = {"annotations/default.json": datumaro(item("a", *annotations)), "images/a.jpg": PHOTO}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.boxes["a.jpg"] == [("heli", (24, 18, 40, 30))]
    by_code = {
        "region_kind": [2, 3],
        "image_label": [4, 5],
        "unknown_class": [6, 7, 8],
        "wrong_columns": [9, 14, 18],
        "not_a_number": [10, 11],
        "zero_size": [12, 17],
        "out_of_range": [13],
        "mask_broken": [15, 16],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"], rows["rejected"]) == (18, 1, 2, 15)


def test_items_without_an_image_are_named_with_their_rows_when_there_are_some(tmp_path: Path) -> None:
    files = {
        "annotations/default.json": datumaro(
            item("a", BOX), item("gone", BOX, BOX), "item", item("b", annotations=None)
        ),
        **{f"images/{name}.jpg": PHOTO for name in "ab"},
    }
    intake = take_in(tmp_path, files, max_bad_share=1, unlabelled="background")
    assert intake.issues("image_missing") == [("annotations/default.json", 2, "images/default/gone.jpg")]
    assert intake.issues("wrong_columns") == [("annotations/default.json", 3, "item")]
    assert intake.issues("no_label_file") == [("images/b.jpg", None, "")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["rejected"]) == (4, 1, 3)


def test_source_is_refused_with_the_file_when_its_json_is_broken(tmp_path: Path) -> None:
    text = datumaro(item("a", BOX))
    with pytest.raises(DatasetError, match=r"annotations/train\.json is broken JSON"):
        take_in(tmp_path, {"annotations/train.json": text[:-10], "images/a.jpg": PHOTO})


def test_file_is_named_with_its_rows_when_another_format_is_read(tmp_path: Path) -> None:
    files = {
        "a.jpg": PHOTO,
        "a.txt": "0 0.5 0.5 0.2 0.2",
        "classes.txt": "plane\n",
        "d.json": datumaro(item("a", BOX, BOX)),
    }
    intake = take_in(tmp_path, files, format="yolo")
    assert intake.issues("other_labels") == [("d.json", None, "Datumaro JSON")]
    assert intake.report["accounts"]["rows"]["left_out"] == 2
