"""Label Studio's JSON export: which annotation counts, what becomes of its regions, where its images are."""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from steps.dataset.formats.label_studio import Review, review_of
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, Files, picture, region, take_in, task, write_tree

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
    both = task("a.jpg", first, second)
    assert review_of(both) == Review(second, (first,))
    assert review_of(both | {"annotations": both["annotations"][::-1]}) == Review(second, (first,))
    assert review_of(task("a.jpg", first, None)) == Review(first, ([],))
    assert review_of(task("a.jpg", first, [])) == Review([], (first,))
    assert review_of(task("a.jpg", None)) == Review(None, ([],))
    assert review_of({"annotations": [], "predictions": both["annotations"]}) == Review(None, ())
    assert review_of({"completions": both["annotations"]}) == Review(second, (first,))
    assert review_of(None) == Review(None, ())


def test_objects_of_annotations_that_do_not_count_are_left_out_by_name(tmp_path: Path) -> None:
    cancelled = task("b.jpg", [REGION]) | {"id": 2}
    cancelled["annotations"][0]["was_cancelled"] = True
    tasks = [task("a.jpg", [REGION, region("bird", 0, 0, 9, 9)], [REGION]), cancelled]
    intake = take_in(
        tmp_path, {"a.jpg": PHOTO, "b.jpg": picture("blue"), "export.json": json.dumps(tasks)}, max_bad_share=1
    )
    assert intake.boxes == {f"{sha1('a.jpg')}.jpg": [("plane", BOX)]}
    assert intake.issues("superseded") == [("export.json", 1, "a.jpg")] * 2
    assert intake.report["counts"] == {"superseded": 2, "unreviewed": 1}
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"]) == (4, 1, 3)


def test_refusal_says_to_finish_the_labelling_when_nobody_has(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nobody has finished") as refusal:
        take_in(tmp_path, {"a.jpg": PHOTO, "export.json": json.dumps([task("a.jpg")])})
    assert "submitted annotation" in refusal.value.hint


def test_shortest_item_of_json_min_is_read(tmp_path: Path) -> None:
    value = region("plane", 25, 25, 50, 50)["value"] | {"original_width": WIDTH, "original_height": HEIGHT}
    items = [{"id": 1, "image": "/data/upload/1/0123abcd-a.jpg", "label": [value]}]
    assert list(take_in(tmp_path, {"a.jpg": PHOTO, "min.json": json.dumps(items)}).boxes.values()) == [[("plane", BOX)]]


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


def test_corners_of_a_leaning_rectangle_are_kept_and_said_once(tmp_path: Path) -> None:
    leaning = region("plane", 50, 50, 25, 25, rotation=45)
    files: Files = {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [leaning, leaning | {"id": "other"}])])}
    intake = take_in(tmp_path, files)
    side = math.sqrt(0.5)
    expected = [
        (32, 24),
        (32 + 16 * side, 24 + 16 * side),
        (32 + 4 * side, 24 + 28 * side),
        (32 - 12 * side, 24 + 12 * side),
    ]
    (box,) = next(iter(intake.records.values())).boxes
    assert box.rings is not None
    assert [pytest.approx(point, abs=1e-3) for point in box.rings[0]] == expected
    assert intake.report["counts"] == {"turned_box": 1, "duplicate_row": 1}


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


def test_polygon_becomes_a_box_and_broken_brush_is_rejected_when_drawn(tmp_path: Path) -> None:
    polygon = {"type": "polygonlabels", "value": {"points": [[25, 25], [75, 25], [75, 75]], "polygonlabels": ["plane"]}}
    brush = {"type": "brushlabels", "value": {"rle": [1, 2], "format": "rle", "brushlabels": ["plane"]}}
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    intake = take_in(
        tmp_path,
        {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [polygon, brush, choice])])},
        max_bad_share=0.5,
    )
    assert list(intake.boxes.values()) == [[("plane", BOX)]]
    assert intake.report["counts"] == {"box_from_outline": 1, "mask_broken": 1, "image_label": 1}


def shared(identity: str, *results: dict[str, Any]) -> list[dict[str, Any]]:
    """Results of one object."""
    return [{"id": identity, "from_name": result["type"], **result} for result in results]


SHAPE = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0}


def test_results_are_one_object_when_they_share_an_id(tmp_path: Path) -> None:
    bare = {"type": "rectangle", "value": SHAPE}
    labels = {"type": "labels", "value": {**SHAPE, "labels": ["plane"]}}
    text = {"type": "textarea", "value": {**SHAPE, "text": ["AB 12", "CD"]}}
    choice = {"type": "choices", "value": {**SHAPE, "choices": ["occluded"]}}
    rating = {"type": "rating", "value": {**SHAPE, "rating": 4}}
    results = shared("r1", bare, labels, text, choice, rating)
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", results)])})
    assert list(intake.boxes.values()) == [[("plane", BOX)]]
    (record,) = intake.records.values()
    assert record.boxes[0].attributes == {"textarea": "AB 12, CD", "choices": "occluded", "rating": "4"}
    assert intake.report["accounts"]["rows"] == {
        "total": 1, "used": 1, "repaired": 0, "merged": 0, "rejected": 0, "left_out": 0,
    }  # fmt: skip


