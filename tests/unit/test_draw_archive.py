from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import cv2
import numpy as np
import pytest
import yaml

from steps.draw.contract import DrawInputs
from steps.draw.run import draw
from steps.draw.scene import CLASSES, draw_scene
from steps.workspace import Workspace


def drawn(folder: Path, **inputs: int) -> Path:
    folder.mkdir()
    return draw(DrawInputs(**inputs), Workspace(out=folder, state=folder)).archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("draw") / "one", images=40, workers=1)


def test_bytes_are_equal_when_more_workers_draw(archive: Path, tmp_path: Path) -> None:
    assert drawn(tmp_path / "two", images=40, workers=3).read_bytes() == archive.read_bytes()


def test_bytes_differ_when_the_seed_does(archive: Path, tmp_path: Path) -> None:
    assert drawn(tmp_path / "other", images=40, workers=1, seed=1).read_bytes() != archive.read_bytes()


def test_first_pictures_are_the_same_when_more_are_drawn(archive: Path, tmp_path: Path) -> None:
    with ZipFile(archive) as many, ZipFile(drawn(tmp_path / "few", images=3, workers=1)) as few:
        for name in few.namelist():
            assert few.read(name) == many.read(name)


def test_layout_is_yolo_when_unpacked(archive: Path) -> None:
    with ZipFile(archive) as zipped:
        names = zipped.namelist()
        pictures = {name[7:13] for name in names if name.startswith("images/")}
        assert pictures == {name[7:13] for name in names if name.startswith("labels/")}
        assert len(pictures) == 40
        assert all(info.compress_type == ZIP_STORED for info in zipped.infolist())
        assert yaml.safe_load(zipped.read("data.yaml"))["names"] == dict(enumerate(CLASSES))
        picture = cv2.imdecode(np.frombuffer(zipped.read("images/000000.jpg"), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (240, 320, 3)


def test_labels_lie_inside_the_picture_when_aircraft_are_cut_off(archive: Path) -> None:
    rows = []
    with ZipFile(archive) as zipped:
        for name in zipped.namelist():
            if name.startswith("labels/"):
                rows += [line.split() for line in zipped.read(name).decode().splitlines()]
    boxes = np.array([row[1:] for row in rows], float)
    assert {row[0] for row in rows} == {"0", "1"}
    assert (boxes[:, :2] - boxes[:, 2:] / 2 > -1e-5).all()
    assert (boxes[:, :2] + boxes[:, 2:] / 2 < 1 + 1e-5).all()
    assert (boxes[:, 2:] * (320, 240) >= 3).all()


def test_some_pictures_are_empty_when_many_are_drawn() -> None:
    scenes = [draw_scene(index, width=96, height=64, seed=0) for index in range(120)]
    empty = sum(not scene.objects for scene in scenes)
    assert 4 <= empty <= 24


def test_aircraft_stand_out_when_drawn() -> None:
    for index in range(30):
        scene = draw_scene(index, width=320, height=240, seed=3)
        for _, (left, top, right, bottom) in scene.objects:
            assert 0 <= left < right <= 320
            assert 0 <= top < bottom <= 240
            assert scene.picture[top:bottom, left:right].std() > 8
