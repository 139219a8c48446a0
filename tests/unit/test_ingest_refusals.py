"""A source that is refused: the refusal names files and the way out, and the intake report is left all the same."""

import io
import json
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from PIL import Image

from steps import catalog
from steps.runner import run
from tests.factories_ingest import Files, coco, picture, take_in, write_tree

LINE = "0 0.5 0.5 0.25 0.25"
PHOTOS: Files = {"images/a.jpg": picture(), "images/b.jpg": picture("blue")}

VIA = {"a.jpg123": {"filename": "a.jpg", "regions": [{"shape_attributes": {"name": "rect"}, "region_attributes": {}}]}}
BDD = [{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1, "y1": 1, "x2": 9, "y2": 9}}]}]

REFUSED: dict[str, tuple[Files, str, str]] = {
    "predictions": (
        {**PHOTOS, "r.json": json.dumps([{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.9}])},
        "r.json looks like COCO results: predictions",
        "images, annotations and categories",
    ),
    "VGG Image Annotator": ({**PHOTOS, "via.json": json.dumps(VIA)}, "via.json looks like VGG", "export it as COCO"),
    "BDD100K": ({**PHOTOS, "det.json": json.dumps(BDD)}, "det.json looks like BDD100K", "convert it to COCO"),
    "Label Studio's target storage": (
        {**PHOTOS, "17.json": json.dumps({"id": 17, "result": [], "task": {"data": {"image": "a.jpg"}}})},
        "17.json looks like a single annotation of Label Studio",
        "export the project as JSON",
    ),
    "Parquet": ({**PHOTOS, "train.parquet": b"PAR1"}, "train.parquet looks like Parquet", "metadata.jsonl"),
    "MATLAB": ({**PHOTOS, "gt.mat": b"MATLAB"}, "gt.mat looks like MATLAB", "CSV"),
    "labels that nobody finds": (
        {**PHOTOS, "texts/a.txt": LINE, "texts/b.txt": LINE},
        "texts/a.txt looks like YOLO",
        "mirrors the image's",
    ),
    "nothing known": (
        {**PHOTOS, "notes.json": "{}"},
        "found 2 .jpg, 1 .json; such as notes.json",
        "labels that are read",
    ),
    "ambiguous names": (
        {
            "x/a.jpg": picture(),
            "y/a.jpg": picture("blue"),
            "a.json": coco(
                [{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}]
            ),
        },
        "1 x image_ambiguous, several images fit the name that the labels mention, as a.json: 'a.jpg, which can be x/a.jpg or y/a.jpg'",
        "",
    ),
}


