"""The source's own split: kept where it can be, searched for copies, completed from train."""

from pathlib import Path
from typing import Any

import pytest

from steps.dataset.split_names import of_folders
from steps.errors import DatasetError
from steps.split.contract import SplitInputs
from steps.split.run import split
from steps.workspace import Workspace
from tests.factories_copies import Divided, brighter, divide, jpeg, labelled, scene
from tests.factories_dataset import record, write_dataset


def pictures(part: str, *numbers: int, factor: float = 1, name: str = "") -> dict[str, bytes]:
    return {f"{part}/images/{name}{number:03}": jpeg(brighter(scene(number), factor)) for number in numbers}


WHOLE = pictures("train", *range(10)) | pictures("valid", 20, 21, 22) | pictures("test", 30, 31)


def stems(divided: Divided) -> dict[str, list[str]]:
    return {part: sorted(divided.part(part)) for part in ("train", "valid", "test")}


def test_split_is_the_sources_own_when_it_has_three_parts(tmp_path: Path) -> None:
    divided = divide(tmp_path, labelled(WHOLE), seed=5)
    assert stems(divided) == {
        "train": [f"{number:03}" for number in range(10)],
        "valid": ["020", "021", "022"],
        "test": ["030", "031"],
    }
    assert divided.splits.mode == "source"
    assert divided.splits.origins == dict.fromkeys(("train", "valid", "test"), "source")
    assert divided.splits.reason == "the source has train, valid, test"


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("train", "train"),
        ("Train_Images", "train"),
        ("images-val", "valid"),
        ("Test set", "test"),
        ("train2014", "train"),
        ("crash-test-photos", ""),
        ("train-test", ""),
        ("data", ""),
    ],
)
def test_folder_is_that_of_a_split_when_its_name_says_no_more(folder: str, part: str) -> None:
    assert of_folders(f"{folder}/deep/a.jpg") == part


def test_split_is_drawn_when_that_is_asked_for(tmp_path: Path) -> None:
    splits = divide(tmp_path, labelled(WHOLE), split="fresh").splits
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (11, 2, 2)
    assert (splits.mode, splits.reason, set(splits.origins.values())) == ("fresh", "--split=fresh", {"drawn"})


@pytest.mark.parametrize(("there", "cut"), [("valid", "test"), ("test", "valid")])
def test_third_part_is_cut_from_train_when_the_source_has_two(tmp_path: Path, there: str, cut: str) -> None:
    source = pictures("train", *range(17)) | pictures(there, 20, 21, 22)
    divided = divide(tmp_path, labelled(source))
    found = stems(divided)
    assert found[there] == ["020", "021", "022"]
    assert (len(found["train"]), len(found[cut])) == (14, 3)  # 17 images as 0.7 to 0.15
    assert divided.splits.origins == {"train": "source", there: "source", cut: "cut from train"}


def test_part_that_is_cut_has_no_copy_in_train(tmp_path: Path) -> None:
    train = pictures("train", *range(6)) | pictures("train", *range(6), factor=0.9, name="dark-")
    divided = divide(tmp_path, labelled(train | pictures("valid", 20, 21)))
    parts = [{name[-3:] for name in divided.part(part)} for part in ("train", "test")]
    assert len(parts[0]) + len(parts[1]) == 6


def test_copies_are_taken_out_of_train_when_test_or_valid_has_them(tmp_path: Path) -> None:
    twins = pictures("train", 20, 30, factor=0.9, name="twin-") | pictures("valid", 31, factor=1.1, name="twin-")
    divided = divide(tmp_path, labelled(WHOLE | twins))
    assert stems(divided) == {
        "train": [f"{number:03}" for number in range(10)],
        "valid": ["020", "021", "022"],
        "test": ["030", "031"],
    }
    assert divided.splits.taken_out == ("twin-020.jpg", "twin-030.jpg", "twin-031.jpg")
    assert divided.splits.leaks.model_dump() == {"groups": 3, "train": 2, "valid": 1}
    shown = {tuple(pair["files"]): tuple(pair["splits"]) for pair in divided.duplicates["pairs"]}
    assert shown == {
        ("020.jpg", "twin-020.jpg"): ("valid", "train"),
        ("030.jpg", "twin-030.jpg"): ("test", "train"),
        ("031.jpg", "twin-031.jpg"): ("test", "valid"),
    }


