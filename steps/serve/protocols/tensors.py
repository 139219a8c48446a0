"""Tensors of the Open Inference Protocol (KServe V2), and what ours mean.

In goes one tensor of any name, and it is either

- BYTES [n]: n encoded pictures, in JSON as base64;
- UINT8 [n, height, width, 3] or [height, width, 3]: pixels, red, green, blue.

Out come tensors named as TensorRT's non-maximum suppression names them; m is the most boxes that a picture has, the rest
is filled with zeros: `num_dets` [n, 1], `det_boxes` [n, m, 4] (x1, y1, x2, y2 in pixels of the picture), `det_scores`
[n, m], `det_classes` [n, m], `det_names` [n, m].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steps.serve.limits import Limits
from steps.serve.picture import PictureSet, from_base64
from steps.serve.problem import Problem
from steps.serve.service import Prediction, Source
from steps.serve.upload import check_batch

HINT = "send one tensor: BYTES [n] of encoded pictures (in JSON as base64), or UINT8 [n, height, width, 3]"

INPUTS = ({"name": "image", "datatype": "BYTES", "shape": [-1]},)
OUTPUTS: tuple[dict[str, Any], ...] = (
    {"name": "num_dets", "datatype": "INT32", "shape": [-1, 1]},
    {"name": "det_boxes", "datatype": "FP32", "shape": [-1, -1, 4]},
    {"name": "det_scores", "datatype": "FP32", "shape": [-1, -1]},
    {"name": "det_classes", "datatype": "INT32", "shape": [-1, -1]},
    {"name": "det_names", "datatype": "BYTES", "shape": [-1, -1]},
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array. BYTES is an array of `bytes` objects, flat or not."""

    name: str
    datatype: str
    array: NDArray[Any]

    @property
    def shape(self) -> list[int]:
        """Return the shape as the protocol spells it."""
        return list(self.array.shape)

    def to_raw(self) -> bytes:
        """Return the values as the protocol's binary form: little endian, each of BYTES after its length."""
        if self.datatype != "BYTES":
            return self.array.tobytes()
        return b"".join(len(item).to_bytes(4, "little") + item for item in self.array.ravel().tolist())

    def to_values(self) -> list[Any]:
        """Return the values as a flat list for JSON."""
        values = self.array.ravel().tolist()
        return [item.decode() for item in values] if self.datatype == "BYTES" else values


def from_raw(name: str, datatype: str, shape: Sequence[int], raw: bytes) -> Tensor:
    """Read the protocol's binary form.

    Raises:
        Problem: 422 where `raw` does not fit `shape`, or the type is not taken.
    """
    if datatype == "UINT8":
        _check_count(name, shape, len(raw))
        return Tensor(name, datatype, np.frombuffer(raw, np.uint8).reshape(shape))
    if datatype != "BYTES":
        raise _wrong_type(name, datatype)
    items: list[bytes] = []
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        if at + 4 + size > len(raw):
            raise _wrong(f"input {name!r}: element {len(items)} says {size} bytes, {len(raw) - at - 4} follow")
        items.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return _bytes_tensor(name, shape, items)


def from_values(name: str, datatype: str, shape: Sequence[int], values: list[Any]) -> Tensor:
    """Read a list from JSON, flat or nested; BYTES are base64 there.

    Raises:
        Problem: 422 where `values` do not fit, or the type is not taken.
    """
    if datatype == "BYTES":
        texts = _flatten(values)
        if not all(isinstance(text, str) for text in texts):
            raise _wrong(f"input {name!r}: data of BYTES are texts in base64")
        return _bytes_tensor(
            name, shape, [from_base64(text, f"input {name!r}, element {at}") for at, text in enumerate(texts)]
        )
    if datatype != "UINT8":
        raise _wrong_type(name, datatype)
    flat = _flatten(values)
    if not all(type(value) is int and 0 <= value <= 255 for value in flat):
        raise _wrong(f"input {name!r}: data of UINT8 are whole numbers from 0 to 255")
    _check_count(name, shape, len(flat))
    return Tensor(name, datatype, np.array(flat, np.uint8).reshape(shape))


def sources_of(tensors: Sequence[Tensor], limits: Limits) -> list[Source]:
    """Return the pictures that a request's tensors hold.

    Raises:
        Problem: 413 for too many pictures or pixels, 422 for tensors that hold none.
    """
    if len(tensors) != 1:
        raise _wrong(f"{len(tensors)} input tensors")
    tensor = tensors[0]
    if tensor.datatype == "BYTES":
        contents = tensor.array.ravel().tolist()
        check_batch(len(contents), limits)
        if not contents or not all(contents):
            raise _wrong(f"input {tensor.name!r}: no picture, or an empty one")
        return list(PictureSet(contents, limits).sources())
    pixels = tensor.array if tensor.array.ndim == 4 else tensor.array[None]
    if pixels.ndim != 4 or pixels.shape[3] != 3 or not pixels.size:
        raise _wrong(f"input {tensor.name!r}: shape {tensor.shape}")
    check_batch(len(pixels), limits)
    if pixels.size > 3 * limits.pixels:
        detail = f"input {tensor.name!r} has more than {limits.pixels} pixels"
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, hint="scale the pictures down before sending")
    return [np.ascontiguousarray(picture[..., ::-1]) for picture in pixels]


def tensors_of(predictions: Sequence[Prediction], wanted: Sequence[str]) -> list[Tensor]:
    """Return the output tensors that are wanted; all where none is named.

    Raises:
        Problem: 422 for an output that there is not.
    """
    names = [output["name"] for output in OUTPUTS]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"no output {unknown[0]!r}", hint=f"there is: {', '.join(names)}"
        )
    count, most = len(predictions), max((len(prediction.detections) for prediction in predictions), default=0)
    boxes, scores = np.zeros((count, most, 4), np.float32), np.zeros((count, most), np.float32)
    labels, words = np.zeros((count, most), np.int32), np.full((count, most), b"", object)
    for row, prediction in enumerate(predictions):
        found = prediction.detections
        boxes[row, : len(found)] = found.xyxy
        scores[row, : len(found)] = found.scores
        labels[row, : len(found)] = found.labels
        words[row, : len(found)] = [prediction.classes[label].encode() for label in found.labels]
    counts = np.array([[len(prediction.detections)] for prediction in predictions], np.int32)
    arrays: Mapping[str, NDArray[Any]] = dict(zip(names, (counts, boxes, scores, labels, words), strict=True))
    return [
        Tensor(output["name"], output["datatype"], arrays[output["name"]])
        for output in OUTPUTS
        if not wanted or output["name"] in wanted
    ]


def _flatten(values: Any) -> list[Any]:
    flat, stack = [], [values]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        else:
            flat.append(value)
    return flat


def _bytes_tensor(name: str, shape: Sequence[int], items: list[bytes]) -> Tensor:
    _check_count(name, shape, len(items))
    array = np.empty(len(items), object)
    array[:] = items
    return Tensor(name, "BYTES", array)


def _check_count(name: str, shape: Sequence[int], found: int) -> None:
    if any(size < 0 for size in shape) or len(shape) > 8 or prod(shape) != found:
        raise _wrong(f"input {name!r}: shape {list(shape)[:8]} does not hold the {found} values that came")


def _wrong_type(name: str, datatype: str) -> Problem:
    return _wrong(f"input {name!r}: datatype {datatype[:20]!r} is not taken")


def _wrong(detail: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, hint=HINT)