def test_results_are_two_objects_when_an_id_is_used_twice(tmp_path: Path) -> None:
    other = {**SHAPE, "x": 0, "width": 25}
    pairs = [
        [{"type": "rectangle", "value": shape}, {"type": "labels", "value": {**shape, "labels": [name]}}]
        for name, shape in (("plane", SHAPE), ("heli", other))
    ]
    text = {"type": "textarea", "value": {**SHAPE, "x": 25.0001, "text": ["AB"]}}
    intake = take_in(
        tmp_path, {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", shared("r1", *pairs[0], *pairs[1], text))])}
    )
    assert list(intake.boxes.values()) == [[("heli", (0, 12, 16, 36)), ("plane", BOX)]]
    (record,) = intake.records.values()
    assert [box.attributes for box in record.boxes] == [{}, {"textarea": "AB"}]
    assert intake.report["accounts"]["rows"]["total"] == 2


def test_choice_is_no_class_when_a_region_has_nothing_else(tmp_path: Path) -> None:
    choice = {"type": "choices", "value": {**SHAPE, "choices": ["plane"]}}
    results = [*shared("r1", choice), REGION]
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", results)])}, max_bad_share=0.5)
    assert intake.dataset.info.classes == ("plane",)
    assert len(intake.issues("unknown_class")) == 1


@pytest.mark.parametrize(("x", "width", "y", "height"), [(75, -50, 25, 50), (25, 50, 75, -50), (75, -50, 75, -50)])
def test_corners_are_put_in_order_when_a_side_is_negative(
    tmp_path: Path, x: float, width: float, y: float, height: float
) -> None:
    files = {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [region("plane", x, y, width, height)])])}
    intake = take_in(tmp_path, files)
    assert list(intake.boxes.values()) == [[("plane", BOX)]]
    assert len(intake.issues("corners_swapped")) == 1


def test_ellipse_becomes_the_box_around_it_when_it_is_turned(tmp_path: Path) -> None:
    value = {"x": 50, "y": 50, "radiusX": 12.5, "radiusY": 25, "ellipselabels": ["plane"]}
    size = {"original_width": WIDTH, "original_height": HEIGHT}
    upright = {"type": "ellipselabels", "value": value, **size}
    assert one(tmp_path, upright) == [("plane", (24.0, 12.0, 40.0, 36.0))]
    # Half axes of 8 and 12 pixels change places.
    assert one(tmp_path, {**upright, "value": value | {"rotation": 90}}) == [("plane", (20.0, 16.0, 44.0, 32.0))]


def packed(width: int, height: int, box: tuple[int, int, int, int]) -> list[int]:
    """A brush stroke that fills a box, in blocks of one value each, as an encoder without any wit would write it."""
    bits = f"{width * height * 4:032b}{7:05b}" + f"{15:04b}" * 4
    left, top, right, bottom = box
    for row in range(height):
        for column in range(width):
            inside = left <= column < right and top <= row < bottom
            bits += f"1{0:02b}{3:016b}{255 * inside:08b}"
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


def test_brush_becomes_a_mask_and_its_box_when_it_is_sound(tmp_path: Path) -> None:
    value = {"format": "rle", "rle": packed(WIDTH, HEIGHT, (16, 12, 48, 36)), "brushlabels": ["plane"]}
    brush = {"type": "brushlabels", "value": value, "original_width": WIDTH, "original_height": HEIGHT}
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [brush])])})
    assert list(intake.boxes.values()) == [[("plane", BOX)]]
    (record,) = intake.records.values()
    assert record.boxes[0].mask is not None
    assert record.boxes[0].mask.size == (HEIGHT, WIDTH)
    short = {**brush, "value": value | {"rle": value["rle"][:-90]}}
    files = {"a.jpg": PHOTO, "a.json": json.dumps([task("a.jpg", [brush, short])])}
    assert len(take_in(tmp_path, files, max_bad_share=0.5).issues("mask_broken")) == 1


def test_minimal_export_is_read_when_it_is_what_there_is(tmp_path: Path) -> None:
    label = {**REGION["value"], "original_width": WIDTH, "original_height": HEIGHT}
    items = [
        {"image": "/data/upload/1/0a1b2c3d-a.jpg", "id": 1, "label": [label], "annotator": 1, "annotation_id": 1},
        {"image": "/data/upload/1/0a1b2c3d-b.jpg", "id": 2, "annotator": 1, "annotation_id": 2},
    ]
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "b.jpg": picture("blue"), "a.json": json.dumps(items)})
    assert sorted(intake.boxes.values()) == [[], [("plane", BOX)]]


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
