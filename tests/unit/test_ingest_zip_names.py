"""Names in zips that do not say how they are encoded, as macOS and Windows in several countries write them."""

import json
import unicodedata
import zipfile
from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import coco, picture, take_in, write_zip

BOX = [("plane", (8.0, 8.0, 24.0, 20.0))]


def raw_zip(path: Path, files: dict[str, bytes | str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zip as a packer writes it that knows one code page and no flags."""
    monkeypatch.setattr(zipfile.ZipInfo, "_encodeFilenameFlags", lambda info: (info.filename.encode(encoding), 0))
    try:
        return write_zip(path, files)
    finally:
        monkeypatch.undo()


NAMES = {
    "macOS, decomposed": (unicodedata.normalize("NFD", "Türgriff"), "utf-8"),
    "macOS": ("日本語", "utf-8"),
    "Windows in Japan": ("猫の写真", "cp932"),
    "Windows in Japan, kanji": ("自動車", "cp932"),
    "Windows in China": ("汽车", "gbk"),
    "Windows in China, one sign": ("人", "gbk"),
    "Windows in Taiwan": ("圖片", "big5"),
    "Windows in Korea": ("고양이", "cp949"),
    "Windows in Europe": ("Türgriff", "cp437"),
    "Windows in Brazil": ("São", "cp850"),
    "Windows in Russia": ("Кот", "cp866"),
    "Windows in Russia, GUI": ("Кот", "cp1251"),
    "Windows in Poland": ("żółw", "cp852"),
    "Windows in Turkey": ("ağaç", "cp857"),
    "Windows in Greece": ("γάτα", "cp737"),
}


@pytest.mark.parametrize(("name", "encoding"), NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("escaped", [True, False])
def test_image_is_found_when_the_names_are_in(
    tmp_path: Path, name: str, encoding: str, escaped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = json.loads(
        coco(
            [{"id": 1, "file_name": unicodedata.normalize("NFC", f"{name}_1.jpg")}],
            [{"image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 12]}],
        )
    )
    content = json.dumps(labels, ensure_ascii=escaped)
    files: dict[str, bytes | str] = {f"bilder/{name}_1.jpg": picture(), "a.json": content}
    path = raw_zip(tmp_path / "a.zip", files, encoding, monkeypatch)
    intake = take_in(tmp_path, path)
    assert list(intake.boxes.values()) == [BOX]
    assert {record.source for record in intake.records.values()} == {f"bilder/{name}_1.jpg"}


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        NAMES["Windows in Japan"],
        NAMES["Windows in China"],
        NAMES["Windows in Russia"],
        NAMES["Windows in Poland"],
        ("grün", "cp850"),
    ],
)
def test_names_are_right_when_nothing_mentions_them(
    tmp_path: Path, name: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, bytes | str] = {
        "classes.txt": "van\n",
        f"{name}.jpg": picture(),
        f"{name}.txt": "0 0.5 0.5 0.25 0.25",
    }
    intake = take_in(tmp_path, raw_zip(tmp_path / "a.zip", files, encoding, monkeypatch))
    assert {record.source for record in intake.records.values()} == {f"{name}.jpg"}


def test_archives_are_named_when_the_source_holds_nothing_else(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"a.jpg": picture()}).read_bytes()
    path = write_zip(tmp_path / "all.zip", {"june.zip": inner, "july.zip": inner})
    with pytest.raises(
        DatasetError, match=r"archives inside of it: found 2 \.zip, such as july\.zip, june\.zip"
    ) as fault:
        take_in(tmp_path, path)
    assert "unpack them into one folder" in fault.value.hint


def test_part_is_named_when_a_zip_was_split(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole.zip", {"a.jpg": picture(), "a.txt": "0 0.5 0.5 0.2 0.2"}).read_bytes()
    (tmp_path / "set.z01").write_bytes(b"PK\x07\x08" + whole[: len(whole) // 2])
    end = whole.rindex(b"PK\x05\x06")
    (tmp_path / "set.zip").write_bytes(whole[:end] + whole[end : end + 4] + b"\1\0" + whole[end + 6 :])
    with pytest.raises(DatasetError, match=r"set\.z01 is the first part of a split zip"):
        take_in(tmp_path, tmp_path / "set.z01")
    (tmp_path / "middle.zip").write_bytes((tmp_path / "set.zip").read_bytes()[100:])
    (tmp_path / "rest.zip").write_bytes(whole[len(whole) // 2 :])
    for name in ("set.zip", "middle.zip", "rest.zip"):
        with pytest.raises(DatasetError, match="is the last part of a split zip") as fault:
            take_in(tmp_path, tmp_path / name)
        assert "zip -s 0" in fault.value.hint
    (tmp_path / "set.z02").write_bytes(whole[100:300])
    with pytest.raises(DatasetError, match=r"set\.z02 is a part of a split zip"):
        take_in(tmp_path, tmp_path / "set.z02")
