"""Archives: those that attack."""

import gzip
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import (
    SOUND,
    Files,
    files_in,
    open_archive,
    picture,
    take_in,
    write_tar,
    write_tree,
    write_zip,
)

OUTSIDE = ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:/a.jpg", "..\\a.jpg", "C:\\a.jpg", "\\\\server\\a.jpg"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_zip_is_refused_when_a_path_leads_out(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", {"ok.jpg": b"x", name: b"x"})
    with pytest.raises(DatasetError, match=r"^a\.zip: .*(leads out|absolute)"):
        open_archive(path, tmp_path / "out")
    assert files_in(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("name", ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg"])
def test_tar_is_refused_when_a_path_leads_out(tmp_path: Path, name: str) -> None:
    path = write_tar(tmp_path / "a.tar", {name: b"x"})
    with pytest.raises(DatasetError, match=r"^a\.tar: .*(leads out|absolute)"):
        open_archive(path, tmp_path / "out")
    assert files_in(tmp_path) == ["a.tar"]


@pytest.mark.parametrize("kind", [0o120777, 0o010644, 0o060644, 0o140644])
def test_zip_is_refused_when_it_has_a_link_or_special_file(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.external_attr = kind << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DatasetError, match=r"a link|a special file"):
        open_archive(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_tar_is_refused_when_it_has_a_link_or_special_file(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("a.jpg")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(DatasetError, match=r"a link|a special file"):
        open_archive(tmp_path / "a.tar", tmp_path / "out")


def test_links_are_not_followed_when_a_folder_has_them(tmp_path: Path) -> None:
    secret = write_tree(tmp_path / "secret", {"b.jpg": picture("blue")})
    folder = write_tree(tmp_path / "data", SOUND)
    (folder / "b.jpg").symlink_to(secret / "b.jpg")
    (folder / "more").symlink_to(secret)
    intake = take_in(tmp_path, folder)
    assert list(intake.boxes) == ["a.jpg"]
    assert [file for file, _, _ in intake.issues("link_ignored")] == ["b.jpg", "more"]


@pytest.mark.parametrize(("name", "writer"), [("a.zip", write_zip), ("a.tar", write_tar), ("a.tgz", write_tar)])
def test_archive_is_refused_when_it_has_too_many_entries(
    tmp_path: Path, name: str, writer: Callable[[Path, Files], Path]
) -> None:
    files: Files = {f"{number}.jpg": b"" for number in range(101)}
    path = writer(tmp_path / name, files)
    open_archive(path, tmp_path / "enough", entries=101)
    with pytest.raises(DatasetError, match="more than 100 entries"):
        open_archive(path, tmp_path / "out", entries=100)


def crowded_zip(path: Path, entries: int) -> Path:
    """A zip whose directory has `entries` entries, and whose end record tells of one."""
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0) + b"%07d" % number
        for number in range(entries)
    )
    path.write_bytes(b"PK\3\4" + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), 4, 0))
    return path


def test_zip_is_refused_before_it_fills_the_memory_when_it_lists_a_million_entries(tmp_path: Path) -> None:
    path = crowded_zip(tmp_path / "a.zip", 1_000_001)
    with pytest.raises(DatasetError, match="more than 1,000,000 entries"):
        open_archive(path, tmp_path / "out", entries=1_000_000)


