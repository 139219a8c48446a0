"""Nothing of a source is lost: whatever is in it and however it is damaged, the counts of the intake add up to what it holds.

A source is drawn as pictures with objects, then written in each format by the smallest writer that there can be. What the writer
wrote is counted by the test itself, never by the readers.
"""

import csv
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from steps.dataset.file_kinds import is_picture
from steps.dataset.formats import FORMATS
from steps.errors import DatasetError
from tests.factories_ingest import HEIGHT, WIDTH, coco, picture, take_in, voc
from tests.factories_tfrecord import labelled, tfrecord

PHOTOS = [picture(colour) for colour in ("red", "green", "blue", "white", "pink", "yellow")]
NAMES = ("plane", "heli")

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Photo:
    """A picture and what somebody says is on it.

    Attributes:
        content: Its bytes. None: it is mentioned, and not there.
        objects: Class and corners in pixels, of which some are impossible.
        labelled: False where the source says nothing of it.
    """

    content: bytes | None
    objects: tuple[tuple[str, Corners], ...]
    labelled: bool


@dataclass
class Written:
    """Files of a source, and how many rows the test wrote into them."""

    files: dict[str, object] = field(default_factory=dict)
    rows: int = 0
    missing: int = 0
    """Pictures that labels mention and that are not there."""


CORNERS = st.sampled_from(
    [
        (8.0, 6.0, 16.0, 18.0),
        (20.0, 10.0, 50.0, 40.0),
        (8.0, 6.0, 8.0, 18.0),
        (-900.0, 6.0, 16.0, 18.0),
        (0.0, 0.0, 64.4, 48.0),
        (300.0, 300.0, 400.0, 400.0),
    ]
)
OBJECTS = st.lists(st.tuples(st.sampled_from([*NAMES, "ghost"]), CORNERS), max_size=4).map(tuple)
CONTENT = st.sampled_from(PHOTOS) | st.sampled_from([PHOTOS[0][:300], b"", b"<html>404</html>", None])
PHOTO = st.builds(Photo, CONTENT, OBJECTS, st.booleans())
STRAY = st.dictionaries(
    st.sampled_from(["notes.md", "LICENSE", "data/more.zip", "weights.pt", ".DS_Store", "data/x.bin", "report.pdf"]),
    st.just(b"x"),
    max_size=3,
)


def listing(photos: list[Photo]) -> list[tuple[int, str, Photo]]:
    """What a format that lists images mentions: those that are labelled, there or not."""
    return [(number, f"p{number}.jpg", photo) for number, photo in enumerate(photos) if photo.labelled]


def with_pictures(photos: list[Photo], folder: str = "") -> Written:
    written = Written()
    for number, photo in enumerate(photos):
        if photo.content is not None:
            written.files[f"{folder}p{number}.jpg"] = photo.content
    return written


def listed(photos: list[Photo], write: Callable[[Written, list[tuple[int, str, Photo]]], None]) -> Written:
    """A source whose one label file lists its images."""
    written = with_pictures(photos)
    mentioned = listing(photos)
    write(written, mentioned)
    written.rows = sum(len(photo.objects) for _, _, photo in mentioned)
    written.missing = sum(photo.content is None for _, _, photo in mentioned)
    return written


def beside(photos: list[Photo], suffix: str, write: Callable[[str, Photo], object]) -> Written:
    """A source with a label file for each image that is labelled, those included whose image is not there."""
    written = with_pictures(photos)
    for number, name, photo in listing(photos):
        written.files[f"p{number}{suffix}"] = write(name, photo)
        written.rows += len(photo.objects)
    return written


def yolo(photos: list[Photo]) -> Written:
    def write(_: str, photo: Photo) -> str:
        return "\n".join(
            f"{({'plane': 0, 'heli': 1, 'ghost': 7})[name]} {(left + right) / 2 / WIDTH} {(top + bottom) / 2 / HEIGHT} "
            f"{(right - left) / WIDTH} {(bottom - top) / HEIGHT}"
            for name, (left, top, right, bottom) in photo.objects
        )

    written = beside(photos, ".txt", write)
    written.files["data.yaml"] = "names: [plane, heli]"
    return written


def pascal_voc(photos: list[Photo]) -> Written:
    return beside(
        photos, ".xml", lambda name, photo: voc(*((kind, *box) for kind, box in photo.objects), filename=name)
    )


