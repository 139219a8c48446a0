"""Whatever a label file says, the step ends with a data set or with a refusal for people, never with a traceback."""

import gzip
import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steps.errors import StepError
from tests.factories_ingest import picture, region, take_in, task
from tests.factories_tfrecord import labelled, tfrecord

PHOTO = picture()
TEXT = st.text(max_size=8) | st.sampled_from(["a.jpg", "../a.jpg", "", "\0", "a\ud800.jpg"])
SCALAR = st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | TEXT
ANYTHING = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def survives(files: dict[str, bytes | str]) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(StepError):
        intake = take_in(Path(folder), {"a.jpg": PHOTO, **files}, max_bad_share=1, classes="plane")
        assert intake.report["images"] >= 1


def changed(content: Any, path: tuple[Any, ...], value: Any) -> str:
    """JSON of `content` with `value` at `path`; surrogates and numbers as Python writes them."""
    content = json.loads(json.dumps(content))
    target = content
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(content)


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
    "categories": [{"id": 1, "name": "plane"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 3, 4, 5, 6]]}
    ],
}
COCO_PLACES = st.sampled_from(
    [
        *[("images", 0, name) for name in ("id", "file_name", "width", "height")],
        *[("categories", 0, name) for name in ("id", "name", "supercategory")],
        *[("annotations", 0, name) for name in ("id", "image_id", "category_id", "bbox", "segmentation", "iscrowd")],
        *[("annotations", 0, "bbox", place) for place in range(4)],
        *[("annotations", 0, "segmentation", 0, place) for place in range(6)],
        *[(name, 0) for name in COCO],
        *[(name,) for name in COCO],
    ]
)
TASKS = [task("a.jpg", [region("plane", 10, 10, 20, 20)])]
RESULT = (0, "annotations", 0, "result")
TASK_PLACES = st.sampled_from(
    [
        (0,),
        (0, "data"),
        (0, "data", "image"),
        (0, "annotations"),
        (0, "annotations", 0),
        *[(0, "annotations", 0, name) for name in ("id", "was_cancelled", "updated_at", "result")],
        (*RESULT, 0),
        *[(*RESULT, 0, name) for name in ("type", "value", "original_width", "original_height")],
        *[(*RESULT, 0, "value", name) for name in ("x", "width", "rotation", "rectanglelabels", "points")],
    ]
)
LABELME = {
    "imagePath": "a.jpg",
    "imageHeight": 48,
    "imageWidth": 64,
    "shapes": [
        {"label": "plane", "points": [[24, 18], [40, 30]], "shape_type": "rectangle", "flags": {"cut": True}},
        {"label": "plane", "points": [[1, 1], [2, 2]], "shape_type": "mask", "mask": "iVBORw0KGgo="},
    ],
}
LABELME_PLACES = st.sampled_from(
    [
        *[(name,) for name in LABELME],
        ("shapes", 0),
        *[("shapes", 0, name) for name in ("label", "points", "group_id", "shape_type", "flags", "attributes")],
        *[("shapes", 0, "points", 0), ("shapes", 0, "points", 0, 1)],
        *[("shapes", 1, name) for name in ("points", "mask")],
    ]
)
DATUMARO = {
    "categories": {"label": {"labels": [{"name": "plane"}]}},
    "items": [
        {
            "id": "a",
            "image": {"path": "a.jpg", "size": [48, 64]},
            "annotations": [
                {"type": "bbox", "label_id": 0, "bbox": [1, 2, 3, 4], "group": 0, "attributes": {"cut": True}},
                {"type": "polygon", "label_id": 0, "points": [1, 2, 9, 4, 9, 6]},
                {"type": "mask", "label_id": 0, "rle": {"counts": [10, 3062], "size": [48, 64]}},
            ],
        }
    ],
}
ITEM = ("items", 0)
DATUMARO_PLACES = st.sampled_from(
    [
        ("items",),
        ITEM,
        ("categories", "label"),
        ("categories", "label", "labels"),
        ("categories", "label", "labels", 0),
        *[(*ITEM, name) for name in ("id", "image", "annotations")],
        *[(*ITEM, "image", name) for name in ("path", "size")],
        *[(*ITEM, "annotations", 0), (*ITEM, "annotations", 1, "points"), (*ITEM, "annotations", 1, "points", 0)],
        *[(*ITEM, "annotations", 0, name) for name in ("type", "label_id", "bbox", "group", "attributes")],
        *[(*ITEM, "annotations", 2, "rle"), (*ITEM, "annotations", 2, "rle", "counts")],
    ]
)


