import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steps.dataset import Box, Dataset, ImageRecord, Splits
from steps.errors import DatasetError
from steps.toolchain import go_offline
from steps.train.layout import label_rows, memory_needed, write_layout
from tests.factories_dataset import record, write_pictures

BOX = Box(xyxy=(8, 4, 24, 20), label=1)


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[None]:
    before = dict(os.environ)
    go_offline(tmp_path / "settings")
    yield
    os.environ.clear()
    os.environ.update(before)


def _splits(train: tuple[str, ...], valid: tuple[str, ...]) -> Splits:
    return Splits(seed=0, fractions={}, train=train, valid=valid, test=())


def _pictures(tmp_path: Path, *names: str, boxes: tuple[Box, ...] = (BOX,)) -> Dataset:
    return write_pictures(tmp_path / "dataset", dict.fromkeys(names, (64, 32)), boxes)


def test_layout_links_images_and_writes_rows_beside_them(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg", "b.jpg", "c.png", "d.png")
    path = write_layout(dataset, _splits(("a.jpg", "c.png"), ("b.jpg",)), tmp_path / "data")
    told = yaml.safe_load(path.read_text())
    assert told["names"] == {0: "a", 1: "b"}
    assert sorted(item.name for item in (tmp_path / "data" / told["train"]).iterdir()) == [
        "00000000.jpg",
        "00000001.png",
    ]
    linked = tmp_path / "data/images/valid/00000000.jpg"
    assert linked.samefile(tmp_path / "dataset/images/b.jpg")
    assert (
        tmp_path / "data/labels/valid/00000000.txt"
    ).read_text() == "1 0.25000000 0.37500000 0.25000000 0.50000000\n"


def test_layout_keeps_label_files_apart_when_names_differ_in_the_suffix_alone(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg", "a.png", "b.jpg")
    write_layout(dataset, _splits(("a.jpg", "a.png"), ("b.jpg",)), tmp_path / "data")
    assert len(list((tmp_path / "data/labels/train").iterdir())) == 2


def test_layout_refuses_when_a_split_names_a_missing_image(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg", "b.jpg")
    with pytest.raises(DatasetError, match=r"1 images that the data set lacks.*gone\.jpg"):
        write_layout(dataset, _splits(("a.jpg", "gone.jpg"), ("b.jpg",)), tmp_path / "data")


def test_layout_refuses_when_training_has_no_box(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg", "b.jpg", boxes=())
    with pytest.raises(DatasetError, match="the train split has 1 images and no box"):
        write_layout(dataset, _splits(("a.jpg",), ("b.jpg",)), tmp_path / "data")


def test_layout_refuses_when_validation_has_no_image(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg")
    with pytest.raises(DatasetError, match="the valid split has 0 images and no box"):
        write_layout(dataset, _splits(("a.jpg",), ()), tmp_path / "data")


def test_shared_image_keeps_its_bytes_when_ultralytics_mends_the_link(tmp_path: Path, offline: None) -> None:
    from ultralytics.data.utils import check_image  # noqa: PLC0415

    dataset = _pictures(tmp_path, "a.jpg", "b.jpg")
    image = tmp_path / "dataset/images/a.jpg"
    image.write_bytes(image.read_bytes() + b"\0\0")  # No end mark at the end: ultralytics writes such an image anew.
    content = image.read_bytes()
    write_layout(dataset, _splits(("a.jpg",), ("b.jpg",)), tmp_path / "data")
    assert "restored" in check_image(str(tmp_path / "data/images/train/00000000.jpg"))[0]
    assert image.read_bytes() == content
    assert (tmp_path / "data/images/train/00000000.jpg").read_bytes() != content


def test_memory_counts_images_shrunk_to_the_longest_side(tmp_path: Path) -> None:
    dataset = _pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    needed = memory_needed(dataset, _splits(("a.jpg",), ("b.jpg",)), 32)
    assert needed == 2 * 32 * 16 * 3


@given(
    width=st.integers(16, 5000),
    height=st.integers(16, 5000),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
    label=st.integers(0, 500),
)
def test_rows_give_the_box_back_when_read_as_yolo(
    width: int, height: int, corners: tuple[float, float, float, float], label: int
) -> None:
    left, right = sorted((corners[0] * width, corners[1] * width))
    top, bottom = sorted((corners[2] * height, corners[3] * height))
    item: ImageRecord = record("a.jpg", size=(width, height)).model_copy(
        update={"boxes": (Box(xyxy=(left, top, right, bottom), label=label),)}
    )
    found, *numbers = label_rows(item).split()
    center_x, center_y, box_width, box_height = map(float, numbers)
    assert int(found) == label
    assert all(0 <= value <= 1 for value in (center_x, center_y, box_width, box_height))
    assert np.allclose(
        [
            *((center_x - box_width / 2) * width, (center_y - box_height / 2) * height),
            *((center_x + box_width / 2) * width, (center_y + box_height / 2) * height),
        ],
        [left, top, right, bottom],
        atol=1e-3,
    )
