"""Finding files: wrapper folders, references from other machines, junk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps.dataset.issues import Issue
from steps.dataset.tree import Tree
from tests.factories_ingest import write_tree


@contextmanager
def scan(tmp_path: Path, *paths: str) -> Iterator[tuple[Tree, list[Issue]]]:
    issues: list[Issue] = []
    folder = write_tree(tmp_path / "source", dict.fromkeys(paths, b"x"))
    with Tree.scan(folder, tmp_path / "tree.sqlite", issues.append) as tree:
        yield tree, issues


REFERENCES = {
    "its path": ("images/train/a.jpg", "", ["images/train/a.jpg"]),
    "beside the list": ("a.jpg", "images/valid", ["images/valid/a.jpg"]),
    "another machine": ("/home/ann/set/images/train/a.jpg", "", ["images/train/a.jpg"]),
    "Windows": ("D:\\set\\valid\\a.jpg", "", ["images/valid/a.jpg"]),
    "another case": ("IMAGES/Train/A.JPG", "", ["images/train/a.jpg"]),
    "only the name, once": ("b.jpg", "labels", ["images/train/b.jpg"]),
    "nearest, in another case": ("b.jpg", "images/valid", ["images/valid/B.jpg"]),
    "only the name, twice": ("a.jpg", "", ["images/train/a.jpg", "images/valid/a.jpg"]),
    "nearest": ("x/a.jpg", "images/valid/deep", ["images/valid/a.jpg"]),
    "dots": ("./images/../images/train/b.jpg", "", ["images/train/b.jpg"]),
    "out of the tree": ("../../etc/passwd", "", []),
    "nothing": ("  ", "", []),
    "escaped": ("images%2Ftrain/%61.jpg", "", ["images/train/a.jpg"]),
    "an address": ("https://host/train/a.jpg?sign=1#x", "", ["images/train/a.jpg"]),
    "half an address": ("http://[images/train/a.jpg", "", ["images/train/a.jpg"]),
    "escaped over and over": (f"%{'25' * 3000}61.jpg", "", []),
    "half an address of none": ("http://[c.jpg", "", []),
    "to the letter": ("x/B.jpg", "", ["images/valid/B.jpg"]),
    "another image": ("c.jpg", "", []),
    "not an image": ("labels/a.txt", "", []),
}


@pytest.mark.parametrize(("reference", "near", "found"), REFERENCES.values(), ids=REFERENCES.keys())
def test_image_is_located_when_a_reference_is(tmp_path: Path, reference: str, near: str, found: list[str]) -> None:
    paths = ("images/train/a.jpg", "images/valid/a.jpg", "images/train/b.jpg", "images/valid/B.jpg", "labels/a.txt")
    with scan(tmp_path, *paths) as (tree, _):
        assert tree.locate(reference, near) == found


def test_wrapper_folders_are_peeled_off_when_they_hold_nothing_else(tmp_path: Path) -> None:
    paths = ("a/b/c.jpg", "a/b/c.txt", "a/LICENSE", "__MACOSX/a/b/._c.jpg", ".DS_Store", "a/.git/x.jpg")
    with scan(tmp_path, *paths) as (tree, issues):
        assert list(tree.pictures()) == ["c.jpg"]
    found = {issue.file: issue.code for issue in issues}
    assert found == {
        ".DS_Store": "system_file",
        "__MACOSX": "system_file",
        "LICENSE": "file_ignored",
        ".git": "system_file",
    }


@pytest.mark.parametrize("folder", ["train", "Test", "VisDrone2019-DET-val"])
def test_folder_is_no_wrapper_when_its_name_is_that_of_a_split(tmp_path: Path, folder: str) -> None:
    with scan(tmp_path, f"set/{folder}/images/a.jpg", f"set/{folder}/labels/a.txt") as (tree, _):
        assert list(tree.pictures()) == [f"{folder}/images/a.jpg"]


def test_files_are_listed_in_order_when_folders_are_deep(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 300) + "/z.jpg"
    with scan(tmp_path, deep, "b.jpg", "a/z.JPG", "a/y.png") as (tree, _):
        assert list(tree.pictures()) == ["a/y.png", "a/z.JPG", "b.jpg", deep]


def test_name_is_told_when_it_is_not_utf8(tmp_path: Path) -> None:
    write_tree(tmp_path / "source", {"a.jpg": b"x"})
    (tmp_path / "source" / os.fsdecode(b"\xe9.jpg")).touch()
    with scan(tmp_path, "b.jpg") as (tree, issues):
        assert list(tree.pictures()) == ["a.jpg", "b.jpg"]
    assert issues == [Issue("name_not_utf8", "\\udce9.jpg")]
