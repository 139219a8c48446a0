"""Turned boxes: DOTA's text files and roLabelImg's XML become upright boxes, said once, with their corners kept."""

import math
from pathlib import Path

import pytest

from tests.factories_ingest import picture, take_in, voc

PHOTO = picture()
LINE = "24 8 40 24 24 40 8 24 ship 0"
CORNERS = ((24.0, 8.0), (40.0, 24.0), (24.0, 40.0), (8.0, 24.0))
BOX = [("ship", (8.0, 8.0, 40.0, 40.0))]
HEAD = "imagesource:GoogleEarth\ngsd:0.14\n"


def test_box_is_around_the_corners_when_a_line_is_dotas(tmp_path: Path) -> None:
    text = f"{HEAD}{LINE}\n1 1 9.5 1 9.5 9 1 9 small-vehicle 2\n"
    intake = take_in(tmp_path, {"train/images/a.jpg": PHOTO, "train/labelTxt/a.txt": text, "x.json": "{}"})
    assert intake.boxes == {"a.jpg": [*BOX, ("small-vehicle", (1.0, 1.0, 9.5, 9.0))]}
    ship, vehicle = intake.records["a.jpg"].boxes
    assert ship.rings == (CORNERS,)
    assert [ship.attributes, vehicle.attributes] == [{}, {"difficult": "2"}]
    assert intake.records["a.jpg"].split == "train"
    assert intake.dataset.info.format == "dota"
    assert intake.report["accounts"]["rows"]["total"] == 2


def test_turned_boxes_are_said_once_when_there_are_many(tmp_path: Path) -> None:
    files = {f"images/{name}.jpg": picture(name) for name in ("red", "blue", "green")}
    labels = {f"labelTxt/{name}.txt": f"{LINE}\n1 1 9 1 9 9 1 9 ship 1\n" for name in ("red", "blue", "green")}
    intake = take_in(tmp_path, {**files, **labels})
    assert intake.issues("turned_box") == [("labelTxt/blue.txt", 1, f"6 in all, such as {LINE}")]
    assert intake.report["counts"] == {"turned_box": 6}
    assert intake.report["issues_omitted"] == 0
    assert intake.report["accounts"]["rows"]["used"] == 6


@pytest.mark.parametrize(
    "labels", ["labelTxt-v1.5/DOTA-v1.5_train/a.txt", "labels/a.txt", "images/a.txt", "annfiles/a.txt"]
)
def test_label_file_is_found_when_it_lies_where_dotas_do(tmp_path: Path, labels: str) -> None:
    assert take_in(tmp_path, {"images/a.jpg": PHOTO, labels: LINE}).boxes == {"a.jpg": BOX}


def test_lines_are_rejected_one_by_one_when_they_are_broken(tmp_path: Path) -> None:
    bad = {
        "24 8 40 24 24 40 8 ship 0": "not_a_number",
        "24 8 40 24 24 40 8 24": "wrong_columns",
        "24 8 40 24 24 40 8 24 3 0": "unknown_class",
        "24 8 x 24 24 40 8 24 ship 0": "not_a_number",
        "24 8 nan 24 24 40 8 24 ship 0": "not_a_number",
        "24 8 24 9 24 40 24 24 ship 0": "zero_size",
        "240 80 400 240 240 400 80 240 ship 0": "outside",
        f"{LINE} 1": "wrong_columns",
    }
    files = {
        "images/a.jpg": PHOTO,
        "labelTxt/a.txt": HEAD + "\n".join([*bad, "24 -8 40 8 24 24 8 8 ship", LINE]),
        "images/b.jpg": picture("blue"),
        "labelTxt/b.txt": HEAD,
        "labelTxt/c.txt": HEAD + LINE,
    }
    intake = take_in(tmp_path, files, max_bad_share=0.9)
    assert intake.boxes == {"a.jpg": [("ship", (8.0, 0.0, 40.0, 24.0)), *BOX], "b.jpg": []}
    for row, code in enumerate(bad.values(), 3):
        assert row in [number for _, number, _ in intake.issues(code)]
    assert intake.issues("label_without_image") == [("labelTxt/c.txt", None, "")]
    rows = intake.report["accounts"]["rows"]
    assert (rows["total"], rows["used"], rows["repaired"], rows["rejected"]) == (11, 1, 1, 9)


def test_labels_stay_yolos_when_a_row_begins_with_its_class(tmp_path: Path) -> None:
    row = "0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75"
    intake = take_in(tmp_path, {"images/a.jpg": PHOTO, "labels/a.txt": row, "classes.txt": "ship\n"})
    assert intake.dataset.info.format == "yolo"
    assert intake.boxes == {"a.jpg": [("ship", (16.0, 12.0, 32.0, 36.0))]}


def turned(**values: object) -> str:
    sides = {"cx": 24, "cy": 24, "w": 20, "h": 10, "angle": 0} | values
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in sides.items())
    item = f"<object><type>robndbox</type><name>ship</name><robndbox>{fields}</robndbox></object>"
    return voc(("gate", 16, 12, 32, 36)).replace("</annotation>", f"{item}</annotation>")


@pytest.mark.parametrize(
    ("angle", "box", "first"),
    [
        (0, (14.0, 19.0, 34.0, 29.0), (14.0, 19.0)),
        (math.pi / 2, (19.0, 14.0, 29.0, 34.0), (29.0, 14.0)),
        (math.pi / 6, (12.84, 14.67, 35.16, 33.33), (17.84, 14.67)),
    ],
)
def test_box_is_around_the_turned_one_when_rolabelimg_wrote_it(
    tmp_path: Path, angle: float, box: tuple[float, ...], first: tuple[float, float]
) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": turned(angle=angle)})
    gate, ship = intake.records["a.jpg"].boxes
    assert gate.xyxy == (16.0, 12.0, 32.0, 36.0)
    assert ship.xyxy == pytest.approx(box, abs=0.01)
    assert ship.rings is not None
    assert ship.rings[0][0] == pytest.approx(first, abs=0.01)
    assert len(ship.rings[0]) == 4
    assert [(row, found) for _, row, found in intake.issues("turned_box")] == [
        (2, f"ship cx=24 cy=24 w=20 h=10 angle={angle}")
    ]


@pytest.mark.parametrize(
    ("values", "code"), [({"w": 0}, "zero_size"), ({"angle": "up"}, "not_a_number"), ({"cx": "nan"}, "not_a_number")]
)
def test_turned_box_is_rejected_when_it_is_broken(tmp_path: Path, values: dict[str, object], code: str) -> None:
    intake = take_in(tmp_path, {"a.jpg": PHOTO, "a.xml": turned(**values)}, max_bad_share=0.5)
    assert [row for _, row, _ in intake.issues(code)] == [2]
    assert list(intake.boxes.values()) == [[("gate", (16.0, 12.0, 32.0, 36.0))]]