@PATIENT
@given(DATUMARO_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_datumaro_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"d.json": changed(DATUMARO, path, value)})


SUPERVISELY = {
    "size": {"width": 64, "height": 48},
    "tags": [],
    "objects": [
        {"classTitle": "plane", "geometryType": "rectangle", "points": {"exterior": [[1, 2], [3, 4]]}, "tags": []},
        {
            "classTitle": "plane",
            "geometryType": "polygon",
            "points": {"exterior": [[1, 2], [9, 2], [9, 9]], "interior": [[[3, 3], [4, 3], [4, 4]]]},
        },
        {"classTitle": "plane", "geometryType": "bitmap", "bitmap": {"data": "eJwDAAAAAAE=", "origin": [1, 2]}},
    ],
}
SUPERVISELY_PLACES = st.sampled_from(
    [
        *[(name,) for name in SUPERVISELY],
        ("size", "width"),
        ("objects", 0),
        *[("objects", 0, name) for name in ("classTitle", "geometryType", "points", "tags", "description")],
        *[("objects", 1, "points", name) for name in ("exterior", "interior")],
        *[("objects", 1, "points", "interior", 0), ("objects", 1, "points", "interior", 0, 0, 0)],
        *[("objects", 1, "points", "exterior", 0, 0)],
        *[("objects", 2, "bitmap"), ("objects", 2, "bitmap", "data"), ("objects", 2, "bitmap", "origin")],
    ]
)


@PATIENT
@given(SUPERVISELY_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_supervisely_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"ann/a.jpg.json": changed(SUPERVISELY, path, value)})


@PATIENT
@given(LABELME_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_labelme_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"a.json": changed(LABELME, path, value)})


@PATIENT
@given(COCO_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_coco_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"labels.json": changed(COCO, path, value)})


@PATIENT
@given(TASK_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_label_studio_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"export.json": changed(TASKS, path, value)})


CVAT = (
    '<annotations><image name="a.jpg" width="64" height="48" subset="train"><box label="plane" occluded="0" xtl="1" '
    'rotation="5" ytl="2" xbr="9" ybr="9"/><polygon label="plane" points="1,2;9,2;9,9"/><mask label="plane" '
    'rle="1, 3, 2" left="10" top="20"/></image><track id="1" label="plane"><box frame="0" outside="0" xtl="1" ytl="2" '
    'xbr="9" ybr="9"/></track></annotations>'
)
CVAT_VALUES = st.sampled_from([*re.findall(r'"[^"]*"', CVAT)])


@PATIENT
@given(CVAT_VALUES, TEXT | st.floats().map(str) | st.integers().map(str))
def test_step_ends_cleanly_when_a_cvat_file_says_anything(value: str, text: str) -> None:
    clean = quoteattr(re.sub(r"[\0-\x1f\ud800-\udfff\ufffe\uffff]", "?", text))
    survives({"b.xml": CVAT.replace(value, clean, 1)})


LINES = st.lists(
    st.sampled_from(["Car", "DontCare", "7", "0", "1", "24.5", "-1", "nan", "9e99", "x", ",", "24,18,16,12,1,4,0,1"]),
    max_size=18,
).map(" ".join)


