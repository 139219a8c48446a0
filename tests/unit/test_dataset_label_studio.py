"""Label Studio's JSON export: which annotation counts, what becomes of its regions, where its images are."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from steps.dataset.formats.label_studio import newest
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, picture, region, take_in, task, write_tree

PHOTO = picture()
REGION = region("plane", 25, 25, 50, 50)
BOX = (16.0, 12.0, 48.0, 36.0)


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def one(
    tmp_path: Path, *regions: dict[str, Any], **parameters: Any
) -> list[tuple[str, tuple[float, float, float, float]]]:
    intake = take_in(
        tmp_path,
        {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", list(regions))])},
        **({"max_bad_share": 1} | parameters),
    )
    return intake.boxes[f"{sha1('a.jpg')}.jpg"]


def test_newest_annotation_counts_when_there_are_several() -> None:
    first, second = [region("old", 0, 0, 9, 9)], [region("new", 0, 0, 9, 9)]
    assert newest(task("a.jpg", first, second)["annotations"]) == second
    assert newest(task("a.jpg", first, second)["annotations"][::-1]) == second
    assert newest(task("a.jpg", first, None)["annotations"]) == first
    assert newest(task("a.jpg", first, [])["annotations"]) == []
    assert newest(task("a.jpg", None)["annotations"]) is None
    assert newest([]) is None
    assert newest(None) is None


def test_unreviewed_task_is_left_out_and_empty_one_is_background_when_both_occur(tmp_path: Path) -> None:
    tasks = [task("a.jpg", [REGION]), task("b.jpg", []), task("c.jpg"), task("d.jpg", None)]
    files = {
        f"{name}.jpg": picture(colour) for name, colour in zip("abcd", ("red", "green", "blue", "white"), strict=True)
    }
    intake = take_in(tmp_path, files | {"export.json": json.dumps(tasks)})
    assert intake.boxes == {f"{sha1('a.jpg')}.jpg": [("plane", BOX)], f"{sha1('b.jpg')}.jpg": []}
    assert intake.report["counts"] == {"unreviewed": 2, "empty_labels": 1}
    assert intake.issues("unreviewed") == [("c.jpg", 3, "c.jpg"), ("d.jpg", 4, "d.jpg")]


def test_turned_rectangle_becomes_its_box_in_pixels_when_the_picture_is_not_square(tmp_path: Path) -> None:
    # Around the top left corner at (32, 8) px: 16 px right and 12 px down, turned by 90 degrees, go 12 left and 16 down.
    turned = region("plane", 50, 100 * 8 / HEIGHT, 25, 25, rotation=90)
    assert one(tmp_path, turned) == [("plane", (20.0, 8.0, 32.0, 24.0))]


def test_turned_rectangle_is_bounded_when_the_angle_is_any(tmp_path: Path) -> None:
    turned = region("plane", 50, 50, 25, 25, rotation=30)
    wide, high, angle = 16, 12, math.radians(30)
    left, right = 32 - high * math.sin(angle), 32 + wide * math.cos(angle)
    bottom = 24 + wide * math.sin(angle) + high * math.cos(angle)
    ((_, box),) = one(tmp_path, turned)
    assert box == pytest.approx((left, 24, right, bottom), abs=0.001)


def test_box_is_cut_when_it_reaches_over_the_edge(tmp_path: Path) -> None:
    assert one(tmp_path, region("plane", -10, 50, 50, 80)) == [("plane", (0.0, 24.0, 25.6, 48.0))]
    with pytest.raises(DatasetError, match="1 x outside, the box lies outside of the image"):
        one(tmp_path, region("plane", 120, 50, 50, 80), classes="plane")


def test_polygon_becomes_a_box_and_brush_is_put_aside_when_drawn(tmp_path: Path) -> None:
    polygon = {"type": "polygonlabels", "value": {"points": [[25, 25], [75, 25], [75, 75]], "polygonlabels": ["plane"]}}
    brush = {"type": "brushlabels", "value": {"rle": [1, 2], "format": "rle", "brushlabels": ["plane"]}}
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    intake = take_in(
        tmp_path,
        {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [polygon, brush, choice])])},
        max_bad_share=0.5,
    )
    assert list(intake.boxes.values()) == [[("plane", BOX)]]
    assert intake.report["counts"] == {"box_from_outline": 1, "region_kind": 1}


def test_rectangle_without_label_is_put_aside_when_nobody_chose_one(tmp_path: Path) -> None:
    bare = region("plane", 25, 25, 50, 50)
    del bare["value"]["rectanglelabels"]
    intake = take_in(
        tmp_path, {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [bare, REGION])])}, max_bad_share=0.5
    )
    assert intake.report["counts"] == {"unknown_class": 1}


def test_unknown_labels_are_refused_by_name_when_classes_are_given(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"labels that are not among --classes=heli: 'plane' \(first on a\.jpg\)"):
        one(tmp_path, REGION, classes="heli")
    assert one(tmp_path, REGION, classes="heli", rename_classes="plane=heli") == [("heli", BOX)]
    other = region("heli", 25, 25, 50, 50)
    assert one(tmp_path, REGION, other, classes="heli", rename_classes="plane=") == [("heli", BOX)]


def test_task_is_refused_when_it_has_no_image(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", []), {"data": {"text": "hello"}, "annotations": []}])}
    with pytest.raises(DatasetError, match="task 2 has no image in its data"):
        take_in(tmp_path, files)


def test_images_are_fetched_when_the_export_points_at_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "store" / "photos", {"2025/a.jpg": PHOTO, "2025/b.jpg": picture("blue")})
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", (tmp_path / "store").as_uri())
    uris = [f"s3://photos/2025/{name}.jpg" for name in ("a", "b", "gone")]
    export = tmp_path / "export.json"
    export.write_text(json.dumps([task(uri, [REGION]) for uri in uris]))
    intake = take_in(tmp_path, export, max_bad_share=0.5)
    assert intake.boxes == {f"{sha1(uri)}.jpg": [("plane", BOX)] for uri in sorted(uris[:2], key=sha1)}
    assert intake.issues("image_missing") == [(uris[2], None, "")]
    assert {record.source for record in intake.records.values()} == set(uris[:2])
    assert (tmp_path / "store/photos/2025/a.jpg").read_bytes() == PHOTO


def test_labels_refer_to_the_upright_picture_when_sizes_are_missing(tmp_path: Path) -> None:
    bare = {key: value for key, value in REGION.items() if not key.startswith("original")}
    assert one(tmp_path, bare) == [("plane", BOX)]
    assert (WIDTH, HEIGHT) == (64, 48)