def refuse(tmp_path: Path, files: Files) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Run the step as a pod does; return its exit code, its record, and the intake report that it left."""
    source = write_tree(tmp_path / "source", files)
    code = run(catalog.STEPS["ingest"], [f"--source={source}", "--workers=1"])
    record = json.loads((tmp_path / "work/record.json").read_text())
    return code, record, json.loads((tmp_path / "work/out/intake/intake.json").read_text())


@pytest.mark.parametrize(("files", "message", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_refusal_says_what_was_found_and_leaves_the_report(
    tmp_path: Path, files: Files, message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "work"))
    code, record, report = refuse(tmp_path, files)
    assert code == 2
    assert message in record["error"]["message"]
    assert hint in record["error"]["hint"]
    assert report["refused"] == record["error"]["message"]
    assert sorted(path.name for path in (tmp_path / "work/out").iterdir()) == ["intake"]


def test_report_names_what_was_rejected_when_too_much_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "work"))
    files = {
        **PHOTOS,
        "labels/a.txt": f"{LINE}\n0 2 2 2 2\n0 3 3 3 3",
        "labels/b.txt": LINE,
        "data.yaml": "names: [van]",
    }
    code, _, report = refuse(tmp_path, files)
    assert code == 2
    assert [(issue["file"], issue["row"]) for issue in report["issues"] if issue["code"] == "pixel_units"] == [
        ("labels/a.txt", 2),
        ("labels/a.txt", 3),
    ]
    assert report["accounts"]["rows"]["rejected"] == 2


def test_files_are_counted_when_the_source_is_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "work"))
    code, _, report = refuse(tmp_path, {**PHOTOS, "via.json": json.dumps(VIA), "notes.md": "x"})
    assert code == 2
    assert {kind: (found["total"], found["left_out"]) for kind, found in report["accounts"].items()} == {
        "pictures": (2, 2), "label_files": (1, 1), "other_files": (1, 1), "rows": (0, 0),
    }  # fmt: skip


def deep(levels: list[int], kind: str) -> bytes:
    """A picture of 16 bits with a column for each of `levels`."""
    file = io.BytesIO()
    Image.fromarray(np.repeat(np.array([levels], np.uint16), 16, axis=0)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 4095, (0, 128, 255)), (100, 1123, (0, 128, 255)), (0, 65535, (0, 128, 255)), (0, 40000, (0, 78, 156))],
)
def test_picture_of_16_bits_keeps_its_contrast(
    tmp_path: Path, kind: str, low: int, high: int, expected: tuple[int, ...]
) -> None:
    levels = [low] * 8 + [(low + high + 1) // 2] * 8 + [high] * 8
    name = f"a.{'png' if kind == 'PNG' else 'tif'}"
    intake = take_in(tmp_path, {name: deep(levels, kind), "a.txt": LINE, "classes.txt": "van\n"})
    with Image.open(intake.outputs.dataset / "images" / "a.png") as image:
        shown = [image.getpixel((column, 8)) for column in (4, 12, 20)]
    assert shown == pytest.approx(expected, abs=1)


def test_grey_map_of_16_bits_keeps_its_contrast(tmp_path: Path) -> None:
    levels = np.repeat(np.array([[0] * 8 + [2048] * 8 + [4095] * 8], ">u2"), 16, axis=0)
    for most in (4095, 65535):
        files = {"a.pgm": b"P5 24 16 %d\n" % most + levels.tobytes(), "a.txt": LINE, "classes.txt": "van\n"}
        intake = take_in(tmp_path, files)
        with Image.open(intake.outputs.dataset / "images" / "a.png") as image:
            assert [image.getpixel((column, 8)) for column in (4, 12, 20)] == pytest.approx((0, 128, 255), abs=1)


def colour(levels: Any, kind: str) -> bytes:
    """A picture of 16 bits a channel, upright, that OpenCV writes."""
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if kind == "tif" else []
    done, data = cv2.imencode(f".{kind}", levels, options)
    assert done
    return data.tobytes()


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_colour_of_16_bits_keeps_its_contrast(tmp_path: Path, kind: str) -> None:
    for high, expected in ((4095, (0, 128, 255)), (65535, (0, 128, 255)), (40000, (0, 78, 156))):
        levels = np.zeros((16, 24, 3), np.uint16)
        levels[:, 8:16, 2], levels[:, 16:, 2] = (high + 1) // 2, high  # OpenCV's last is red.
        intake = take_in(tmp_path, {f"a.{kind}": colour(levels, kind), "a.txt": LINE, "classes.txt": "van\n"})
        with Image.open(intake.outputs.dataset / "images" / "a.png") as image:
            shown = [cast("tuple[int, ...]", image.getpixel((column, 8))) for column in (4, 12, 20)]
        assert [red for red, _, _ in shown] == pytest.approx(expected, abs=1)
        assert all((green, blue) == (0, 0) for _, green, blue in shown)


def test_picture_of_floats_is_rejected_by_its_kind(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16), np.float32)).save(file, "TIFF")
    files = {"a.jpg": picture(), "a.txt": LINE, "b.tiff": file.getvalue(), "b.txt": LINE, "classes.txt": "van\n"}
    intake = take_in(tmp_path, files, max_bad_share=0.5)
    assert intake.issues("image_kind") == [("b.tiff", None, "TIFF with 32-bit floats as pixels")]


@pytest.mark.parametrize(("suffix", "mode"), [("ppm", "RGB"), ("pgm", "L"), ("pbm", "1")])
def test_portable_map_is_read(tmp_path: Path, suffix: str, mode: str) -> None:
    intake = take_in(tmp_path, {f"a.{suffix}": picture(mode=mode, kind="PPM"), "a.txt": LINE, "classes.txt": "van\n"})
    assert list(intake.boxes) == ["a.png"]
