"""Copies of one picture stay together: Roboflow's by name, near-identical ones by their hash."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageOps

from steps.split import groups
from tests.factories_copies import Divided, brighter, cropped, divide, jpeg, labelled, scene

if TYPE_CHECKING:
    from collections.abc import Callable


def versions(count: int, each: int = 3, *, folder: str = "train/images", first: int = 0) -> dict[str, bytes]:
    """Pictures as Roboflow augments them: mirrored and turned too, which no hash would find."""
    changes: list[Callable[[Image.Image], Image.Image]] = [
        lambda image: image,
        ImageOps.mirror,
        lambda image: brighter(image.transpose(Image.Transpose.ROTATE_90), 0.8),
    ]
    return {
        f"{folder}/yard-{number:03}_jpg.rf.{number:016x}{version:016x}": jpeg(changes[version](scene(number)))
        for number in range(first, first + count)
        for version in range(each)
    }


def originals(divided: Divided) -> list[set[str]]:
    return [{name.partition(".rf.")[0] for name in divided.part(part)} for part in ("train", "valid", "test")]


def test_no_version_is_in_two_splits_when_roboflow_augmented(tmp_path: Path) -> None:
    source = (
        versions(9) | versions(2, 1, folder="valid/images", first=9) | versions(1, 1, folder="test/images", first=11)
    )
    kept, drawn = divide(tmp_path, labelled(source)), divide(tmp_path, labelled(source), split="fresh")
    assert (kept.splits.mode, len(kept.splits.train), len(kept.splits.valid), len(kept.splits.test)) == (
        "source",
        27,
        2,
        1,
    )
    assert (kept.splits.leaks.groups, kept.splits.taken_out) == (0, ())
    for divided in (kept, drawn):
        train, valid, test = originals(divided)
        assert not train & (valid | test)
        assert not valid & test
        assert (divided.splits.copies.groups, divided.splits.copies.images) == (9, 27)
        assert divided.splits.copies.same_original == 9


def test_versions_part_when_near_duplicates_are_off(tmp_path: Path) -> None:
    divided = divide(tmp_path, labelled(versions(9)), near_duplicates="off", taken={"near_duplicates": "off"})
    train, valid, test = originals(divided)
    assert train & (valid | test)
    assert divided.splits.copies.groups == 0


def test_versions_of_two_exports_are_apart_when_only_the_names_agree(tmp_path: Path) -> None:
    source = versions(4, 1, folder="first/train/images") | {
        path.replace("first", "second").replace(".rf.", ".rf.a"): jpeg(scene(number))
        for number, path in enumerate(versions(4, 1, folder="first/train/images"), 50)
    }
    assert divide(tmp_path, labelled(source)).splits.copies.groups == 0


def test_one_name_for_all_pictures_is_no_reason_to_keep_them_together(tmp_path: Path) -> None:
    source = {f"images/image_jpg.rf.{number:032x}": jpeg(scene(number)) for number in range(40)}
    splits = divide(tmp_path, labelled(source)).splits
    assert (splits.copies.groups, splits.copies.apart) == (0, (40,))
    assert len(splits.train) == 28


def copies(number: int) -> dict[str, bytes]:
    """A picture, and what becomes of it in other people's hands."""
    image = scene(number, size=(320, 240))
    return {
        f"images/{number:02}-as-it-was": jpeg(image),
        f"images/{number:02}-small": jpeg(image.resize((200, 150)), 60),
        f"images/{number:02}-bright": jpeg(brighter(image, 1.1)),
        f"images/{number:02}-cropped": jpeg(cropped(image, 0.01)),
    }


def test_near_identical_pictures_stay_together_whatever_they_are_called(tmp_path: Path) -> None:
    source = {path: content for number in range(8) for path, content in copies(number).items()}
    divided = divide(tmp_path, labelled(source))
    parts = [{name[:2] for name in divided.part(part)} for part in ("train", "valid", "test")]
    assert sum(map(len, parts)) == 8
    assert (divided.splits.copies.groups, divided.splits.copies.images) == (8, 32)
    assert (divided.splits.copies.near_identical, divided.splits.copies.same_bytes) == (8, 0)


def test_pairs_are_shown_with_thumbnails_when_pictures_are_alike(tmp_path: Path) -> None:
    source = copies(1) | {f"images/other-{number}": jpeg(scene(number + 10)) for number in range(5)}
    divided = divide(tmp_path, labelled(source))
    (pair,) = divided.duplicates["pairs"]
    assert {file[:2] for file in pair["files"]} == {"01"}
    assert "of 256 bits of the perceptual hash differ" in pair["because"]
    for name in pair["thumbnails"]:
        with Image.open(divided.folder / name) as thumbnail:
            assert max(thumbnail.size) <= 240
    assert divided.duplicates["groups"] == [{"images": 4, "files": sorted(f"{path[7:]}.jpg" for path in copies(1))}]


def test_plain_pictures_are_no_copies_when_there_is_nothing_to_tell_them_by(tmp_path: Path) -> None:
    source = {f"images/{number:02}": jpeg(Image.new("RGB", (64, 48), (number * 8, 90, 90))) for number in range(20)}
    splits = divide(tmp_path, labelled(source)).splits
    assert (splits.copies.groups, splits.copies.without_hash) == (0, 20)


def frames(count: int) -> dict[str, bytes]:
    """A camera that does not move, and something small that does."""
    background = scene(5, size=(320, 240))
    found = {}
    for number in range(count):
        frame = background.copy()
        frame.paste("white", (4 + 6 * number, 100, 12 + 6 * number, 108))
        found[f"images/frame-{number:02}"] = jpeg(frame)
    return found


def test_frames_of_one_camera_are_divided_and_counted_when_they_are_most_of_all(tmp_path: Path) -> None:
    splits = divide(tmp_path, labelled(frames(40))).splits
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (28, 6, 6)
    assert splits.copies.apart == (40,)


def test_frames_of_one_camera_stay_together_when_they_are_few_of_all(tmp_path: Path) -> None:
    source = frames(12) | {f"images/other-{number:02}": jpeg(scene(number + 10)) for number in range(48)}
    divided = divide(tmp_path, labelled(source))
    assert sum(any(name.startswith("frame") for name in divided.part(part)) for part in ("train", "valid", "test")) == 1
    assert (divided.splits.copies.largest, divided.splits.copies.apart) == (12, ())


def test_few_pictures_are_divided_all_the_same_when_all_are_alike(tmp_path: Path) -> None:
    splits = divide(tmp_path, labelled(frames(8))).splits
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 8
    assert splits.copies.apart == (8,)


def test_equal_frames_stay_together_when_a_large_group_is_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "SMALL", 5)
    pictures = list(frames(10).values())
    source = {
        f"images/{number:02}-{copy}": jpeg_with_comment(pictures[number], copy)
        for number in range(10)
        for copy in (0, 1)
    }
    divided = divide(tmp_path, labelled(source))
    parts = [{name[:2] for name in divided.part(part)} for part in ("train", "valid", "test")]
    assert sum(map(len, parts)) == 10
    assert divided.splits.copies.apart == (20,)


def jpeg_with_comment(data: bytes, number: int) -> bytes:
    """The same picture in another file."""
    comment = f"copy {number}".encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]
