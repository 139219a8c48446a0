"""Real images, all the way: 364 pictures of blood cells in Pascal VOC, with two boxes of no width or height in them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BROKEN = ("BloodImage_00338.xml", "BloodImage_00343.xml")
"""Label files of the data set that hold a box of zero size."""


def the_zip() -> Path:
    path = Path(os.environ.get("BCCD_ZIP", ""))
    if not path.is_file():
        pytest.fail("BCCD_ZIP does not name the zip of the BCCD data set; .ci/run sets it")
    return path.resolve()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_image_goes_through_and_broken_boxes_are_named_when_the_data_are_real(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = {"source": the_zip(), "model-name": "cells", "device": "cpu", "epochs": 3, "image-size": 160}
    flags = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "workflows.cli", "run", "train-detector", "--name=bccd", *flags],
        cwd=ROOT,
        env=os.environ | {"ARGOSIGHT_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout

    run = home / "runs" / "bccd"
    intake = json.loads((run / "ingest" / "intake" / "intake.json").read_text())
    assert (intake["format"], intake["images"], intake["boxes"]) == ("voc", 364, 4886)
    broken = [one for one in intake["issues"] if one["code"] == "zero_size"]
    assert sorted(Path(one["file"]).name for one in broken) == sorted(BROKEN)
    assert {one["action"] for one in broken} == {"rejected"}

    splits = json.loads((run / "split" / "splits.json").read_text())
    assert [len(splits[name]) for name in ("train", "valid", "test")] == [204, 87, 72]
    # Its own split has one picture of train in valid as well, with the stage moved a little.
    assert (splits["mode"], splits["taken_out"]) == ("source", ["BloodImage_00038.jpg"])

    page = (run / "report" / "report.html").read_text()
    for name in BROKEN:
        assert name in page
    assert "364" in page
    summary = json.loads((run / "report" / "summary.json").read_text())
    assert summary["status"] == "Succeeded"
    version = json.loads((home / "buckets/argosight/models/cells/1/version.json").read_text())
    assert version["lineage"]["data_digest"] == json.loads((run / "ingest/dataset/dataset.json").read_text())["digest"]