@PATIENT
@given(
    st.lists(LINES, max_size=5),
    st.sampled_from([("visdrone", "24,18,16,12,1,4,0,1"), ("kitti", "Car 0 0 0 24 18 40 30 1 1 1 1 1 1 1")]),
)
def test_every_line_is_accounted_for_when_a_text_file_has_anything(lines: list[str], sound: tuple[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = {"images/a.jpg": PHOTO, "annotations/a.txt": "\n".join([sound[1], *lines])}
        # Rows of both kinds can be drawn, and nothing but --format tells then which are meant.
        rows = take_in(Path(folder), files, format=sound[0], max_bad_share=1).report["accounts"]["rows"]
        assert rows["total"] == 1 + sum(bool(line.strip()) for line in lines)
        assert rows["total"] == sum(rows[fate] for fate in rows if fate != "total")


@PATIENT
@given(st.sampled_from(["name", "xmin", "width", "filename", "object"]), TEXT | st.floats().map(str))
def test_step_ends_cleanly_when_a_voc_file_says_anything(tag: str, text: str) -> None:
    content = (
        "<annotation><filename>a.jpg</filename><size><width>64</width><height>48</height></size><object><name>plane</name>"
        "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
    )
    survives({"b.xml": content.replace(f"<{tag}>", f"<{tag}>{text}".encode("utf-8", "replace").decode())})


@PATIENT
@given(
    st.sampled_from(
        [
            "a.txt",
            "a.xml",
            "a.json",
            "data.yaml",
            "classes.txt",
            "notes.json",
            "obj.data",
            "labels.csv",
            "a.record",
            "metadata.jsonl",
        ]
    ),
    st.binary(max_size=80),
)
def test_step_ends_cleanly_when_a_file_has_any_bytes(name: str, data: bytes) -> None:
    survives({"a.txt": "0 0.5 0.5 0.5 0.5", "obj.names": "plane", name: data})


@PATIENT
@given(st.integers(0, 7), TEXT | st.floats().map(str))
def test_step_ends_cleanly_when_a_table_says_anything(place: int, text: str) -> None:
    cells = ["a.jpg", "64", "48", "plane", "1", "2", "9", "9"]
    cells[place] = text
    content = "filename,width,height,class,xmin,ymin,xmax,ymax\n" + ",".join(cells)
    survives({"labels.csv": content.encode("utf-8", "replace")})


OBJECTS = {
    "file_name": "a.jpg",
    "width": 64,
    "height": 48,
    "objects": {"bbox": [[1, 2, 3, 4]], "categories": ["plane"]},
}
OBJECT_PLACES = st.sampled_from(
    [
        *[(name,) for name in OBJECTS],
        ("objects", "bbox"),
        ("objects", "bbox", 0),
        ("objects", "bbox", 0, 2),
        ("objects", "categories"),
        ("objects", "categories", 0),
    ]
)
CREATEML = [
    {"image": "a.jpg", "annotations": [{"label": "plane", "coordinates": {"x": 5, "y": 6, "width": 4, "height": 4}}]}
]
CREATEML_PLACES = st.sampled_from(
    [
        (0,),
        (0, "image"),
        (0, "annotations"),
        (0, "annotations", 0),
        (0, "annotations", 0, "label"),
        (0, "annotations", 0, "coordinates"),
        (0, "annotations", 0, "coordinates", "x"),
    ]
)


@PATIENT
@given(OBJECT_PLACES, ANYTHING)
def test_step_ends_cleanly_when_hugging_faces_metadata_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"metadata.jsonl": changed(OBJECTS, path, value)})


@PATIENT
@given(CREATEML_PLACES, ANYTHING)
def test_step_ends_cleanly_when_a_createml_file_says_anything(path: tuple[Any, ...], value: Any) -> None:
    survives({"x.json": changed([*CREATEML, *CREATEML], path, value)})


RECORD = tfrecord(labelled(PHOTO, ("plane", 0.1, 0.1, 0.5, 0.5)), labelled(PHOTO, ("plane", 0.1, 0.1, 0.5, 0.5)))


@PATIENT
@given(st.integers(0, len(RECORD) - 1), st.binary(min_size=1, max_size=9), st.booleans(), st.booleans())
def test_step_ends_cleanly_when_a_file_of_records_is_damaged(place: int, data: bytes, cut: bool, packed: bool) -> None:
    damaged = RECORD[:place] + data + (b"" if cut else RECORD[place + len(data) :])
    survives({"b.record": gzip.compress(damaged) if packed else damaged})
    survives({"b.record": tfrecord(damaged[16 : place + 16], labelled(PHOTO, ("plane", 0.1, 0.1, 0.5, 0.5)))})
