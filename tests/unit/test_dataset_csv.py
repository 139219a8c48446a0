"""CSV: what columns mean, units, names, splits, and what becomes of broken rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, Intake, picture, take_in

PHOTO = picture()
BOX = [("gate", (16.0, 12.0, 32.0, 36.0))]
HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax"
ROW = "a.jpg,64,48,gate,16,12,32,36"
OPEN_IMAGES = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
SHARES = "xclick,/m/0k4j,1,0.25,0.5,0.25,0.75"


def table(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def take(tmp_path: Path, *lines: str, name: str = "labels.csv", more: Files | None = None, **parameters: Any) -> Intake:
    return take_in(tmp_path, {"a.jpg": PHOTO, name: table(*lines), **(more or {})}, **parameters)


def rows(intake: Intake) -> dict[str, int]:
    return {fate: count for fate, count in intake.report["accounts"]["rows"].items() if count}


def test_boxes_are_in_pixels_when_the_table_is_tensorflows(tmp_path: Path) -> None:
    intake = take(tmp_path, HEADER, ROW, name="_annotations.csv")
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.dataset.info.format == "csv"
    assert intake.report["counts"] == {}
    assert intake.report["accounts"]["label_files"]["used"] == 1


def test_boxes_are_shares_and_flags_attributes_when_the_table_is_open_images(tmp_path: Path) -> None:
    intake = take_in(
        tmp_path,
        {
            "train/000a1.jpg": PHOTO,
            "validation/000b2.jpg": picture("blue"),
            "train-annotations-bbox.csv": table(OPEN_IMAGES, f"000a1,{SHARES},1,0,1,0,-1"),
            "validation-annotations-bbox.csv": table(OPEN_IMAGES, f"000b2,{SHARES},0,0,0,0,0"),
            "train-annotations-human-imagelabels.csv": "ImageID,Source,LabelName,Confidence\n000a1,x,/m/0k4j,1\n",
            "class-descriptions-boxable.csv": '/m/011k07,Tortoise\n/m/0k4j,"gate"\n',
        },
    )
    assert intake.boxes == {"000a1.jpg": BOX, "000b2.jpg": BOX}
    assert intake.dataset.info.classes == ("gate",)
    assert [intake.records[file].split for file in ("000a1.jpg", "000b2.jpg")] == ["train", "valid"]
    assert intake.records["000a1.jpg"].boxes[0].attributes == {"occluded": "1", "group_of": "1"}
    assert intake.records["000b2.jpg"].boxes[0].attributes == {}
    [(file, _, why)] = intake.issues("other_labels")
    assert file == "train-annotations-human-imagelabels.csv"
    assert "classification" in why
    assert rows(intake) == {"total": 2, "used": 2}


def test_descriptions_have_a_header_when_open_images_is_of_version_7(tmp_path: Path) -> None:
    names = {"oidv7-class-descriptions-boxable.csv": "LabelName,DisplayName\n/m/0k4j,gate\n"}
    intake = take(tmp_path, OPEN_IMAGES, f"a,{SHARES},0,0,0,0,0", more=names)
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.report["counts"] == {}


def test_machine_name_is_kept_and_said_when_nothing_describes_it(tmp_path: Path) -> None:
    intake = take(tmp_path, OPEN_IMAGES, f"a,{SHARES},0,0,0,0,0")
    assert intake.dataset.info.classes == ("/m/0k4j",)
    assert intake.issues("names_unknown") == [("", None, "/m/0k4j")]


@pytest.mark.parametrize(
    "lines",
    [
        ("image_path,x1,y1,x2,y2,label", "/data/x/a.jpg,16,12,32,36,gate"),
        ("label;x0;y0;x1;y1;image", "gate;16;12;32;36;a.jpg"),
        ("Image Name\tLeft\tTop\tRight\tBottom\tClass Name", "a.jpg\t16\t12\t32\t36\tgate"),
        ("image_id,bbox_xmin,bbox_ymin,bbox_xmax,bbox_ymax,category", "a,16,12,32,36,gate"),
        ("file_name,bbox_left,bbox_top,bbox_width,bbox_height,width,height,name", "a.jpg,16,12,16,24,64,48,gate"),
        ("path,x_center,y_center,width,height,class", r"c:\x\a.jpg,24,24,16,24,gate"),
        (",filename,class,xmin,ymin,xmax,ymax", "0,a.jpg,gate,16,12,32,36"),
        ("ymin,xmin,ymax,xmax,class,filename", "12,16,36,32,gate,a.jpg"),
        ("#filename|class|xmin|ymin|xmax|ymax", '"a.jpg"|"gate"|"16"|"12"|"32"|"36"'),
        ("filename,xmin,ymin,xmax,ymax,class", "https://host/p/a.jpg?w=1,0.25,0.25,0.5,0.75,gate"),
        ("filename,width,height,xmin,ymin,xmax,ymax,class", "a.jpg,16,24,16,12,32,36,gate"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,0,,gate,16,12,32,36"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.png,128,96,gate,32,24,64,72"),
    ],
)
def test_columns_are_told_by_their_names_when_a_table_has_other_ones(tmp_path: Path, lines: Sequence[str]) -> None:
    assert take(tmp_path, *lines).boxes == {"a.jpg": BOX}


@pytest.mark.parametrize(("name", "separator"), [("labels.csv", ";"), ("labels.tsv", "\t")])
def test_decimal_commas_are_read_and_named_when_a_spreadsheet_wrote_them(
    tmp_path: Path, name: str, separator: str
) -> None:
    lines = [HEADER, "a.jpg,64,48,gate,15¤5,12,32,36"]
    intake = take(tmp_path, *[line.replace(",", separator).replace("¤", ",") for line in ["sep=;", *lines]], name=name)
    assert intake.boxes == {"a.jpg": [("gate", (15.5, 12.0, 32.0, 36.0))]}
    assert rows(intake) == {"total": 1, "repaired": 1}


@pytest.mark.parametrize(
    ("encoding", "label", "said"),
    [
        ("utf-8-sig", "größe", "UTF-8 with byte order mark"),
        ("utf-16", "größe", "UTF-16"),
        ("cp1252", "brücke", "Windows-1252"),
        ("gbk", "飞机", "GBK"),
    ],
)
def test_text_is_decoded_and_said_when_a_table_is_not_utf_8(
    tmp_path: Path, encoding: str, label: str, said: str
) -> None:
    content = table(HEADER, ROW.replace("gate", label)).encode(encoding)
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "labels.csv": content})
    assert intake.dataset.info.classes == (label,)
    assert intake.issues("label_encoding") == [("labels.csv", None, said)]
    assert intake.report["accounts"]["label_files"]["repaired"] == 1


def test_broken_rows_are_rejected_one_by_one_when_others_are_good(tmp_path: Path) -> None:
    bad = {
        "a.jpg,64,48,gate,16,12,32": "wrong_cells",
        "a,b.jpg,64,48,gate,16,12,32,36": "wrong_cells",
        '"a.jpg,64,48,gate,16,12,32,36': "wrong_cells",
        ",64,48,gate,16,12,32,36": "wrong_cells",
        "a.jpg,64,48,gate,NaN,12,32,36": "not_a_number",
        "a.jpg,64,48,gate,,12,32,36": "not_a_number",
        "a.jpg,64,48,gate,wide,12,32,36": "not_a_number",
        "a.jpg,64,48,,16,12,32,36": "unknown_class",
        "a.jpg,64,48,gate,16,12,16,36": "zero_size",
        "a.jpg,64,48,gate,16,12,90,36": "out_of_range",
        "gone.jpg,64,48,gate,16,12,32,36": "image_missing",
    }
    intake = take(tmp_path, HEADER, *bad, ROW, ",,,,,,,", "", ROW, "a.jpg,64,48,sluice,32,36,16,12,", max_bad_share=0.9)
    assert intake.boxes == {"a.jpg": [*BOX, ("sluice", BOX[0][1])]}
    assert rows(intake) == {"total": 14, "used": 1, "merged": 1, "repaired": 1, "rejected": 11}
    for line, (text, code) in enumerate(bad.items(), 2):
        assert line in [row for _, row, _ in intake.issues(code)], text
    assert intake.issues("corners_swapped") == [("labels.csv", 17, "sluice 32 36 16 12")]


def test_image_is_background_when_its_row_is_empty_and_left_out_when_there_is_none(tmp_path: Path) -> None:
    more = {"b.jpg": picture("blue"), "c.jpg": picture("green")}
    intake = take(tmp_path, HEADER, ROW, "b.jpg,64,48,,,,,", more=more)
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": []}
    assert intake.issues("not_listed") == [("c.jpg", None, "")]
    assert rows(intake) == {"total": 1, "used": 1}


def test_labels_of_a_missing_image_are_one_issue_when_it_has_many(tmp_path: Path) -> None:
    intake = take(tmp_path, HEADER, *[ROW] * 3, *[ROW.replace("a.jpg", "gone.jpg")] * 2, max_bad_share=0.9)
    assert intake.issues("image_missing") == [("labels.csv", 5, "gone.jpg")]
    assert rows(intake) == {"total": 5, "used": 1, "merged": 2, "rejected": 2}


def test_image_is_named_when_a_row_can_mean_two(tmp_path: Path) -> None:
    files = {"x/b.jpg": PHOTO, "y/b.jpg": picture("blue")}
    intake = take(tmp_path, HEADER, ROW, ROW.replace("a.jpg", "b.jpg"), more=files, max_bad_share=0.9)
    assert intake.issues("image_ambiguous") == [("labels.csv", 3, "b.jpg, which can be x/b.jpg or y/b.jpg")]


def test_split_is_of_the_column_or_the_file_when_a_table_says_it(tmp_path: Path) -> None:
    files = {
        "a.jpg": PHOTO,
        "b.jpg": picture("blue"),
        "c.jpg": picture("green"),
        "train_labels.csv": table(HEADER, ROW),
        "test_labels.csv": table(HEADER, ROW.replace("a.jpg", "b.jpg")),
        "more.csv": table(f"{HEADER},split", f"{ROW.replace('a.jpg', 'c.jpg')},val"),
    }
    intake = take_in(tmp_path, files)
    assert {file: record.split for file, record in intake.records.items()} == {
        "a.jpg": "train",
        "b.jpg": "test",
        "c.jpg": "valid",
    }


def test_classes_are_named_when_they_are_given_by_index(tmp_path: Path) -> None:
    lines = ("path,xmin,ymin,xmax,ymax,class_id", "a.jpg,16,12,32,36,1", "a.jpg,16,12,32,37,7")
    intake = take(tmp_path, *lines, more={"classes.txt": "plane\ngate\n"}, max_bad_share=0.5)
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.issues("unknown_class") == [("labels.csv", 3, "7 16 12 32 37")]
    assert take(tmp_path, *lines[:2], classes="plane,gate").boxes == {"a.jpg": BOX}
    assert take(tmp_path, *lines[:2]).issues("names_unknown") == [("", None, "1")]


RETINANET = ("data/a.jpg,16,12,32,36,gate", "data/b.jpg,,,,,")


def test_table_without_a_header_is_read_when_only_retinanet_writes_such_rows(tmp_path: Path) -> None:
    more = {"b.jpg": picture("blue")}
    assert take(tmp_path, *RETINANET, more=more).boxes == {"a.jpg": BOX, "b.jpg": []}
    intake = take(tmp_path, RETINANET[0], more={"classes.csv": "gate,0\nsluice,1\n"})
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.report["accounts"]["label_files"] == {
        "total": 2,
        "used": 2,
        "repaired": 0,
        "merged": 0,
        "rejected": 0,
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((RETINANET[0],), "has no header"),
        (("a.jpg,16,12,16,24,gate", RETINANET[1], "a.jpg,30,20,10,10,gate"), "has no header"),
        (("filename,x,y,width,height,class", "a.jpg,16,12,16,24,gate"), "does not say whether its boxes are corners"),
        (("image_id,bbox,class", 'a,"[16, 12, 16, 24]",gate'), "does not say whether its boxes are corners"),
        (("image_id,xmin,ymin,xmax,ymax", "a,16,12,16,24"), "no column of classes"),
        (("filename,label", "a.jpg,gate"), "classification"),
        (("annotation_id,image,label,lead_time", "1,a.jpg,[],2.5"), "Label Studio"),
        (("#filename,file_size,region_shape_attributes", "a.jpg,1,{}"), "VGG Image Annotator"),
    ],
)
def test_table_is_named_when_it_cannot_be_read_for_certain(tmp_path: Path, lines: Sequence[str], why: str) -> None:
    with pytest.raises(DatasetError, match=rf"no labels recognised .*; labels\.csv .*{why}"):
        take(tmp_path, *lines)


@pytest.mark.parametrize("content", ["", HEADER, "\n\n", b"\x00\x01\xff\xfe", "a,b\n1,2\n"])
def test_source_is_refused_in_words_when_a_table_has_nothing(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(DatasetError, match=r"no labels recognised|no image has labels"):
        take_in(tmp_path, {"a.jpg": PHOTO, "labels.csv": content})


def test_yolo_labels_are_read_when_a_table_of_results_lies_beside_them(tmp_path: Path) -> None:
    more = {"a.txt": "0 0.375 0.5 0.25 0.5", "classes.txt": "gate\n"}
    intake = take(tmp_path, "epoch,map50", "1,0.5", name="results.csv", more=more)
    assert intake.dataset.info.format == "yolo"
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.issues("file_ignored") == [("results.csv", None, "")]
