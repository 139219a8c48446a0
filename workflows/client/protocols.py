"""Three ways to ask the same: what is sent, and how the answer is read."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

Option = float | int | str
SIDES: Final = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent: path with query, body, and the body's type."""

    path: str
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found.

    Attributes:
        results: Objects, strongest first: `class`, `name`, `confidence`, `box` with x1, y1, x2, y2 in pixels of the
            upright picture.
        model: Name of the model, as far as it was told.
        version: Its version, as far as it was told.
    """

    results: tuple[dict[str, Any], ...]
    model: str
    version: str


class Dialect(Protocol):
    """A protocol."""

    def ask(self, image: bytes, model: str, options: Mapping[str, Option]) -> Question:
        """Return what to send; `model` may be empty where `needs_model` is false."""

    def read(self, document: Any) -> Answer:
        """Return what a server's JSON says.

        Raises:
            KeyError, IndexError, TypeError, ValueError: If it is no answer of this protocol.
        """


class Predict:
    """`POST /predict`, as Ultralytics' users know it."""

    def ask(self, image: bytes, model: str, options: Mapping[str, Option]) -> Question:
        """Send the picture as the body itself."""
        asked = {**options, **({"model": model} if model else {})}
        query = f"?{urlencode(asked)}" if asked else ""
        return Question(f"/predict{query}", image, "application/octet-stream")

    def read(self, document: Any) -> Answer:
        """Read the one picture's results."""
        metadata = document.get("metadata", {})
        return Answer(
            tuple(document["images"][0]["results"]), str(metadata.get("model", "")), str(metadata.get("version", ""))
        )


class V1:
    """KServe's V1: `POST /v1/models/NAME:predict`."""

    def ask(self, image: bytes, model: str, options: Mapping[str, Option]) -> Question:
        """Send the picture as base64 in an instance."""
        document = {"instances": [{"image": {"b64": base64.b64encode(image).decode()}}], "parameters": dict(options)}
        return Question(f"/v1/models/{quote(model)}:predict", json.dumps(document).encode(), "application/json")

    def read(self, document: Any) -> Answer:
        """Read the one prediction."""
        metadata = document.get("metadata", {})
        return Answer(
            tuple(document["predictions"][0]["results"]),
            str(metadata.get("model", "")),
            str(metadata.get("version", "")),
        )


class V2:
    """KServe's V2, the Open Inference Protocol: `POST /v2/models/NAME/infer`."""

    def ask(self, image: bytes, model: str, options: Mapping[str, Option]) -> Question:
        """Send the picture as one element of BYTES."""
        tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(image).decode()]}
        document = {"inputs": [tensor], "parameters": dict(options)}
        return Question(f"/v2/models/{quote(model)}/infer", json.dumps(document).encode(), "application/json")

    def read(self, document: Any) -> Answer:
        """Read boxes, scores, classes and names of the one picture from their tensors."""
        tensors = {tensor["name"]: tensor["data"] for tensor in document["outputs"]}
        count = int(tensors["num_dets"][0])
        boxes: Sequence[float] = tensors["det_boxes"]
        results = tuple(
            {
                "class": tensors["det_classes"][at],
                "name": tensors["det_names"][at],
                "confidence": round(tensors["det_scores"][at], 5),  # FP32: the rest is noise
                "box": {side: round(boxes[4 * at + index], 2) for index, side in enumerate(SIDES)},
            }
            for at in range(count)
        )
        return Answer(results, str(document.get("model_name", "")), str(document.get("model_version", "")))


DIALECTS: Final[dict[str, Dialect]] = {"predict": Predict(), "v1": V1(), "v2": V2()}