@pytest.mark.slow
def test_tar_is_refused_when_it_has_a_million_entries(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    block = folder.tobuf()
    with gzip.open(tmp_path / "a.tgz", "wb", compresslevel=1) as file:
        for _ in range(1000):
            file.write(block * 1001)
    with pytest.raises(DatasetError, match="more than 1,000,000 entries"):
        open_archive(tmp_path / "a.tgz", tmp_path / "out", entries=1_000_000, size=10**10, ratio=10**6)


@pytest.mark.parametrize(("name", "writer"), [("a.zip", write_zip), ("a.tgz", write_tar)])
def test_archive_is_refused_while_it_unpacks_when_it_is_a_bomb(
    tmp_path: Path, name: str, writer: Callable[[Path, Files], Path]
) -> None:
    path = writer(tmp_path / name, {"a.jpg": bytes(70 * 1024 * 1024)})
    with pytest.raises(DatasetError, match="more than 100 times as much"):
        open_archive(path, tmp_path / "out")
    with pytest.raises(DatasetError, match="more than 1,000,000 bytes"):
        open_archive(path, tmp_path / "small", size=1_000_000)
    assert (tmp_path / "small" / "a.jpg").stat().st_size <= 2 * 1024 * 1024


def test_bytes_are_counted_as_they_come_when_a_zip_lies_about_its_sizes(tmp_path: Path) -> None:
    data = bytearray(write_zip(tmp_path / "a.zip", {"a.jpg": bytes(3_000_000)}).read_bytes())
    at = data.rfind(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<L", 10)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DatasetError):
        open_archive(tmp_path / "a.zip", tmp_path / "out", size=1_000_000)
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) <= 1_100_000


def test_tar_is_refused_when_a_header_would_fill_the_memory(tmp_path: Path) -> None:
    member = tarfile.TarInfo("././@PaxHeader")
    member.type, member.size = tarfile.XHDTYPE, 50_000_000
    with gzip.open(tmp_path / "a.tgz", "wb", compresslevel=1) as file:
        file.write(member.tobuf() + bytes(50_000_000))
    with pytest.raises(DatasetError, match="oversized header"):
        open_archive(tmp_path / "a.tgz", tmp_path / "out")


def test_zip_is_refused_when_it_is_encrypted(tmp_path: Path) -> None:
    data = bytearray(write_zip(tmp_path / "a.zip", {"a.jpg": picture()}).read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(mark) + at] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DatasetError, match="encrypted"):
        open_archive(tmp_path / "a.zip", tmp_path / "out")


def test_zip_is_refused_when_its_compression_is_unusual(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.jpg", picture())
    with pytest.raises(DatasetError, match="compression method 14"):
        open_archive(tmp_path / "a.zip", tmp_path / "out")


def test_archive_is_refused_when_a_name_occurs_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", b"2")
    with pytest.raises(DatasetError, match=r"'a.jpg' twice"):
        open_archive(tmp_path / "a.zip", tmp_path / "out")


def test_what_could_run_code_is_dropped_and_named_when_an_archive_has_it(tmp_path: Path) -> None:
    hostile = {
        "labels.cache": b"\x80\x04",
        "x.npy": b"x",
        "model.pt": b"x",
        "setup.py": "raise SystemExit",
        "notes.md": "",
    }
    yaml = {"data.yaml": "names: [plane]\ndownload: |\n  import os; os._exit(7)\n"}
    sound = {name: content for name, content in SOUND.items() if name != "classes.txt"}
    intake = take_in(tmp_path, write_zip(tmp_path / "a.zip", {**sound, **hostile, **yaml}))
    dropped = [file for file, _, _ in intake.issues("unsafe_file_dropped")]
    assert dropped == ["labels.cache", "model.pt", "setup.py", "x.npy"]
    assert intake.issues("file_ignored") == [("notes.md", None, "")]
    assert files_in(intake.outputs.dataset) == ["annotations.jsonl", "dataset.json", "images/a.jpg"]


@pytest.mark.parametrize("content", ["names: !!python/object/apply:os.system ['true']", "names: [[a]]", "names: [a"])
def test_yaml_is_refused_when_it_gives_no_plain_names(tmp_path: Path, content: str) -> None:
    with pytest.raises(DatasetError, match=r"the class names in data\.yaml cannot be read"):
        take_in(tmp_path, {"a.jpg": picture(), "a.txt": "0 0.5 0.5 0.2 0.2", "data.yaml": content})
