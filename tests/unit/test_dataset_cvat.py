"""CVAT's XML files: what is read from them, and what is named instead."""

from pathlib import Path

import numpy as np
import pytest

from steps.dataset.masks import Mask
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, Files, picture, take_in, voc

PHOTO = picture(kind="PNG")
META = (
    "<meta><task><labels><label><name>plane</name></label><label><name>heli</name></label>"
    "<label><name>wing</name><parent>plane</parent></label></labels></task></meta>"
)
BOX = '<box label="heli" occluded="1" xtl="24" ytl="18" xbr="40" ybr="30"/>'


def cvat(*parts: str, meta: str = META) -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>{meta}{"".join(parts)}</annotations>'
    )


def image(name: str, *shapes: str, more: str = "", size: tuple[int, int] | None = (WIDTH, HEIGHT)) -> str:
    sides = f'width="{size[0]}" height="{size[1]}"' if size else ""
    return f'<image id="0" name="{name}" {sides} {more}>{"".join(shapes)}</image>'


def on_frame(frame: int, left: int, *, outside: int = 0) -> str:
    return f'<box frame="{frame}" outside="{outside}" keyframe="1" xtl="{left}" ytl="2" xbr="{left + 9}" ybr="12"/>'


def track(*shapes: str, more: str = 'id="5"') -> str:
    return f'<track label="plane" {more}>{"".join(shapes)}</track>'


VIDEO = META.replace(
    "<task>",
    "<task><start_frame>0</start_frame><stop_frame>4</stop_frame>"
    f"<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size>",
)


def frames(*numbers: int) -> dict[str, object]:
    return {f"images/frame_{number:06}.PNG": PHOTO for number in numbers}


def test_boxes_are_read_with_attributes_when_cvat_lists_images(tmp_path: Path) -> None:
    shape = BOX.replace("/>", '><attribute name="colour">red</attribute></box>')
    files = {
        "annotations.xml": cvat(image("a.png", shape), image("b.png")),
        "images/a.png": PHOTO,
        "images/b.png": PHOTO,
    }
    intake = take_in(tmp_path, files)
    assert intake.report["format"] == "cvat"
    assert intake.dataset.info.classes == ("plane", "heli")
    assert intake.boxes == {"a.png": [("heli", (24, 18, 40, 30))], "b.png": []}
    assert intake.records["a.png"].boxes[0].attributes == {"occluded": "1", "colour": "red"}
    assert intake.issues("empty_labels") == [("images/b.png", None, "")]
    assert intake.report["accounts"]["rows"]["total"] == 1


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.png", "a.png"),
        ("sub/a.png", "images/sub/a.png"),
        ("sub\\a.png", "images/sub/a.png"),
        ("/data/home/a.png", "pictures/a.png"),
        ("frame_000000", "images/frame_000000.PNG"),
    ],
)
def test_image_is_found_when_it_lies_where_exports_put_it(tmp_path: Path, name: str, file: str) -> None:
    intake = take_in(tmp_path, {"annotations.xml": cvat(image(name, BOX)), file: PHOTO})
    assert [record.source for record in intake.records.values()] == [file]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_is_read_when_an_editor_saved_it_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    text = cvat(image("a.png", BOX)).replace('encoding="utf-8"', "").encode(encoding)
    assert take_in(tmp_path, {"annotations.xml": text, "a.png": PHOTO}).boxes == {"a.png": [("heli", (24, 18, 40, 30))]}


def test_split_is_the_subset_when_a_project_has_subsets(tmp_path: Path) -> None:
    names = ("Train", "Validation", "Test", "default")
    parts = [image("a.png", BOX, more=f'subset="{name}"') for name in names]
    photos = {f"images/{name}/a.png": PHOTO for name in names}
    intake = take_in(tmp_path, {"annotations.xml": cvat(*parts), **photos})
    assert {record.source: record.split for record in intake.dataset.records()} == {
        "images/Train/a.png": "train",
        "images/Validation/a.png": "valid",
        "images/Test/a.png": "test",
        "images/default/a.png": "",
    }


