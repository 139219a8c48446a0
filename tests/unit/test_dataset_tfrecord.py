"""TFRecord: pictures come out of the records, with boxes, masks and flags; damage is named and costs as little as it can."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from steps.dataset.formats.tfrecord_file import message, records
from steps.errors import DatasetError
from tests.factories_ingest import Intake, picture, take_in
from tests.factories_tfrecord import example, framed, labelled, tfrecord

PHOTO, BLUE, GREEN = picture(), picture("blue"), picture("green")
GATE = ("gate", 0.25, 0.25, 0.5, 0.75)
BOX = [("gate", (16.0, 12.0, 32.0, 36.0))]
LABEL_MAP = "item {\n  id: 1\n  name: 'plane'\n}\nitem {\n  name: \"/m/0k4j\" id: 2 display_name: 'gate'\n}\n"


SIDES = ("xmin", "ymin", "xmax", "ymax")


def rows(intake: Intake) -> dict[str, int]:
    return {fate: count for fate, count in intake.report["accounts"]["rows"].items() if count}


WRITTEN = bytes.fromhex(
    "5e00000000000000d8b06ebc0a5c0a150a0c696d6167652f68656967687412051a030a01300a1b0a0e696d6167652f66696c"
    "656e616d6512090a070a05612e6a70670a260a16696d6167652f6f626a6563742f62626f782f786d696e120c120a0a080000"
    "803e0000003f8e90d548"
)
"""A record that PyPI's `tfrecord` 1.14.6 wrote: three features, one of each kind."""


def test_records_are_read_when_another_program_wrote_them(tmp_path: Path) -> None:
    (tmp_path / "a.record").write_bytes(WRITTEN)
    [record] = records(tmp_path / "a.record")
    assert record.broken == ""
    features = message("Example").FromString(record.data).features.feature
    assert list(features["image/height"].int64_list.value) == [48]
    assert list(features["image/filename"].bytes_list.value) == [b"a.jpg"]
    assert list(features["image/object/bbox/xmin"].float_list.value) == [0.25, 0.5]
    assert framed(record.data) == WRITTEN


def test_pictures_come_out_of_shards_when_the_source_has_records(tmp_path: Path) -> None:
    files = {
        "train.record-00000-of-00002": tfrecord(
            labelled(PHOTO, GATE, filename="x/a.jpg"), labelled(BLUE, filename="b")
        ),
        "train.record-00001-of-00002": tfrecord(labelled(GREEN, GATE, filename="c.jpg")),
        "val.tfrecord": gzip.compress(tfrecord(labelled(picture("white", kind="PNG"), GATE, filename="d.png"))),
        "test.tfrecord": b"",
    }
    intake = take_in(tmp_path, files)
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": [], "c.jpg": BOX, "d.png": BOX}
    assert {file: (record.source, record.split) for file, record in intake.records.items()} == {
        "a.jpg": ("train.record-00000-of-00002/a.jpg", "train"),
        "b.jpg": ("train.record-00000-of-00002/b.jpg", "train"),
        "c.jpg": ("train.record-00001-of-00002/c.jpg", "train"),
        "d.png": ("val.tfrecord/d.png", "valid"),
    }
    assert (intake.dataset.folder / "images" / "a.jpg").read_bytes() == PHOTO
    assert rows(intake) == {"total": 3, "used": 3}
    assert intake.report["accounts"]["label_files"]["used"] == 4
    assert intake.report["accounts"]["pictures"]["used"] == 4
    assert intake.report["counts"] == {"empty_labels": 1}


def test_classes_are_named_by_the_label_map_when_records_have_ids(tmp_path: Path) -> None:
    record = tfrecord(labelled(PHOTO, (2, *GATE[1:]), (9, 0.1, 0.1, 0.2, 0.2)))
    intake = take_in(tmp_path, {"a.record": record, "label_map.pbtxt": LABEL_MAP}, max_bad_share=0.5)
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.dataset.info.classes == ("plane", "gate")
    assert intake.issues("unknown_class") == [("a.record", 2, "9 0.1 0.1 0.2 0.2")]
    assert intake.report["accounts"]["label_files"]["used"] == 2
    text = tfrecord(labelled(PHOTO, ("/m/0k4j", *GATE[1:])))
    assert take_in(tmp_path, {"a.record": text, "label_map.pbtxt": LABEL_MAP}).boxes == {"a.jpg": BOX}


def test_id_counts_when_the_label_map_has_another_text_or_the_id_is_a_float(tmp_path: Path) -> None:
    both = labelled(PHOTO, ("gate_v2", *GATE[1:]), ("tree", 0.1, 0.1, 0.2, 0.2), image__object__class__label=[2, 9])
    sides = {f"image__object__bbox__{side}": [share] for side, share in zip(SIDES, GATE[1:], strict=True)}
    as_float = example(image__encoded=[PHOTO], image__filename=["b.jpg"], **sides, image__object__class__label=[2.0])
    files = {"a.record": tfrecord(both, as_float), "label_map.pbtxt": LABEL_MAP}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": BOX}
    assert intake.issues("unknown_class") == [("a.record", 2, "tree 0.1 0.1 0.2 0.2")]


