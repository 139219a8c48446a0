"""Archives: every kind, whole or broken."""

import errno
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.errors import DatasetError, InputError
from steps.ingest.extraction import Extraction
from steps.ingest.limits import Limits
from tests.factories_ingest import (
    SOUND,
    Files,
    files_in,
    open_archive,
    picture,
    silent,
    take_in,
    write_tar,
    write_tree,
    write_zip,
)

WRITERS: dict[str, Callable[[Path, Files], Path]] = {
    "a.zip": write_zip,
    "a.tar": write_tar,
    "a.tar.gz": write_tar,
    "a.tgz": write_tar,
    "folder": write_tree,
}


@pytest.mark.parametrize("name", WRITERS)
def test_data_set_is_the_same_when_the_archive_is_of_another_kind_order_or_wrapping(tmp_path: Path, name: str) -> None:
    twins = {"x/b.jpg": picture("blue"), "x/b.txt": "0 0.5 0.5 0.1 0.1", "y/b.jpg": picture("green")}
    plain = take_in(tmp_path, {**SOUND, **twins})
    wrapped = {f"outer/inner/{path}": content for path, content in reversed({**SOUND, **twins}.items())}
    junk = {"__MACOSX/outer/._a.jpg": b"\0", "outer/.DS_Store": b"\0", "README": "x"}
    other = take_in(tmp_path, WRITERS[name](tmp_path / name, {**wrapped, **junk}))
    assert other.outputs.digest == plain.outputs.digest
    assert other.report["images"] == 3
    assert len([file for file in other.records if file.startswith("b-")]) == 2


@pytest.mark.parametrize(
    ("name", "writer"), [("a.tar", write_zip), ("a.jpg", write_zip), ("a.zip", write_tar), ("a", write_tar)]
)
def test_archive_is_recognised_when_its_extension_is_wrong(
    tmp_path: Path, name: str, writer: Callable[[Path, Files], Path]
) -> None:
    open_archive(writer(tmp_path / name, SOUND), tmp_path / "out")
    assert files_in(tmp_path / "out") == sorted(SOUND)


NO_ARCHIVES = {
    "empty": (b"", "an empty file"),
    "html": (b"<html>not found</html>", "an HTML or XML page"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(600), "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(600), "a rar archive"),
    "image": (picture(), "a JPEG image"),
    "noise": (bytes(range(256)) * 4, "begins with"),
    "start of a zip": (b"PK\3\4" + bytes(600), "broken zip"),
    "gzip of text": (gzip.compress(b"hello"), "a single file packed with gzip"),
    "half a gzip": (gzip.compress(bytes(5000))[:20], "broken tar"),
}


@pytest.mark.parametrize(("data", "told"), NO_ARCHIVES.values(), ids=NO_ARCHIVES.keys())
def test_file_is_refused_by_what_it_is_when_it_is_no_archive(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=told):
        open_archive(path, tmp_path / "out")


def test_zip_folders_are_understood_when_windows_wrote_backslashes(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.filename = info.orig_filename = "images\\a.jpg"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, picture())
    open_archive(tmp_path / "a.zip", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["images/a.jpg"]


def test_zip64_is_read_when_an_archive_uses_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        with archive.open("a.jpg", "w", force_zip64=True) as file:
            file.write(picture())
        archive.writestr("b.jpg", picture())
    data = (tmp_path / "a.zip").read_bytes()
    place, (entries, size, offset) = data.rfind(b"PK\5\6"), struct.unpack_from("<HLL", data, data.rfind(b"PK\5\6") + 10)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "a.zip").write_bytes(data[:place] + end64 + locator + end)
    open_archive(tmp_path / "a.zip", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["a.jpg", "b.jpg"]


def test_tar_is_refused_when_it_ends_in_the_middle(tmp_path: Path) -> None:
    data = write_tar(tmp_path / "a.tar", {"a.jpg": bytes(5000), "b.jpg": bytes(5000)}).read_bytes()
    for cut in (700, 5500, 6144, 6300, 8000):
        (tmp_path / "a.tar").write_bytes(data[:cut])
        if cut == 6144:  # Between two files: cut or not, nobody can tell.
            continue
        with pytest.raises(DatasetError, match="broken tar"):
            open_archive(tmp_path / "a.tar", tmp_path / f"out-{cut}")


def test_tar_is_refused_when_a_header_in_the_middle_is_damaged(tmp_path: Path) -> None:
    data = bytearray(write_tar(tmp_path / "a.tar", {"a.jpg": bytes(512), "b.jpg": bytes(512)}).read_bytes())
    data[1024 + 150] ^= 0x55
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(DatasetError, match="broken tar"):
        open_archive(tmp_path / "a.tar", tmp_path / "out")


def test_disk_that_is_full_is_told_when_unpacking(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match="the disk is full"):
        Extraction(tmp_path, Limits(10, 1000, 100), lambda _: None, silent).write("a.jpg", Full())


def test_zip_is_refused_when_it_was_cut_short(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", SOUND)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DatasetError, match="broken zip"):
        open_archive(path, tmp_path / "out")


def test_names_are_kept_apart_when_they_are_not_utf8(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", encoding="latin-1") as archive:
        for name in ("é.jpg", "è.jpg"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    open_archive(tmp_path / "a.tar", tmp_path / "out")
    assert len(files_in(tmp_path / "out")) == 2


def test_images_are_told_apart_when_their_paths_differ_in_spelling_alone(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    files = {
        "classes.txt": "plane\n",
        f"images/{composed}.jpg": picture(),
        f"images/{decomposed}.jpg": picture("blue"),
        f"labels/{composed}.txt": "0 0.5 0.5 0.25 0.5",
        f"labels/{decomposed}.txt": "0 0.5 0.5 0.5 0.5",
    }
    intake = take_in(tmp_path, files)
    assert {record.source: record.boxes[0].xyxy for record in intake.records.values()} == {
        f"images/{composed}.jpg": (24, 12, 40, 36),
        f"images/{decomposed}.jpg": (16, 12, 48, 36),
    }
    case = take_in(tmp_path, {"a.jpg": picture(), "A.jpg": picture("blue"), "a.txt": "", "A.txt": "0 0.5 0.5 0.2 0.2"})
    assert len({file.lower() for file in case.records}) == 2