def test_split_is_in_the_name_of_the_file_when_each_has_one(tmp_path: Path) -> None:
    files = {f"{name}.xml": cvat(image(f"{name}.png", BOX)) for name in ("train", "val")}
    intake = take_in(tmp_path, {**files, "images/train.png": PHOTO, "images/val.png": PHOTO})
    assert {record.file: record.split for record in intake.dataset.records()} == {
        "train.png": "train",
        "val.png": "valid",
    }


def test_outlines_are_kept_when_shapes_are_no_boxes(tmp_path: Path) -> None:
    shapes = (
        '<polygon label="heli" points="10.0,5.5;20,5;20,25"/>',
        '<box label="heli" xtl="20" ytl="20" xbr="40" ybr="30" rotation="90"/>',
        '<ellipse label="plane" cx="30" cy="20" rx="10" ry="5"/>',
        '<ellipse label="plane" cx="30" cy="24" rx="10" ry="5" rotation="90"/>',
    )
    intake = take_in(tmp_path, {"annotations.xml": cvat(image("a.png", *shapes)), "images/a.png": PHOTO})
    boxes = intake.records["a.png"].boxes
    assert [(box.label, box.xyxy) for box in boxes] == [
        (0, (20, 15, 40, 25)),
        (0, (25, 14, 35, 34)),
        (1, (10, 5, 20, 25)),
        (1, (25, 15, 35, 35)),
    ]
    assert boxes[2].rings == (((10, 5.5), (20, 5), (20, 25)),)
    assert boxes[3].rings == (((35, 15), (35, 35), (25, 35), (25, 15)),)
    assert [row for _, row, _ in intake.issues("turned_box")] == [2]


def test_mask_covers_the_whole_picture_when_cvat_has_it_in_a_box(tmp_path: Path) -> None:
    # .XX
    # X..   counted line by line, background first
    shape = '<mask label="heli" rle="1, 3, 2" left="10" top="20" width="3" height="2" occluded="0"/>'
    intake = take_in(tmp_path, {"annotations.xml": cvat(image("a.png", shape)), "images/a.png": PHOTO})
    (box,) = intake.records["a.png"].boxes
    assert box.xyxy == (10, 20, 13, 22)
    assert box.mask is not None
    pixels = Mask(*box.mask.size, box.mask.counts).pixels()
    assert pixels.shape == (HEIGHT, WIDTH)
    assert list(zip(*np.nonzero(pixels), strict=True)) == [(20, 11), (20, 12), (21, 10)]


def test_each_broken_shape_is_named_when_it_stands_among_good_ones(tmp_path: Path) -> None:
    shapes = (
        BOX,
        '<polyline label="heli" points="1,1;5,5"/>',
        '<points label="heli" points="1,1"/>',
        '<skeleton label="plane"><points label="wing" points="1,1"/></skeleton>',
        '<cuboid label="heli" xtl1="1" ytl1="1"/>',
        '<tag label="heli"/>',
        '<box label="ship" xtl="24" ytl="18" xbr="40" ybr="30"/>',
        '<box label="heli" xtl="x" ytl="18" xbr="40" ybr="30"/>',
        '<box label="heli" xtl="nan" ytl="18" xbr="40" ybr="30"/>',
        '<box label="heli" xtl="1" ytl="1" xbr="1" ybr="9"/>',
        '<box label="heli" xtl="1" ytl="1" xbr="900" ybr="9"/>',
        '<box label="heli" ytl="1" xbr="9" ybr="9"/>',
        '<box label="heli" xtl="9" ytl="1" xbr="1" ybr="9"/>',
        '<polygon label="heli" points="1,1;5,5"/>',
        '<mask label="heli" rle="1, 3" left="1" top="2" width="3" height="2"/>',
        '<mask label="heli" rle="1, 3, 2" left="62" top="2" width="3" height="2"/>',
        '<mask label="heli" rle="" left="1" top="2" width="3" height="2"/>',
        '<mask label="heli" rle="6" left="1" top="2" width="3" height="2"/>',
        '<box label="heli" xtl="1" ytl="1" xbr="9" ybr="9" outside="1"/>',
    )
    intake = take_in(
        tmp_path, {"annotations.xml": cvat(image("a.png", *shapes)), "images/a.png": PHOTO}, max_bad_share=1
    )
    assert intake.boxes["a.png"] == [("heli", (1, 1, 9, 9)), ("heli", (24, 18, 40, 30))]
    by_code = {
        "region_kind": [2, 3, 4, 5],
        "image_label": [6],
        "not_visible": [19],
        "unknown_class": [7],
        "not_a_number": [8, 9],
        "zero_size": [10, 18],
        "out_of_range": [11],
        "wrong_columns": [12, 14],
        "corners_swapped": [13],
        "mask_broken": [15, 16, 17],
    }
    assert {code: [row for _, row, _ in intake.issues(code)] for code in by_code} == by_code
    assert intake.issues("region_kind")[0] == ("annotations.xml", 2, "polyline heli points=1,1;5,5")
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["repaired"], rows["left_out"], rows["rejected"]) == (19, 1, 1, 2, 15)