def test_units_are_named_when_boxes_are_in_pixels(tmp_path: Path) -> None:
    record = tfrecord(labelled(PHOTO, GATE, ("gate", 8, 12, 40, 36)))
    intake = take_in(tmp_path, {"a.record": record}, max_bad_share=0.5)
    assert intake.issues("pixel_units") == [("a.record", 2, "gate 8 12 40 36")]


@pytest.mark.parametrize("name", ["train-00000-of-00002", "part-00000-of-00001.gz"])
def test_shards_are_read_when_their_names_say_no_more(tmp_path: Path, name: str) -> None:
    assert take_in(tmp_path, {name: tfrecord(labelled(PHOTO, GATE))}).boxes == {"a.jpg": BOX}


def test_ids_are_kept_and_said_when_no_label_map_names_them(tmp_path: Path) -> None:
    files = {"a.record": tfrecord(labelled(PHOTO, (2, *GATE[1:])))}
    intake = take_in(tmp_path, files)
    assert intake.dataset.info.classes == ("class-2",)
    assert intake.report["counts"] == {"names_unknown": 1}
    assert take_in(tmp_path, files, classes="plane,gate").boxes == {"a.jpg": BOX}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item { id: 2 name: 'other' }", "different names"),
        ("item { id: }", "cannot be read"),
        ("item { id: 3 }", "no name"),
    ],
)
def test_source_is_refused_when_label_maps_are_unclear(tmp_path: Path, text: str, message: str) -> None:
    files = {"a.record": tfrecord(labelled(PHOTO, (2, *GATE[1:]))), "label_map.pbtxt": LABEL_MAP, "z.pbtxt": text}
    with pytest.raises(DatasetError, match=message):
        take_in(tmp_path, files)


