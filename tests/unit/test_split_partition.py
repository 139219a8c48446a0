import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.dataset import ImageRecord, Splits
from steps.errors import DatasetError
from steps.split.contract import SplitInputs
from steps.split.groups import Images, find_groups, make_groups
from steps.split.run import split
from steps.split.stratify import Division, target_sizes
from steps.workspace import Workspace
from tests.factories_dataset import record, write_dataset

FRACTIONS = (0.7, 0.15, 0.15)


@st.composite
def data_sets(draw: st.DrawFn) -> list[ImageRecord]:
    """At least three images with three classes of their own, and others that share groups and contents."""
    count = draw(st.integers(0, 60))
    loose = [record(f"loose{index}", [index]) for index in range(3)]
    return loose + [
        record(
            f"{index:03}",
            draw(st.lists(st.integers(0, 2), max_size=3)),
            group=draw(st.sampled_from(["", "", "g1", "g2", "g3"])),
            sha256=draw(st.sampled_from(["", "", "", "x", "y"])),
        )
        for index in range(count)
    ]


def divided(records: list[ImageRecord], seed: int = 0, fractions: tuple[float, ...] = FRACTIONS) -> list[set[str]]:
    images = Images.of(records)
    division = Division(make_groups(images, find_groups(images).groups, seed), fractions)
    return [{images.files[index] for group in groups for index in group.members} for groups in division.parts]


@given(data_sets())
def test_every_image_is_in_one_part_when_divided(records: list[ImageRecord]) -> None:
    parts = divided(records)
    assert sum(map(len, parts)) == len(records)
    assert set.union(*parts) == {item.file for item in records}
    assert all(parts)


@given(data_sets())
def test_nothing_leaks_when_images_share_a_group_or_content(records: list[ImageRecord]) -> None:
    parts = divided(records)
    for part in parts:
        inside = [item for item in records if item.file in part]
        outside = [item for item in records if item.file not in part]
        assert not {item.sha256 for item in inside} & {item.sha256 for item in outside}
        assert not {item.group for item in inside if item.group} & {item.group for item in outside}


@given(data_sets(), st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_division_is_the_same_when_records_come_in_another_order(
    records: list[ImageRecord], seed: int, shuffler: random.Random
) -> None:
    shuffled = shuffler.sample(records, len(records))
    assert divided(records, seed) == divided(shuffled, seed)


@given(data_sets())
def test_no_single_move_brings_sizes_nearer_when_done(records: list[ImageRecord]) -> None:
    images = Images.of(records)
    division = Division(make_groups(images, find_groups(images).groups, 0), FRACTIONS)
    missing = [
        target - sum(group.size for group in groups)
        for target, groups in zip(target_sizes(len(records), FRACTIONS), division.parts, strict=True)
    ]
    for source, groups in enumerate(division.parts):
        for group in groups if len(groups) > 1 else []:
            for target in {0, 1, 2} - {source}:
                now = abs(missing[source]) + abs(missing[target])
                moved = abs(missing[source] + group.size) + abs(missing[target] - group.size)
                assert moved >= now


@given(st.integers(3, 400), st.integers(0, 5))
def test_sizes_are_exact_when_no_image_is_bound_to_another(count: int, seed: int) -> None:
    records = [record(f"{index}", [index % 3]) for index in range(count)]
    assert [len(part) for part in divided(records, seed)] == target_sizes(count, FRACTIONS)


@given(st.integers(3, 10**6), st.floats(0.01, 0.98))
def test_target_sizes_are_nearest_when_rounded(count: int, first: float) -> None:
    fractions = (first, (1 - first) / 2, (1 - first) / 2)
    sizes = target_sizes(count, fractions)
    assert sum(sizes) == count
    assert min(sizes) >= 1
    if count * min(fractions) >= 1:
        assert all(abs(size - count * fraction) < 1 for size, fraction in zip(sizes, fractions, strict=True))


def test_every_part_has_its_share_of_each_class_when_classes_are_unequal() -> None:
    draw = random.Random(5)
    records = [
        record(f"{index:04}", [label for label, chance in enumerate((0.5, 0.2, 0.04)) if draw.random() < chance])
        for index in range(1000)
    ]
    parts = divided(records)
    total = Counter(label for item in records for label in item_labels(item))
    for part, fraction in zip(parts, FRACTIONS, strict=True):
        shown = Counter(label for item in records if item.file in part for label in item_labels(item))
        for label, count in total.items():
            assert abs(shown[label] - count * fraction) <= max(2, 0.02 * count * fraction)


def item_labels(item: ImageRecord) -> set[int]:
    return {box.label for box in item.boxes} or {-1}


def test_names_do_not_matter_when_content_is_the_same() -> None:
    before = [record(f"{index:03}", [index % 2]) for index in range(50)]
    renamed = [item.model_copy(update={"file": f"new-{item.file}"}) for item in before]
    assert divided(renamed) == [{f"new-{name}" for name in part} for part in divided(before)]


def test_seed_changes_the_division_when_it_changes() -> None:
    records = [record(f"{index:03}") for index in range(50)]
    assert divided(records, 1) != divided(records, 2)


def run(
    folder: Path, records: list[ImageRecord], *, classes: tuple[str, ...] = ("a", "b", "c"), **inputs: float
) -> Splits:
    out = folder / "out"
    out.mkdir()
    dataset = write_dataset(folder / "data", records, classes=classes)
    outputs = split(SplitInputs.model_validate({"dataset": dataset, **inputs}), Workspace(out=out, state=out))
    splits = Splits.read(outputs.splits)
    assert [outputs.train, outputs.valid, outputs.test] == [
        len(splits.names(part)) for part in ("train", "valid", "test")
    ]
    return splits


def test_splits_are_the_known_ones_when_the_seed_is_seven(tmp_path: Path) -> None:
    splits = run(tmp_path, [record(f"{index:02}", [index % 3]) for index in range(20)], seed=7)
    assert (splits.valid, splits.test) == (("11", "18", "19"), ("00", "14", "16"))


def test_names_are_sorted_and_fractions_kept_when_written(tmp_path: Path) -> None:
    splits = run(
        tmp_path,
        [record(f"{index}") for index in range(20)],
        train_fraction=0.5,
        valid_fraction=0.25,
        test_fraction=0.25,
    )
    assert list(splits.train) == sorted(splits.train)
    assert splits.fractions == {"train": 0.5, "valid": 0.25, "test": 0.25}


def test_split_is_refused_when_groups_are_too_few(tmp_path: Path) -> None:
    records = [record(f"{index}", group="g") for index in range(10)] + [record("x")]
    with pytest.raises(DatasetError, match=r"11 images form 2 group\(s\)") as refusal:
        run(tmp_path, records)
    assert "--group-pattern" in refusal.value.hint


def test_absent_classes_are_named_when_a_class_is_rare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, [record(f"{index}", [0]) for index in range(20)] + [record("x", [1])])
    said = capsys.readouterr().err
    assert "train has no image of 1 of 3 classes: 'c'; valid has no image of 2 of 3 classes: 'b', 'c'; test has" in said


def test_absent_classes_take_one_short_line_when_there_are_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [record(f"{index}", [0]) for index in range(20)]
    run(tmp_path, records, classes=tuple(f"class-{index:04}" for index in range(1203)))
    (line,) = capsys.readouterr().err.splitlines()
    assert "train has no image of 1202 of 1203 classes: 'class-0001', 'class-0002'" in line
    assert "'class-0005', …" in line
    assert len(line) < 500