def test_mask_is_rejected_and_box_kept_when_the_size_of_the_picture_is_unknown(tmp_path: Path) -> None:
    mask = '<mask label="heli" rle="1, 3, 2" left="10" top="20" width="3" height="2"/>'
    part = image("a.png", BOX, mask, size=None)
    intake = take_in(tmp_path, {"annotations.xml": cvat(part), "images/a.png": PHOTO}, max_bad_share=1)
    assert intake.boxes["a.png"] == [("heli", (24, 18, 40, 30))]
    assert [row for _, row, _ in intake.issues("mask_broken")] == [2]


def test_missing_and_unlisted_images_are_named_with_their_rows_when_there_are_some(tmp_path: Path) -> None:
    parts = image("a.png", BOX), image("gone.png", BOX, BOX), image("", BOX)
    files = {"annotations.xml": cvat(*parts), "images/a.png": PHOTO, "images/more.png": PHOTO}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.issues("image_missing") == [("annotations.xml", None, ""), ("annotations.xml", None, "gone.png")]
    assert intake.issues("not_listed") == [("images/more.png", None, "")]
    assert intake.report["accounts"]["rows"] == {
        **{"total": 4, "used": 1, "repaired": 0, "merged": 0},
        **{"rejected": 3, "left_out": 0},
    }


def test_tracks_are_read_frame_by_frame_when_cvat_exports_a_video(tmp_path: Path) -> None:
    shapes = on_frame(0, 10), on_frame(1, 20), on_frame(2, 30, outside=1)
    intake = take_in(tmp_path, {"annotations.xml": cvat(track(*shapes), meta=VIDEO), **frames(0, 1, 2, 3, 7)})
    assert intake.boxes == {
        "frame_000000.png": [("plane", (10, 2, 19, 12))],
        "frame_000001.png": [("plane", (20, 2, 29, 12))],
        "frame_000002.png": [],
        "frame_000003.png": [],
    }
    assert intake.records["frame_000000.png"].boxes[0].attributes == {"track": "5", "keyframe": "1"}
    assert [row for _, row, _ in intake.issues("not_visible")] == [3]
    assert intake.issues("no_label_file") == []
    assert intake.issues("not_listed") == [("images/frame_000007.PNG", None, "")]
    assert intake.report["accounts"]["rows"]["total"] == 3


