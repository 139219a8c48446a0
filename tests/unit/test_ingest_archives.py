"""Archives: honest ones of every kind, and those that attack."""

import errno
import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.dataset.issues import Issue
from steps.errors import DatasetError, InputError
from steps.ingest.archive import unpack
from steps.ingest.extraction import Extraction
from steps.ingest.limits import Limits
from tests.factories_ingest import Files, picture, take_in, write_tar, write_tree, write_zip

SOUND: Files = {"a.jpg": picture(), "a.txt": "0 0.5 0.5 0.2 0.2", "classes.txt": "plane\n"}


def silent(*_: object) -> None:
    """Report nothing."""


def open_archive(path: Path, into: Path, *, entries: int = 1000, size: int = 10**8, ratio: int = 100) -> list[Issue]:
    issues: list[Issue] = []
    unpack(path, Extraction(into, Limits(entries, size, ratio), issues.append, silent))
    return issues


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


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
    "gzip of text": (gzip.compress(b"hello"), "broken tar"),
    "half a gzip": (gzip.compress(bytes(5000))[:20], "broken tar"),
}


@pytest.mark.parametrize(("data", "told"), NO_ARCHIVES.values(), ids=NO_ARCHIVES.keys())
def test_file_is_refused_by_what_it_is_when_it_is_no_archive(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "data.zip"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=told):
        open_archive(path, tmp_path / "out")


OUTSIDE = ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:/a.jpg", "..\\a.jpg", "C:\\a.jpg", "\\\\server\\a.jpg"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_zip_is_refused_when_a_path_leads_out(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "a.zip", {"ok.jpg": b"x", name: b"x"})
    with pytest.raises(DatasetError, match=r"leads out|absolute"):
        open_archive(path, tmp_path / "out")
    assert files_in(tmp_path) == ["a.zip", "out/ok.jpg"]


@pytest.mark.parametrize("name", ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg"])
def test_tar_is_refused_when_a_path_leads_out(tmp_path: Path, name: str) -> None:
    path = write_tar(tmp_path / "a.tar", {name: b"x"})
    with pytest.raises(DatasetError, match=r"leads out|absolute"):
        open_archive(path, tmp_path / "out")
    assert files_in(tmp_path) == ["a.tar"]


def test_zip_folders_are_understood_when_windows_wrote_backslashes(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.jpg")
    info.filename = info.orig_filename = "images\\a.jpg"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, picture())
    open_archive(tmp_path / "a.zip", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["images/a.jpg"]


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


def test_archive_is_refused_when_a_name_occurs_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jpg", b"2")
    with pytest.raises(DatasetError, match=r"'a.jpg' twice"):
        open_archive(tmp_path / "a.zip", tmp_path / "out")


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


@pytest.mark.parametrize(
    "content", ["names: !!python/object/apply:os.system ['true']", "names: [yes, no]", "names: [[a]]", "names: [a"]
)
def test_yaml_is_refused_when_it_gives_no_plain_names(tmp_path: Path, content: str) -> None:
    with pytest.raises(DatasetError, match=r"the class names in data\.yaml cannot be read"):
        take_in(tmp_path, {"a.jpg": picture(), "a.txt": "0 0.5 0.5 0.2 0.2", "data.yaml": content})


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