def coco_json(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        written.files["labels.json"] = coco(
            [{"id": number, "file_name": name} for number, name, _ in mentioned],
            [
                {
                    "image_id": number,
                    "category_id": {"plane": 1, "heli": 2, "ghost": 9}[kind],
                    "bbox": [left, top, right - left, bottom - top],
                }
                for number, _, photo in mentioned
                for kind, (left, top, right, bottom) in photo.objects
            ],
        )

    return listed(photos, write)


def label_studio(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        written.files["export.json"] = json.dumps(
            [
                {
                    "data": {"image": name},
                    "annotations": [
                        {
                            "result": [
                                {
                                    "type": "rectanglelabels",
                                    "value": {
                                        "x": left / WIDTH * 100,
                                        "y": top / HEIGHT * 100,
                                        "width": (right - left) / WIDTH * 100,
                                        "height": (bottom - top) / HEIGHT * 100,
                                        "rectanglelabels": [kind],
                                    },
                                }
                                for kind, (left, top, right, bottom) in photo.objects
                            ]
                        }
                    ],
                }
                for _, name, photo in mentioned
            ]
        )

    return listed(photos, write)


def cvat(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        images = "".join(
            f'<image id="{number}" name="{name}" width="{WIDTH}" height="{HEIGHT}">'
            + "".join(
                f'<box label="{kind}" xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}" occluded="0"></box>'
                for kind, (left, top, right, bottom) in photo.objects
            )
            + "</image>"
            for number, name, photo in mentioned
        )
        written.files["annotations.xml"] = f"<annotations><version>1.1</version>{images}</annotations>"

    return listed(photos, write)


def csv_table(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"])
        for _, name, photo in mentioned:
            rows.writerows([name, WIDTH, HEIGHT, kind, *box] for kind, box in photo.objects)
        written.files["labels.csv"] = text.getvalue()

    written = listed(photos, write)
    # An image without a row is not mentioned.
    written.missing -= sum(photo.content is None and not photo.objects for _, _, photo in listing(photos))
    return written


def create_ml(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        written.files["_annotations.createml.json"] = json.dumps(
            [
                {
                    "image": name,
                    "annotations": [
                        {
                            "label": kind,
                            "coordinates": {
                                "x": (left + right) / 2,
                                "y": (top + bottom) / 2,
                                "width": right - left,
                                "height": bottom - top,
                            },
                        }
                        for kind, (left, top, right, bottom) in photo.objects
                    ],
                }
                for _, name, photo in mentioned
            ]
        )

    return listed(photos, write)


def label_me(photos: list[Photo]) -> Written:
    def write(name: str, photo: Photo) -> str:
        shapes = [
            {"label": kind, "points": [list(box[:2]), list(box[2:])], "shape_type": "rectangle"}
            for kind, box in photo.objects
        ]
        return json.dumps(
            {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None,
             "imageWidth": WIDTH, "imageHeight": HEIGHT}
        )  # fmt: skip

    return beside(photos, ".json", write)


def hugging_face(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        written.files["metadata.jsonl"] = "\n".join(
            json.dumps(
                {
                    "file_name": name,
                    "objects": {
                        "bbox": [
                            [left, top, right - left, bottom - top] for _, (left, top, right, bottom) in photo.objects
                        ],
                        "categories": [kind for kind, _ in photo.objects],
                    },
                }
            )
            for _, name, photo in mentioned
        )

    return listed(photos, write)


def lines(photos: list[Photo], row: Callable[[str, Corners], str]) -> Written:
    """A text file beside each image, a row an object."""
    return beside(photos, ".txt", lambda _, photo: "".join(f"{row(*each)}\n" for each in photo.objects))


def kitti(photos: list[Photo]) -> Written:
    return lines(photos, lambda kind, box: f"{kind} 0.0 0 0.0 {' '.join(map(str, box))} 1 1 1 0 0 9 0")


def dota(photos: list[Photo]) -> Written:
    def row(kind: str, box: Corners) -> str:
        left, top, right, bottom = box
        return f"{left} {top} {right} {top} {right} {bottom} {left} {bottom} {kind} 0"

    return lines(photos, row)


def oidv4(photos: list[Photo]) -> Written:
    return lines(photos, lambda kind, box: f"big {kind} {' '.join(map(str, box))}")


def visdrone(photos: list[Photo]) -> Written:
    def row(kind: str, box: Corners) -> str:
        left, top, right, bottom = map(int, box)
        return f"{left},{top},{right - left},{bottom - top},1,{({'plane': 4, 'heli': 5, 'ghost': 11})[kind]},0,0"

    return lines(photos, row)


def darknet(photos: list[Photo]) -> Written:
    written = yolo(photos)
    del written.files["data.yaml"]
    written.files["obj.data"] = "train = train.txt\nnames = obj.names\n"
    written.files["obj.names"] = "plane\nheli\n"
    written.files["train.txt"] = "".join(f"data/{name}\n" for _, name, _ in listing(photos))
    written.missing = sum(photo.content is None for _, _, photo in listing(photos))
    return written


def datumaro(photos: list[Photo]) -> Written:
    def write(written: Written, mentioned: list[tuple[int, str, Photo]]) -> None:
        kinds = [*NAMES, "ghost"]
        items = [
            {
                "id": name.removesuffix(".jpg"),
                "image": {"path": name, "size": [HEIGHT, WIDTH]},
                "annotations": [
                    {"type": "bbox", "label_id": kinds.index(kind), "bbox": [left, top, right - left, bottom - top]}
                    for kind, (left, top, right, bottom) in photo.objects
                ],
            }
            for _, name, photo in mentioned
        ]
        labels = [{"name": name} for name in NAMES]
        content = {"info": {}, "categories": {"label": {"labels": labels}}, "items": items}
        written.files["annotations/default.json"] = json.dumps(content)

    return listed(photos, write)


def supervisely(photos: list[Photo]) -> Written:
    written = with_pictures(photos, "p/ds/img/")
    classes = [{"title": name, "shape": "rectangle", "color": "#ff0000"} for name in NAMES]
    written.files["p/meta.json"] = json.dumps({"classes": classes, "tags": []})
    for _, name, photo in listing(photos):
        objects = [
            {
                "classTitle": kind,
                "geometryType": "rectangle",
                "points": {"exterior": [[left, top], [right, bottom]], "interior": []},
            }
            for kind, (left, top, right, bottom) in photo.objects
        ]
        content = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects}
        written.files[f"p/ds/ann/{name}.json"] = json.dumps(content)
        written.rows += len(objects)
    return written


def records(photos: list[Photo]) -> Written:
    """Pictures inside of records; one that is not there leaves its record without."""
    examples = []
    for number, photo in enumerate(photos):
        objects = [
            (kind, left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)
            for kind, (left, top, right, bottom) in photo.objects
        ]
        examples.append(labelled(photo.content, *objects, filename=f"p{number}.jpg"))
    rows = sum(len(photo.objects) for photo in photos)
    return Written({"train.tfrecord": tfrecord(*examples)}, rows, len(photos))


WRITERS: dict[str, Callable[[list[Photo]], Written]] = {
    "yolo": yolo,
    "voc": pascal_voc,
    "coco": coco_json,
    "label-studio": label_studio,
    "cvat": cvat,
    "csv": csv_table,
    "createml": create_ml,
    "labelme": label_me,
    "hugging-face": hugging_face,
    "kitti": kitti,
    "dota": dota,
    "oidv4": oidv4,
    "visdrone": visdrone,
    "darknet": darknet,
    "datumaro": datumaro,
    "supervisely": supervisely,
    "tfrecord": records,
}


def test_every_reader_is_tried() -> None:
    assert WRITERS.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(PHOTO, min_size=1, max_size=5), STRAY)
def test_counts_add_up_to_what_the_source_holds(name: str, photos: list[Photo], stray: dict[str, bytes]) -> None:
    sound = Photo(PHOTOS[0], (("plane", (8.0, 6.0, 16.0, 18.0)),), labelled=True)
    written = WRITERS[name]([sound, *photos])
    written.files |= stray
    with tempfile.TemporaryDirectory() as folder:
        try:
            intake = take_in(Path(folder), written.files, max_bad_share=1, unlabelled="background", format=name)
        except DatasetError:
            assume(condition=False)
        accounts = intake.report["accounts"]
        pictures = [path for path in written.files if is_picture(path)]
        assert accounts["pictures"]["total"] == len(pictures) + written.missing
        assert accounts["rows"]["total"] == written.rows
        others = len(written.files) - len(pictures)
        assert accounts["label_files"]["total"] + accounts["other_files"]["total"] == others
        for counts in accounts.values():
            assert counts["total"] == sum(count for fate, count in counts.items() if fate != "total")
        assert accounts["pictures"]["used"] + accounts["pictures"]["repaired"] == intake.report["images"]
        assert accounts["rows"]["used"] + accounts["rows"]["repaired"] == intake.report["boxes"]
