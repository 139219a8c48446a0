"""What the report says of the splits: where they are from, copies on both sides, pairs to look at."""

from pathlib import Path

import pytest

from tests.factories_report import run_report
from tests.factories_report_artifacts import write_duplicates, write_splits
from tests.page_reader import PageReader

WHOLE = {"train": "source", "valid": "source", "test": "source"}
KEPT = {"mode": "source", "reason": "the source has train, valid, test", "origins": WHOLE}


def section(tmp_path: Path, **more: object) -> str:
    write_splits(tmp_path / "splits.json", **more)
    page, _ = run_report({"splits": str(tmp_path / "splits.json")}, tmp_path / "work")
    return " ".join(PageReader(page).text.split())


def test_drawn_split_is_said_to_be_drawn(tmp_path: Path) -> None:
    text = section(tmp_path)
    assert "The split was drawn: the source has no split with train and valid or test; it has none." in text
    assert "seed 7" in text
    assert (
        "5 images are copies of one another, in 2 groups: 1 with equal files, 1 held together by the perceptual hash."
        in text
    )


def test_kept_split_is_said_to_be_clean_when_it_is(tmp_path: Path) -> None:
    text = section(tmp_path, **KEPT)
    assert "The source’s own split is kept: the source has train, valid, test." in text
    assert "searched for copies: no image has one in another part" in text
    assert "seed 7" not in text


def test_copies_on_both_sides_are_counted_when_the_split_is_kept(tmp_path: Path) -> None:
    text = section(tmp_path, **KEPT, leaks={"groups": 3, "train": 2, "valid": 1})
    assert "2 images of training and 1 image of validation have a copy in a part that is nearer" in text
    assert "They were taken out" in text


def test_part_that_was_cut_says_so(tmp_path: Path) -> None:
    text = section(tmp_path, **(KEPT | {"origins": WHOLE | {"test": "cut from train"}, "nowhere": 4}))
    assert "what only the final score sees; cut from train" in text
    assert "4 images that the source puts nowhere are in training." in text
    assert "seed 7" in text


def test_groups_that_were_taken_apart_are_told(tmp_path: Path) -> None:
    copies = {"groups": 0, "images": 0, "apart": [400], "without_hash": 1}
    text = section(tmp_path, copies=copies)
    assert "(400 images): frames of one camera, perhaps" in text
    assert "1 image has no perceptual hash" in text


@pytest.mark.parametrize(("splits", "shown"), [(("test", "train"), True), (("", ""), False)])
def test_pairs_stand_side_by_side(tmp_path: Path, splits: tuple[str, str], *, shown: bool) -> None:
    write_splits(tmp_path / "splits.json")
    write_duplicates(tmp_path / "duplicates", splits)
    flags = {"splits": str(tmp_path / "splits.json"), "duplicates": str(tmp_path / "duplicates")}
    page, _ = run_report(flags, tmp_path / "work")
    reader = PageReader(page)
    assert page.count('<ul class="copies">') == 1
    assert page.count("data:image/jpeg;base64,") == 2
    assert "6 of 256 bits of the perceptual hash differ" in reader.text
    assert ("test in the source" in reader.text) == shown
    assert ("train in the source" in reader.text) == shown
