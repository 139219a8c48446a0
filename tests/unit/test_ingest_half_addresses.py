"""What looks like an address and means no image is the name of one that is not there, whatever format mentions it."""

import json
from pathlib import Path

import pytest

from tests.factories_ingest import Files, coco, picture, region, take_in, task, voc

HALF = "http://[b.jpg"
LINE = "0 0.5 0.5 0.25 0.25"
GATE = {"label": "van", "coordinates": {"x": 20, "y": 20, "width": 10, "height": 10}}
VAN = {"image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20]}
OBJECT = {"objects": {"bbox": [[4, 4, 20, 20]], "categories": ["van"]}}

NAMED = (("a", "a.jpg"), ("x", HALF))

MENTIONING: dict[str, Files] = {
    "coco": {"x.json": coco([{"id": 1, "file_name": "a.jpg"}, {"id": 2, "coco_url": HALF}], [VAN], ("van",))},
    "createml": {"x.json": json.dumps([{"image": name, "annotations": [GATE]} for name in ("a.jpg", HALF)])},
    "csv": {"x.csv": f"filename,class,xmin,ymin,xmax,ymax\na.jpg,van,4,4,20,20\n{HALF},van,4,4,20,20\n"},
    "darknet": {
        "x.data": "train = x.txt\nnames = x.names\n",
        "x.names": "van\n",
        "x.txt": f"a.jpg\n{HALF}\n",
        "a.txt": LINE,
    },
    "hugging-face": {
        "metadata.jsonl": "\n".join(json.dumps({"file_name": name, **OBJECT}) for name in ("a.jpg", HALF))
    },
    "label-studio": {"x.json": json.dumps([task(name, [region("van", 10, 10, 20, 20)]) for name in ("a.jpg", HALF)])},
}


@pytest.mark.parametrize("layout", MENTIONING)
def test_image_is_missing_when_its_address_cannot_be_read(tmp_path: Path, layout: str) -> None:
    intake = take_in(tmp_path, {"a.jpg": picture(), **MENTIONING[layout]}, max_bad_share=0.9, format=layout)
    assert [record.source for record in intake.records.values()] == ["a.jpg"]
    assert len(intake.issues("image_missing")) == 1


@pytest.mark.parametrize("layout", ["voc", "labelme"])
def test_labels_belong_to_no_image_when_its_address_cannot_be_read(tmp_path: Path, layout: str) -> None:
    shape = {"label": "van", "shape_type": "rectangle", "points": [[4, 4], [20, 20]]}
    labels: dict[str, Files] = {
        "voc": {f"{stem}.xml": voc(("van", 4, 4, 20, 20), filename=name) for stem, name in NAMED},
        "labelme": {
            f"{stem}.json": json.dumps({"imagePath": name, "imageWidth": 64, "imageHeight": 48, "shapes": [shape]})
            for stem, name in NAMED
        },
    }
    intake = take_in(tmp_path, {"a.jpg": picture(), **labels[layout]}, max_bad_share=0.9)
    assert [record.source for record in intake.records.values()] == ["a.jpg"]
    assert len(intake.issues("label_without_image")) == 1
