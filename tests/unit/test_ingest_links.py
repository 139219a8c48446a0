"""Links in folders and archives: followed inside, named where they are not, and one file is one picture."""

import io
import tarfile
from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import Files, coco, files_in, open_archive, picture, take_in, write_tree

LINE = "0 0.5 0.5 0.25 0.25"
BOX = [("van", (24.0, 18.0, 40.0, 30.0))]
LABELS: Files = {f"set/labels/{name}.txt": LINE for name in "ab"} | {"set/data.yaml": "names: [van]"}


def linked(tmp_path: Path, *, absolute: bool) -> Path:
    """A folder whose images are links to a store inside of it, as caches lay them out."""
    folder = write_tree(tmp_path / "data", {**LABELS, "blobs/1.jpg": picture(), "blobs/2.jpg": picture("blue")})
    (folder / "set" / "images").mkdir()
    for name, blob in (("a", "1"), ("b", "2")):
        target = folder / "blobs" / f"{blob}.jpg" if absolute else Path(f"../../blobs/{blob}.jpg")
        (folder / "set" / "images" / f"{name}.jpg").symlink_to(target)
    return folder


@pytest.mark.parametrize("absolute", [False, True])
def test_links_are_followed_and_targets_merged_when_they_stay_inside(tmp_path: Path, absolute: bool) -> None:
    intake = take_in(tmp_path, linked(tmp_path, absolute=absolute))
    assert intake.boxes == {"a.jpg": BOX, "b.jpg": BOX}
    assert [file for file, *_ in intake.issues("same_file")] == ["blobs/1.jpg", "blobs/2.jpg"]
    pictures = intake.report["accounts"]["pictures"]
    assert (pictures["total"], pictures["used"], pictures["merged"]) == (4, 2, 2)


def test_linked_folders_are_followed_when_they_lead_inside(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "data", {**LABELS, "store/a.jpg": picture(), "store/b.jpg": picture("blue")})
    (folder / "set" / "images").symlink_to(folder / "store")
    (folder / "again").symlink_to(folder / "store")
    (folder / "set" / "around").symlink_to(folder)
    intake = take_in(tmp_path, folder)
    assert sorted(record.source for record in intake.records.values()) == ["set/images/a.jpg", "set/images/b.jpg"]
    assert intake.issues("link_ignored") == [("set/around", None, "")]
    pictures = intake.report["accounts"]["pictures"]
    assert (pictures["total"], pictures["used"], pictures["merged"]) == (6, 2, 4)


def test_listing_ends_when_linked_folders_lead_to_each_other(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "data", {**LABELS, "set/images/a.jpg": picture(), "x/a.txt": "", "y/a.txt": ""})
    (folder / "x" / "to").symlink_to(folder / "y")
    (folder / "y" / "to").symlink_to(folder / "x")
    assert take_in(tmp_path, folder, max_bad_share=0.5).boxes == {"a.jpg": BOX}


def test_links_are_named_when_they_lead_out_or_nowhere(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "data", {**LABELS, "set/images/a.jpg": picture()})
    outside = write_tree(tmp_path / "outside", {"b.jpg": picture()})
    (folder / "set" / "images" / "b.jpg").symlink_to(outside / "b.jpg")
    (folder / "set" / "images" / "c.jpg").symlink_to("nothing.jpg")
    intake = take_in(tmp_path, folder, max_bad_share=0.5)
    assert [file for file, *_ in intake.issues("link_ignored")] == ["images/b.jpg", "images/c.jpg"]
    assert intake.report["accounts"]["pictures"]["left_out"] == 2
    assert [file for file, *_ in intake.issues("label_without_image")] == ["labels/b.txt"]


def test_links_are_named_when_all_images_are_links_that_lead_out(tmp_path: Path) -> None:
    folder = linked(tmp_path, absolute=False)
    with pytest.raises(
        DatasetError, match=r"2 links that lead nowhere or out of the source, .*, such as images/a.jpg"
    ) as refused:
        take_in(tmp_path, folder / "set")
    assert "folder that holds links and files" in refused.value.hint


def test_label_files_are_read_once_when_links_lead_to_them(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "data", {"all/a.jpg": picture(), "texts/a.txt": LINE, "data.yaml": "names: [van]"})
    (folder / "all" / "a.txt").symlink_to(folder / "texts" / "a.txt")
    intake = take_in(tmp_path, folder)
    assert intake.boxes == {"a.jpg": BOX}
    assert intake.issues("same_label_file") == [("texts/a.txt", None, "")]


