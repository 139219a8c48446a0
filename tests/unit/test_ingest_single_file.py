"""A source that is one file: records are read, labels without their images are called by their name."""

import gzip
import json
from pathlib import Path

import pytest

from steps.errors import DatasetError
from tests.factories_ingest import coco, picture, take_in, voc
from tests.factories_tfrecord import labelled, tfrecord

RECORDS = tfrecord(labelled(picture(), ("van", 0.25, 0.25, 0.5, 0.5)))
COCO = coco([{"id": 1, "file_name": "a.jpg"}], [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]}])


@pytest.mark.parametrize(
    ("name", "content"),
    [("train.tfrecord", RECORDS), ("train.record-00000-of-00001", RECORDS), ("a.tfrecord.gz", gzip.compress(RECORDS))],
)
def test_file_of_records_is_a_source(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert take_in(tmp_path, tmp_path / name).boxes == {"a.jpg": [("van", (16, 12, 32, 24))]}


REFUSED = {
    "a.csv": ("filename,width,height,class,xmin,ymin,xmax,ymax\nb.jpg,64,48,van,1,1,9,9\n", "a.csv row 2: 'b.jpg'"),
    "metadata.jsonl": (
        json.dumps({"file_name": "b.jpg", "objects": {"bbox": [[1, 1, 9, 9]], "categories": [0]}}),
        "metadata.jsonl row 1: 'b.jpg'",
    ),
    "instances_val.json": (COCO, "instances_val.json: 'a.jpg'"),
    "a.xml": (voc(("van", 1, 1, 9, 9)), "label file that belongs to no image, as a.xml"),
    "a.txt": ("0 0.5 0.5 0.25 0.25", "found 1 .txt; a.txt looks like YOLO (1 rows)"),
    "data.yaml": ("names: [van]", "found 1 .yaml; such as data.yaml"),
    "train.parquet": ("PAR1", "train.parquet looks like Parquet"),
    "set.7z": ("7z\xbc\xaf\x27\x1c", "set.7z is a 7z archive, which is not unpacked"),
    "set.zip.001": ("PK\3\4", "set.zip.001 is a part of a split zip"),
    "page.htm": ("<html></html>", "page.htm is an HTML or XML page"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_of_labels_is_called_by_its_name_when_its_images_are_missing(tmp_path: Path, name: str) -> None:
    content, message = REFUSED[name]
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(DatasetError) as caught:
        take_in(tmp_path, tmp_path / name)
    assert message in caught.value.message
    assert caught.value.hint
