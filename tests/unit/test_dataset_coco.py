"""What is particular to COCO files: ids, crowds, outlines, masks, and how images are named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steps.dataset.issues import Rejection
from steps.dataset.masks import from_counts, from_pixels, turned
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, Files, coco, picture, take_in

COLOURS = ("red", "blue", "green", "pink", "white", "cyan", "orange", "gray", "yellow", "brown", "navy", "olive")


def photos(count: int) -> dict[str, object]:
    return {f"{number}.jpg": picture(COLOURS[number]) for number in range(count)}


def listed(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "file_name": f"{number}.jpg"} for number in range(count)]


def boxed(image: object, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": 1, "bbox": [8, 8, 16, 12]} | more


BOX = [("plane", (8.0, 8.0, 24.0, 20.0))]

IDS = {
    "floats": (1, 1.0, 1, 1.0),
    "text of images": ("1", 1, 1, 1),
    "text in annotations": (1, "1", 1, "1"),
    "text everywhere": ("1", "1", "1", "1"),
    "names": ("a", "a", "plane", "plane"),
    "text of floats": (1, "1.0", "1.0", 1),
    "category by its name": (1, 1, 7, "plane"),
}


@pytest.mark.parametrize(("image", "of", "category", "is_a"), IDS.values(), ids=IDS.keys())
def test_ids_are_one_when_their_values_are(
    tmp_path: Path, image: object, of: object, category: object, is_a: object
) -> None:
    content = {
        "images": [{"id": image, "file_name": "0.jpg", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": category, "name": "plane"}],
        "annotations": [boxed(of, category_id=is_a)],
    }
    assert take_in(tmp_path, photos(1) | {"a.json": json.dumps(content)}).boxes == {"0.jpg": BOX}


def test_annotation_is_rejected_and_named_when_no_image_has_its_id(tmp_path: Path) -> None:
    files = photos(5) | {"a.json": coco(listed(5), [boxed(number) for number in range(1, 6)])}
    intake = take_in(tmp_path, files)
    assert intake.issues("image_unlisted") == [("a.json", 5, "image_id=5 plane")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["rejected"]) == (5, 4, 1)
    with pytest.raises(DatasetError, match="2 of 5 label rows are broken"):
        take_in(tmp_path, photos(5) | {"a.json": coco(listed(5), [boxed(number) for number in range(2, 7)])})


def test_annotations_go_with_their_image_when_it_is_not_there(tmp_path: Path) -> None:
    files = photos(5) | {"a.json": coco(listed(6), [boxed(number) for number in (0, 1, 2, 3, 4, 5, 5)])}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert intake.issues("image_missing") == [("a.json", None, "5.jpg")]
    accounts = intake.report["accounts"]
    assert (accounts["rows"]["total"], accounts["rows"]["rejected"]) == (7, 2)
    assert (accounts["pictures"]["total"], accounts["pictures"]["rejected"]) == (6, 1)


def test_annotations_are_rejected_when_two_images_have_their_id(tmp_path: Path) -> None:
    images = [*listed(2), {"id": 1, "file_name": "2.jpg"}]
    intake = take_in(tmp_path, photos(3) | {"a.json": coco(images, [boxed(0), boxed(1)])}, max_bad_share=0.5)
    assert intake.issues("image_id_repeated") == [("a.json", 2, "image_id=1 plane")]


def test_source_is_refused_when_one_category_id_has_two_names(tmp_path: Path) -> None:
    content = json.loads(coco(listed(1), [boxed(0)]))
    content["categories"].append({"id": 1, "name": "ship"})
    with pytest.raises(DatasetError, match="category id 1 is both 'plane' and 'ship'"):
        take_in(tmp_path, photos(1) | {"a.json": json.dumps(content)})


def test_class_is_one_and_named_when_two_categories_have_its_name(tmp_path: Path) -> None:
    content = coco(listed(1), [boxed(0), boxed(0, category_id=2, bbox=[0, 0, 8, 8])], names=("fig", "fig"))
    intake = take_in(tmp_path, photos(1) | {"a.json": content})
    assert intake.dataset.info.boxes_per_class == {"fig": 2}
    assert intake.issues("names_repeated") == [("a.json", None, "fig: 1, 2")]


MASK = from_pixels(np.pad(np.ones((12, 16)), ((8, HEIGHT - 20), (8, WIDTH - 24))))
MASKED = {"size": [HEIGHT, WIDTH], "counts": MASK.counts}


def test_masks_are_single_objects_when_most_have_the_crowd_flag(tmp_path: Path) -> None:
    annotations = [boxed(number % 4, iscrowd=1, segmentation=MASKED, bbox=None) for number in range(4)]
    annotations += [boxed(number, bbox=[0, 0, 4, 4]) for number in range(4)]
    intake = take_in(tmp_path, photos(4) | {"instances_default.json": coco(listed(4), annotations)})
    assert intake.report["boxes"] == 8
    assert len(intake.issues("crowd_flag_dropped")) == 4
    assert intake.boxes["0.jpg"] == [("plane", (0.0, 0.0, 4.0, 4.0)), *BOX]
    mask = intake.records["0.jpg"].boxes[1].mask
    assert mask is not None
    assert (mask.size, mask.counts) == ((HEIGHT, WIDTH), MASK.counts)


def test_crowd_is_rejected_and_counted_when_few_annotations_are_one(tmp_path: Path) -> None:
    annotations = [boxed(number) for number in range(12)] + [boxed(0, iscrowd=1, segmentation=MASKED)]
    intake = take_in(tmp_path, photos(12) | {"a.json": coco(listed(12), annotations)})
    assert intake.issues("crowd")[0][:2] == ("a.json", 13)
    assert intake.report["accounts"]["rows"]["rejected"] == 1
    with pytest.raises(DatasetError, match="1 x crowd"):
        take_in(tmp_path, photos(12) | {"a.json": coco(listed(12), annotations)}, max_bad_share=0.01)


RUNS = [WIDTH * HEIGHT // 2, 10, WIDTH * HEIGHT // 2 - 10]
OUTLINES = {
    "several rings": ([[8, 8, 12, 8, 12, 20], [16, 8, 24, 8, 24, 20]], BOX[0][1], "box_from_outline"),
    "compressed mask": (MASKED, BOX[0][1], "box_from_outline"),
    "run lengths": ({"size": [HEIGHT, WIDTH], "counts": RUNS}, (32.0, 0.0, 33.0, 10.0), "box_from_outline"),
    "run lengths that end early": (
        {"size": [HEIGHT, WIDTH], "counts": RUNS[:2]},
        (32.0, 0.0, 33.0, 10.0),
        "mask_padded",
    ),
}


@pytest.mark.parametrize(("outline", "box", "code"), OUTLINES.values(), ids=OUTLINES.keys())
def test_box_is_the_outlines_when_there_is_no_other(
    tmp_path: Path, outline: object, box: tuple[float, float, float, float], code: str
) -> None:
    annotation = {"image_id": 0, "category_id": 1, "segmentation": outline}
    intake = take_in(tmp_path, photos(1) | {"a.json": coco(listed(1), [annotation])})
    assert intake.boxes == {"0.jpg": [("plane", box)]}
    assert len(intake.issues(code)) == 1
    kept = intake.records["0.jpg"].boxes[0]
    assert (kept.rings is None) != (kept.mask is None)
    if isinstance(outline, list):
        assert [[value for point in ring for value in point] for ring in kept.rings or ()] == outline


@pytest.mark.parametrize(
    "outline",
    [
        {"size": [HEIGHT, WIDTH], "counts": [WIDTH * HEIGHT + 1]},
        {"size": [HEIGHT, WIDTH], "counts": "x"},
        {"size": [HEIGHT, WIDTH], "counts": "~" * 50},
        {"size": [HEIGHT, WIDTH], "counts": [-1]},
        {"size": [10**6, 10**6], "counts": [1]},
        {"size": "large", "counts": [1]},
        {},
    ],
)
def test_row_is_rejected_when_its_mask_is_broken(tmp_path: Path, outline: object) -> None:
    annotations = [{"image_id": 0, "category_id": 1, "segmentation": outline}, boxed(0)]
    intake = take_in(tmp_path, photos(1) | {"a.json": coco(listed(1), annotations)}, max_bad_share=0.5)
    assert intake.boxes == {"0.jpg": BOX}
    assert set(intake.report["counts"]) <= {"mask_broken", "no_box"}


def test_text_of_run_lengths_is_read_as_pycocotools_writes_it() -> None:
    generator = np.random.default_rng(7)
    for _ in range(20):
        pixels = generator.random((31, 57)) < generator.random()
        mask = from_pixels(pixels)
        again, short = from_counts(mask.counts, [31, 57])
        assert (again, short) == (mask, False)
        assert (again.pixels() == pixels).all()


def test_mask_turns_as_the_picture_does() -> None:
    pixels = np.zeros((6, 4))
    pixels[0, 1:3] = 1  # At the top of the stored picture, as labelled.
    mask = from_pixels(pixels)
    assert turned(mask, 6).box() == (5.0, 1.0, 6.0, 3.0)
    assert turned(mask, 8).box() == (0.0, 1.0, 1.0, 3.0)
    assert turned(mask, 5).box() == (0.0, 1.0, 1.0, 3.0)
    assert turned(mask, 7).box() == (5.0, 1.0, 6.0, 3.0)
    with pytest.raises(Rejection):
        from_counts(None, [1, 1])


def test_image_is_found_by_its_address_when_it_has_no_file_name(tmp_path: Path) -> None:
    images = [
        {"id": 0, "coco_url": "http://images.example.org/train%20set/0.jpg"},
        {"id": 1, "flickr_url": "http://x/1.jpg"},
    ]
    intake = take_in(tmp_path, photos(2) | {"a.json": coco(images, [boxed(0), boxed(1)])})
    assert intake.boxes == {"0.jpg": BOX, "1.jpg": BOX}


def test_second_file_is_read_too_when_it_has_another_name(tmp_path: Path) -> None:
    files: Files = photos(2) | {
        "instances_train2017.json": coco(listed(1), [boxed(0)]),
        "more_val.json": coco(listed(2)[1:], [boxed(1)]),
        "captions_train2017.json": json.dumps(
            {"images": listed(1), "annotations": [{"id": 1, "image_id": 0, "caption": "a plane"}]}
        ),
    }
    intake = take_in(tmp_path, files)
    assert intake.boxes == {"0.jpg": BOX, "1.jpg": BOX}
    assert {file: record.split for file, record in intake.records.items()} == {"0.jpg": "train", "1.jpg": "valid"}
    assert intake.issues("other_labels") == [("captions_train2017.json", None, "COCO, beside instances…")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"]) == (3, 2, 1)


ENCODINGS = {
    "GBK": ("飞机", "gbk", "GBK"),
    "GBK, a rare sign": ("鲨", "gbk", "GBK"),
    "Windows-1252": ("größe", "cp1252", "Windows-1252"),
    "UTF-16": ("größe", "utf-16", "UTF-16"),
    "UTF-16 without a mark": ("größe", "utf-16-be", "UTF-16 without byte order mark"),
    "UTF-8 with a mark": ("größe", "utf-8-sig", "UTF-8 with byte order mark"),
}


@pytest.mark.parametrize(("name", "encoding", "said"), ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("first", [0, 70_000])
def test_file_is_read_and_named_when_it_is_not_plain_utf8(
    tmp_path: Path, name: str, encoding: str, said: str, first: int
) -> None:
    content = {
        "info": "x" * first,  # So that the name is not in the first piece that the parser asks for.
        "images": [{"id": 0, "file_name": "0.jpg", "width": WIDTH, "height": HEIGHT}],
        "annotations": [boxed(0)],
        "categories": [{"id": 1, "name": name}],
    }
    data = json.dumps(content, ensure_ascii=False).encode(encoding)
    intake = take_in(tmp_path, photos(1) | {"a.json": data})
    assert intake.boxes == {"0.jpg": [(name, BOX[0][1])]}
    assert intake.issues("label_encoding") == [("a.json", None, said)]
    assert intake.report["accounts"]["label_files"]["repaired"] == 1
