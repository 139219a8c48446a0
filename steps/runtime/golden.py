"""The golden image of a model, and the boxes found in it: what a server proves itself by."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from steps.detection import Detections

IMAGE: Final = "golden/image.jpg"
"""In the model folder: an image of the test split."""

EXPECTED: Final = "golden/expected.json"
"""In the model folder: what is answered to it with the model's defaults."""


ANSWER: Final = "expected.json"
"""In the metrics folder: the same with the defaults that `evaluate` chose. `publish` puts it in the model's place."""


def write_expected(detections: "Detections", classes: Sequence[str], path: Path) -> None:
    """Write the boxes to the JSON file `path`: xyxy in pixels of the image, strongest first."""
    rows = zip(detections.xyxy.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True)
    boxes = [{"xyxy": xyxy, "label": label, "name": classes[label], "score": score} for xyxy, label, score in rows]
    path.write_text(json.dumps({"boxes": boxes}, indent=1) + "\n", encoding="utf-8")