def test_picture_is_called_a_link_when_it_was_stored_as_text(tmp_path: Path) -> None:
    files = {**LABELS, "set/images/a.jpg": picture(), "set/images/b.jpg": "../../blobs/1.jpg"}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert "a link to '../../blobs/1.jpg' that was stored as text" in intake.issues("image_unreadable")[0][2]


@pytest.mark.parametrize("path", ["set/images/b.jpg", "set/labels/b.txt"])
def test_file_is_called_a_pointer_when_git_lfs_left_it(tmp_path: Path, path: str) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    files = {**LABELS, "set/images/a.jpg": picture(), "set/images/b.jpg": picture("blue"), path: pointer}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert list(intake.boxes) == ["a.jpg"]
    (found,) = [*intake.issues("image_unreadable"), *intake.issues("label_unreadable")]
    assert found[0] == path.removeprefix("set/")
    assert "`git lfs pull` fetches it" in found[2]


def pack(path: Path, members: dict[str, bytes | str]) -> Path:
    """A tar of files (bytes) and hard links (the name of another entry)."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.LNKTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def test_hard_links_of_a_tar_are_files_when_they_lead_to_entries(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", {"set/a.jpg": picture(), "set/b.jpg": "set/a.jpg", "set/c.jpg": "./set/b.jpg"})
    open_archive(path, tmp_path / "out")
    assert files_in(tmp_path / "out") == ["set/a.jpg", "set/b.jpg", "set/c.jpg"]
    assert (tmp_path / "out/set/c.jpg").read_bytes() == picture()


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd", "set/gone.jpg"])
def test_tar_is_refused_when_a_hard_link_leads_elsewhere(tmp_path: Path, target: str) -> None:
    with pytest.raises(DatasetError, match=r"a link that leads out of it|not there"):
        open_archive(pack(tmp_path / "a.tar", {"set/a.jpg": picture(), "set/b.jpg": target}), tmp_path / "out")


def test_picture_is_read_once_when_a_link_has_the_same_labels(tmp_path: Path) -> None:
    folder = write_tree(
        tmp_path / "set", {"raw/images/a.jpg": picture(), "raw/labels/a.txt": LINE, "classes.txt": "van"}
    )
    (folder / "train").mkdir()
    for name in ("images", "labels"):
        (folder / "train" / name).symlink_to(f"../raw/{name}")
    intake = take_in(tmp_path, folder)
    assert [record.source for record in intake.records.values()] == ["train/images/a.jpg"]
    assert intake.issues("same_file") == [("raw/images/a.jpg", None, "")]
    assert intake.issues("same_label_file") == [("raw/labels/a.txt", None, "")]
    assert intake.report["accounts"]["rows"]["total"] == 1


def test_link_is_the_picture_when_labels_name_it_and_its_target_alike(tmp_path: Path) -> None:
    labels = coco([{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 12]}])
    folder = write_tree(tmp_path / "set", {"pool/a.jpg": picture(), "a.json": labels})
    (folder / "train").mkdir()
    (folder / "train" / "a.jpg").symlink_to("../pool/a.jpg")
    intake = take_in(tmp_path, folder)
    assert [(record.source, record.split) for record in intake.records.values()] == [("train/a.jpg", "train")]


def test_pictures_are_both_read_when_one_file_of_labels_lists_a_link_and_its_target(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "pool/a.jpg"}, {"id": 2, "file_name": "train/a.jpg"}]
    labels = coco(images, [{"image_id": number, "category_id": 1, "bbox": [8, 8, 16, 12]} for number in (1, 2)])
    folder = write_tree(tmp_path / "set", {"pool/a.jpg": picture(), "a.json": labels})
    (folder / "train").mkdir()
    (folder / "train" / "a.jpg").symlink_to("../pool/a.jpg")
    intake = take_in(tmp_path, folder)
    assert len(intake.records) == 2
    assert intake.report["accounts"]["rows"]["used"] == 2


def test_broken_link_is_named_when_its_labels_are_left(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "set", {"a.jpg": picture(), "a.txt": LINE, "b.txt": LINE, "classes.txt": "van"})
    (folder / "b.jpg").symlink_to("/nowhere/b.jpg")
    with pytest.raises(DatasetError, match=r"label_without_image.*link_ignored.* as b\.jpg"):
        take_in(tmp_path, folder)
