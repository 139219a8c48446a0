"""What is particular to Pascal VOC: encodings, outlines, lists of splits."""

from pathlib import Path

import pytest

from tests.factories_ingest import picture, take_in, voc

PHOTO = picture()
BOX = (24.0, 18.0, 40.0, 30.0)


def named(name: str, declared: str) -> str:
    """A VOC file with one object, and a declaration."""
    return f'<?xml version="1.0" encoding="{declared}"?>\n{voc((name, 24, 18, 40, 30))}'


ENCODINGS = {
    "GB2312 as declared": ("人", "gb2312", "gb2312", 0),
    "GBK as declared": ("汽車", "GBK", "gbk", 0),
    "GBK declared as GB2312": ("汽車", "gb2312", "gbk", 0),
    "Windows-1252 as declared": ("Müller", "windows-1252", "cp1252", 0),
    "GBK declared as UTF-8": ("人行道", "utf-8", "gbk", 1),
    "Windows-1252 declared as UTF-8": ("Müller", "utf-8", "cp1252", 1),
    "UTF-8 declared as GB2312": ("인", "gb2312", "utf-8", 1),
    "an encoding that nobody knows": ("van", "klingon", "ascii", 1),
    "UTF-16": ("人", "utf-16", "utf-16", 1),
}


@pytest.mark.parametrize(("name", "declared", "encoding", "repaired"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_name_is_read_as_its_author_saw_it_when_the_encoding_is(
    tmp_path: Path, name: str, declared: str, encoding: str, repaired: int
) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": named(name, declared).encode(encoding)})
    assert intake.boxes == {"a.jpg": [(name, BOX)]}
    assert intake.report["accounts"]["label_files"]["repaired"] == repaired


@pytest.mark.parametrize("name", ["größe", "Größe", "müßig, crème brûlée", "Café Größe"])
def test_western_name_is_not_taken_for_chinese_when_two_of_its_letters_are_beyond_ascii(
    tmp_path: Path, name: str
) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": voc((name, 24, 18, 40, 30)).encode("cp1252")})
    assert intake.boxes == {"a.jpg": [(name, (24, 18, 40, 30))]}
    assert intake.issues("encoding") == [("a.xml", None, "Windows-1252")]


@pytest.mark.parametrize("name", ["鲨", "鲨鱼", "鹦鹉", "T恤", "类A"])
def test_chinese_name_is_not_taken_for_western_when_its_signs_are_rare(tmp_path: Path, name: str) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": voc((name, 24, 18, 40, 30)).encode("gbk")})
    assert intake.boxes == {"a.jpg": [(name, (24, 18, 40, 30))]}


def test_name_in_gbk_is_read_when_the_file_declares_nothing(tmp_path: Path) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": voc(("人", 24, 18, 40, 30)).encode("gbk")})
    assert intake.boxes == {"a.jpg": [("人", BOX)]}


POLYGONS = {
    "beside an empty box": "<bndbox/><polygon><x1>20</x1><y1>16</y1><x2>60</x2><y2>16</y2><x3>60</x3><y3>40</y3></polygon>",
    "numbered corners": "<polygon><x1>20</x1><y1>16</y1><x2>60</x2><y2>16</y2><x3>60</x3><y3>40</y3></polygon>",
    "points": "<polygon><pt><x>20</x><y>16</y></pt><pt><x>60</x><y>16</y></pt><pt><x>60</x><y>40</y></pt></polygon>",
}


@pytest.mark.parametrize("polygon", POLYGONS.values(), ids=POLYGONS.keys())
def test_outline_is_kept_and_gives_the_box_when_there_is_no_other(tmp_path: Path, polygon: str) -> None:
    xml = voc().replace("</annotation>", f"<object><name>roof</name>{polygon}</object></annotation>")
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": xml})
    assert intake.boxes == {"a.jpg": [("roof", (20.0, 16.0, 60.0, 40.0))]}
    assert intake.records["a.jpg"].boxes[0].rings == (((20.0, 16.0), (60.0, 16.0), (60.0, 40.0)),)


def test_splits_are_the_sources_own_when_imagesets_has_them(tmp_path: Path) -> None:
    names = {"a": "red", "b": "blue", "c": "green"}
    files = {f"VOC/JPEGImages/{name}.jpg": picture(colour) for name, colour in names.items()}
    files |= {f"VOC/Annotations/{name}.xml": voc(("van", 24, 18, 40, 30)).encode() for name in names}
    files |= {
        "VOC/ImageSets/Main/train.txt": b"a\n",
        "VOC/ImageSets/Main/val.txt": b"b\n",
        "VOC/ImageSets/Main/van_train.txt": b"a 1\n",
    }
    intake = take_in(tmp_path, files)
    assert {file: record.split for file, record in intake.records.items()} == {
        "a.jpg": "train",
        "b.jpg": "valid",
        "c.jpg": "",
    }