def mask_of(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_masks_and_flags_are_kept_when_records_have_them(tmp_path: Path) -> None:
    pixels = np.zeros((48, 64), np.uint8)
    pixels[12:36, 16:32] = 1
    flags: dict[str, Any] = {"image__object__difficult": [1, 0], "image__object__is_crowd": [0, 1]}
    other = ("gate", 0.5, 0.5, 0.75, 0.75)
    png = labelled(PHOTO, GATE, other, image__object__mask=[mask_of(pixels), mask_of(pixels * 0)], **flags)
    numbers = labelled(
        BLUE,
        GATE,
        filename="b.jpg",
        image__object__mask=pixels.ravel().astype(float).tolist(),
        image__height=[48],
        image__width=[64],
    )
    intake = take_in(tmp_path, {"a.record": tfrecord(png, numbers)})
    first, second = intake.records["a.jpg"].boxes
    assert first.mask is not None
    assert first.mask == intake.records["b.jpg"].boxes[0].mask
    assert first.mask.size == (48, 64)
    assert [first.attributes, second.attributes] == [{"difficult": "1"}, {"crowd": "1"}]


def test_objects_are_rejected_one_by_one_when_lists_are_broken(tmp_path: Path) -> None:
    good = labelled(PHOTO, GATE, ("gate", 0.5, 0.5, 0.25, 0.75), ("gate", 0, 0, 1.5, 1), ("", 0, 0, 1, 1))
    uneven = example(
        image__encoded=[BLUE],
        image__filename=["b.jpg"],
        image__object__bbox__xmin=[0.25, 0.5],
        image__object__bbox__ymin=[0.25, 0.5],
        image__object__bbox__xmax=[0.5],
        image__object__bbox__ymax=[0.75, 0.75],
        image__object__class__text=["gate", "gate", "gate"],
    )
    broken = labelled(GREEN, GATE, filename="c.jpg", image__object__mask=[b"\x89PNG no"])
    intake = take_in(tmp_path, {"a.record": tfrecord(good, uneven, broken)}, max_bad_share=0.7)
    assert intake.boxes["b.jpg"] == BOX
    assert intake.report["counts"] == {
        "corners_swapped": 1,
        "out_of_range": 1,
        "unknown_class": 1,
        "uneven_lists": 2,
        "mask_broken": 1,
        "all_rows_bad": 1,
    }
    assert rows(intake) == {"total": 8, "used": 2, "repaired": 1, "rejected": 5}


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def test_record_is_rejected_and_named_when_its_checksum_or_length_is_wrong(tmp_path: Path) -> None:
    one, two, three = (
        framed(labelled(each, GATE, filename=f"{name}.jpg")) for name, each in (("a", PHOTO), ("b", BLUE), ("c", GREEN))
    )
    for content in (damaged(two, 40), damaged(two, len(two) - 1), damaged(two, 0), damaged(two, 9)):
        intake = take_in(tmp_path, {"a.record": one + content + three}, max_bad_share=0.5)
        assert intake.boxes == {"a.jpg": BOX, "c.jpg": BOX}
        [(place, number, _)] = intake.issues("record_broken")
        assert (place, number) == ("a.record/000002", 2)
        assert intake.report["accounts"]["pictures"] == {
            "total": 3,
            "used": 2,
            "repaired": 0,
            "merged": 0,
            "rejected": 1,
            "left_out": 0,
        }
        assert intake.report["accounts"]["label_files"]["used"] == 1


@pytest.mark.parametrize("packed", [False, True])
def test_records_before_are_kept_when_a_file_is_cut_off(tmp_path: Path, packed: bool) -> None:
    content = tfrecord(
        labelled(PHOTO, GATE), labelled(picture("blue", size=(640, 480), quality=95), GATE, filename="b.jpg")
    )
    cut = gzip.compress(content)[:-30] if packed else content[:-30]
    intake = take_in(tmp_path, {"a.tfrecord": cut}, max_bad_share=0.5)
    assert intake.boxes == {"a.jpg": BOX}
    [(_, number, found)] = intake.issues("record_broken")
    assert number == 2
    assert ("gzip" if packed else "ends in the middle") in found


def test_record_without_a_picture_is_rejected_with_its_rows_when_others_are_good(tmp_path: Path) -> None:
    bare = example(image__filename=["b.jpg"], image__object__bbox__xmin=[0.1, 0.2])
    intake = take_in(tmp_path, {"a.record": tfrecord(labelled(PHOTO, GATE), bare, b"\xff\xff")}, max_bad_share=0.7)
    assert intake.issues("record_without_image")[0][:2] == ("a.record/000002", 2)
    assert "tf.train.Example" in intake.issues("record_broken")[0][2]
    assert rows(intake) == {"total": 3, "used": 1, "rejected": 2}


def test_pictures_are_told_apart_when_records_call_them_the_same_or_oddly(tmp_path: Path) -> None:
    names = ["a.jpg", "a.jpg", "../../etc/passwd", "..", "x\x00y\n.jpg", ".hidden.jpg", "c:\\x\\b.jpg", ""]
    content = tfrecord(*(labelled(PHOTO, GATE, filename=name) for name in names))
    intake = take_in(tmp_path, {"a.record": content})
    sources = sorted(record.source for record in intake.records.values())
    expected = ["a.jpg", "000002-a.jpg", "passwd.jpg", "000004.jpg", "xy.jpg", "000006.jpg", "b.jpg", "000008.jpg"]
    assert sources == sorted(f"a.record/{name}" for name in expected)


def test_broken_picture_is_rejected_by_its_path_when_a_record_has_one(tmp_path: Path) -> None:
    content = tfrecord(
        labelled(PHOTO, GATE), labelled(PHOTO[:400], GATE, filename="b.jpg"), labelled(b"", filename="c.jpg")
    )
    intake = take_in(tmp_path, {"a.record": content}, max_bad_share=0.7)
    assert intake.boxes == {"a.jpg": BOX}
    assert (
        intake.issues("image_empty") == [("a.record/c.bin", None, "")]
        or intake.issues("image_empty")[0][0] == "a.record/c.jpg"
    )
    assert {item["source"] for item in intake.report["quarantine_thumbnails"]} >= set()


def test_unpacking_stops_when_records_unpack_to_too_much(tmp_path: Path) -> None:
    content = gzip.compress(tfrecord(*(labelled(PHOTO + bytes(10**6), GATE, filename=f"{n}.jpg") for n in range(70))))
    with pytest.raises(DatasetError, match="times as much"):
        take_in(tmp_path, {"a.record": content})
    with pytest.raises(DatasetError, match="more than 1,000 bytes"):
        take_in(tmp_path, {"a.record": tfrecord(labelled(PHOTO, GATE))}, max_bytes=1000)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x10" + bytes(7) + b"abcd" + b"x" * 50, "length of the record is broken"),
        (b"", "no record"),
        (b"hi", "ends in the middle"),
        (tfrecord(example(label=[1], image=[PHOTO])), "records of image, label"),
    ],
)
def test_file_is_named_when_it_has_no_labelled_pictures(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(DatasetError, match=rf"no labels recognised .*; a\.tfrecord is called as TFRecord .*{found}"):
        take_in(tmp_path, {"a.tfrecord": content})


def test_memory_is_not_asked_for_when_a_sound_head_promises_too_much(tmp_path: Path) -> None:
    path = tmp_path / "a.record"
    path.write_bytes(framed(b"x" * 100)[:50])
    assert [record.broken for record in records(path)] == ["the file ends in the middle of a record"]