def test_copies_stay_in_train_when_near_duplicates_are_off(tmp_path: Path) -> None:
    divided = divide(tmp_path, labelled(WHOLE | pictures("train", 30, factor=0.9, name="twin-")), near_duplicates="off")
    assert "twin-030" in divided.part("train")
    assert divided.splits.leaks.groups == 0


def test_equal_files_are_taken_out_of_train_even_when_near_duplicates_are_off(tmp_path: Path) -> None:
    divided = divide(tmp_path, labelled(WHOLE | pictures("train", 30, name="twin-")), near_duplicates="off")
    assert divided.splits.taken_out == ("twin-030.jpg",)


def test_images_that_the_source_puts_nowhere_are_in_train_and_counted(tmp_path: Path) -> None:
    divided = divide(tmp_path, labelled(WHOLE | {"more/images/040": jpeg(scene(40))}))
    assert "040" in divided.part("train")
    assert (divided.splits.mode, divided.splits.nowhere) == ("source", 1)


DRAWN: dict[str, tuple[dict[str, bytes], str]] = {
    "no split": ({f"images/{number:03}": jpeg(scene(number)) for number in range(6)}, "it has none"),
    "train alone": (pictures("train", *range(6)), "it has train"),
    "no train": (pictures("valid", 1, 2, 3) | pictures("test", 4, 5, 6), "it has valid, test"),
    "a test of copies": (
        pictures("train", *range(4)) | pictures("valid", 9) | pictures("test", 1, 2, 3, factor=0.9, name="twin-"),
        "3 of 4 images of train have a copy",
    ),
    "a valid of copies": (
        pictures("train", *range(4)) | pictures("valid", 9) | pictures("test", 9, factor=0.9),
        "every image of valid has a copy",
    ),
    "a train of copies, and no test": (
        pictures("train", 1) | pictures("train", 1, factor=0.9, name="twin-") | pictures("valid", 5, 6),
        "train is one group of copies, from which test cannot be cut",
    ),
}


@pytest.mark.parametrize(("source", "reason"), DRAWN.values(), ids=DRAWN)
def test_split_is_drawn_with_the_reason_when_the_sources_cannot_be_kept(
    tmp_path: Path, source: dict[str, bytes], reason: str
) -> None:
    splits = divide(tmp_path, labelled(source)).splits
    assert splits.mode == "fresh"
    assert reason in splits.reason
    assert splits.taken_out == ()


def test_split_is_refused_when_the_sources_is_wanted_and_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--split=source: the source has no split with train") as refusal:
        divide(tmp_path, labelled(pictures("train", *range(6))), split="source")
    assert "--split=fresh" in refusal.value.hint


def test_split_is_kept_at_a_price_when_it_is_wanted(tmp_path: Path) -> None:
    source, _ = DRAWN["a test of copies"]
    assert stems(divide(tmp_path, labelled(source), split="source")) == {
        "train": ["000"],
        "valid": ["009"],
        "test": ["twin-001", "twin-002", "twin-003"],
    }


def test_groups_of_the_user_are_in_one_part_when_the_source_has_them_in_two(tmp_path: Path) -> None:
    sides: list[tuple[str, str, Any]] = [
        ("a", "site-1", "train"),
        ("b", "site-1", "test"),
        ("c", "", "train"),
        ("d", "", "train"),
        ("e", "", "valid"),
    ]
    records = [record(file, group=group).model_copy(update={"split": part}) for file, group, part in sides]
    (tmp_path / "out").mkdir()
    dataset = write_dataset(tmp_path / "data", records)
    for part in ("a", "b"):
        (dataset / "images" / part).write_bytes(jpeg(scene(1)))
    outputs = split(SplitInputs(dataset=dataset), Workspace(out=tmp_path / "out", state=tmp_path))
    assert '"taken_out": [\n  "a"\n ]' in outputs.splits.read_text(encoding="utf-8")