def test_frames_between_keyframes_are_left_out_when_the_file_has_keyframes_alone(tmp_path: Path) -> None:
    shapes = on_frame(0, 10), on_frame(3, 20), on_frame(4, 20, outside=1)
    files = {
        "annotations.xml": cvat(track(*shapes), track(on_frame(1, 40), on_frame(2, 40, outside=1)), meta=VIDEO),
        **frames(0, 1, 2, 3, 4),
    }
    intake = take_in(tmp_path, files)
    assert sorted(intake.boxes) == ["frame_000000.png", "frame_000003.png", "frame_000004.png"]
    assert [file for file, _, _ in intake.issues("between_keyframes")] == [
        "images/frame_000001.PNG",
        "images/frame_000002.PNG",
    ]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["left_out"]) == (5, 2, 3)


def test_frame_is_the_number_at_the_end_of_the_name_when_frames_were_cut_by_another_tool(tmp_path: Path) -> None:
    files: Files = {
        "clip/annotations.xml": cvat(track(on_frame(1, 10)), meta=VIDEO),
        "clip/clip-0001.jpg": PHOTO,
        "clip/clip-0002.jpg": PHOTO,
        "other/clip-0001.jpg": PHOTO,
    }
    intake = take_in(tmp_path, files)
    assert {record.source: len(record.boxes) for record in intake.dataset.records()} == {
        "clip/clip-0001.jpg": 1,
        "clip/clip-0002.jpg": 0,
    }


def test_frames_that_are_not_there_are_named_when_a_track_is_on_them(tmp_path: Path) -> None:
    shapes = on_frame(0, 10), on_frame(1, 20), '<box xtl="1" ytl="2" xbr="3" ybr="4"/>'
    files = {"annotations.xml": cvat(track(*shapes), meta=VIDEO), **frames(0)}
    intake = take_in(tmp_path, files, max_bad_share=1)
    assert intake.issues("image_missing") == [("annotations.xml", None, "frame 1, such as frame_000001.png")]
    assert [row for _, row, _ in intake.issues("no_frame")] == [3]
    assert intake.report["accounts"]["rows"]["rejected"] == 2


def test_source_is_refused_when_tracks_of_two_videos_share_frame_numbers(tmp_path: Path) -> None:
    tracks = track(on_frame(0, 1), more='id="0" task_id="7"'), track(on_frame(0, 1), more='id="1" task_id="8"')
    with pytest.raises(DatasetError, match="tracks of the tasks 7 and 8") as refusal:
        take_in(tmp_path, {"annotations.xml": cvat(*tracks), **frames(0)})
    assert "export each task by itself" in refusal.value.hint


def test_classes_are_sorted_when_cvat_does_not_define_them(tmp_path: Path) -> None:
    shapes = BOX, BOX.replace("heli", "bird").replace("24", "20")
    intake = take_in(tmp_path, {"annotations.xml": cvat(image("a.png", *shapes), meta=""), "a.png": PHOTO})
    assert intake.dataset.info.classes == ("bird", "heli")


def test_files_are_told_apart_when_voc_and_cvat_lie_in_one_source(tmp_path: Path) -> None:
    files = {
        "annotations.xml": cvat(image("a.png", BOX)),
        "a.png": PHOTO,
        "b.png": PHOTO,
        "b.xml": voc(("x", 1, 2, 9, 9)),
    }
    with pytest.raises(DatasetError, match=r"two kinds of labels fit: cvat .*annotations\.xml\); voc"):
        take_in(tmp_path, files)
    chosen = take_in(tmp_path, files, format="cvat")
    assert chosen.issues("other_labels") == [("b.xml", None, "Pascal VOC")]
    other = take_in(tmp_path, files, format="voc", unlabelled="leave-out")
    assert other.issues("other_labels") == [("annotations.xml", None, "CVAT XML")]


@pytest.mark.parametrize("damage", ["truncated", "entities"])
def test_source_is_refused_with_the_file_when_the_xml_is_broken(tmp_path: Path, damage: str) -> None:
    text = cvat(image("a.png", BOX))
    text = (
        text[:-40]
        if damage == "truncated"
        else text.replace("<annotations>", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>')
    )
    with pytest.raises(DatasetError, match=r"annotations\.xml is broken XML|no labels recognised"):
        take_in(tmp_path, {"annotations.xml": text, "images/a.png": PHOTO})
