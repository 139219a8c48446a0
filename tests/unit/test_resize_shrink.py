import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.dataset import Box, Dataset
from steps.errors import DatasetError
from steps.resize.contract import ResizeInputs
from steps.resize.run import resize
from steps.resize.shrink import scaled_boxes, target_size
from steps.workspace import Workspace
from tests.factories_dataset import record, write_pictures


def resized(folder: Path, dataset: Dataset, longest: int) -> tuple[Dataset, int]:
    out = folder / "out"
    out.mkdir()
    outputs = resize(ResizeInputs(dataset=dataset.folder, max_width=longest), Workspace(out=out, state=out))
    return Dataset.open(outputs.dataset), outputs.resized


BOX = Box(xyxy=(10, 20, 100, 60), label=1, rings=(((10, 20), (100, 20), (50, 60)),))


def test_boxes_and_polygons_follow_when_an_image_shrinks(tmp_path: Path) -> None:
    dataset, count = resized(tmp_path, write_pictures(tmp_path / "in", {"x.png": (200, 100)}, (BOX,)), 100)
    (after,) = dataset.records()
    assert (after.width, after.height, count) == (100, 50, 1)
    assert after.boxes == (Box(xyxy=(5, 10, 50, 30), label=1, rings=(((5, 10), (50, 10), (25, 30)),)),)
    content = dataset.image(after).read_bytes()
    assert after.sha256 == hashlib.sha256(content).hexdigest()
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (50, 100, 3)


def test_pixels_are_means_of_areas_when_an_image_shrinks(tmp_path: Path) -> None:
    before = write_pictures(tmp_path / "in", {"x.png": (64, 64)})
    after, _ = resized(tmp_path, before, 32)
    large, small = (cv2.imread(str(folder / "images" / "x.png")) for folder in (before.folder, after.folder))
    assert large is not None
    assert small is not None
    means = large.reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert np.abs(means - small).max() <= 0.5


def test_a_file_is_linked_when_it_is_small_enough(tmp_path: Path) -> None:
    before = write_pictures(tmp_path / "in", {"a.jpg": (64, 32), "b.jpg": (32, 65), "c.png": (10, 10)})
    after, count = resized(tmp_path, before, 64)
    assert count == 1
    records = list(after.records())
    assert [item.file for item in records] == ["a.jpg", "b.jpg", "c.png"]
    assert [item == old for item, old in zip(records, before.records(), strict=True)] == [True, False, True]
    assert after.image(records[0]).samefile(before.image(records[0]))
    assert not after.image(records[1]).samefile(before.image(records[1]))
    assert max(records[1].width, records[1].height) == 64


def test_kind_of_file_and_depth_stay_when_an_image_shrinks(tmp_path: Path) -> None:
    before = write_pictures(tmp_path / "in", {"x.png": (64, 64), "y.JPG": (64, 64)})
    cv2.imwrite(str(before.folder / "images" / "x.png"), np.full((64, 64), 40_000, np.uint16))
    after, _ = resized(tmp_path, before, 32)
    grey = cv2.imread(str(after.folder / "images" / "x.png"), cv2.IMREAD_UNCHANGED)
    assert grey is not None
    assert grey.dtype == np.uint16
    assert grey.shape == (32, 32)
    assert (after.folder / "images" / "y.JPG").read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize("content", [b"not a picture", b""])
def test_the_file_is_named_when_it_does_not_decode(tmp_path: Path, content: bytes) -> None:
    before = write_pictures(tmp_path / "in", {"x.png": (64, 64)})
    (before.folder / "images" / "x.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"x\.png should be an image of 64×64 pixels, but it does not decode"):
        resized(tmp_path, before, 32)


@given(width=st.integers(1, 9000), height=st.integers(1, 9000), longest=st.integers(32, 4000))
def test_size_fits_and_keeps_proportions_when_shrunk(width: int, height: int, longest: int) -> None:
    size = target_size(width, height, longest)
    if size is None:
        assert max(width, height) <= longest
        return
    assert max(size) == longest
    assert min(size) >= 1
    assert abs(size[0] / width - size[1] / height) <= 1 / min(width, height)


@given(st.data())
def test_boxes_stay_inside_when_scaled(data: st.DataObject) -> None:
    width, height = data.draw(st.tuples(st.integers(2, 5000), st.integers(2, 5000)))
    left, right = sorted(data.draw(st.lists(st.floats(0, width), min_size=2, max_size=2, unique=True)))
    top, bottom = sorted(data.draw(st.lists(st.floats(0, height), min_size=2, max_size=2, unique=True)))
    size = target_size(width, height, 32) or (width, height)
    before = record("x.jpg", size=(width, height)).model_copy(
        update={"boxes": (Box(xyxy=(left, top, right, bottom), label=0),)}
    )
    (box,) = scaled_boxes(before, size)
    assert 0 <= box.xyxy[0] <= box.xyxy[2] <= size[0]
    assert 0 <= box.xyxy[1] <= box.xyxy[3] <= size[1]
