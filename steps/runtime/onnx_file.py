"""Look into an ONNX file before a runtime does: a model that names other files to read is refused.

An ONNX tensor may keep its values in another file, by a path of the model's choosing; that has been a way to read
any file of the machine (CVE-2022-25882, CVE-2024-27318). ONNX Runtime follows such paths below the working folder even
for a model given as bytes. The `onnx` package, which could tell, is not where models are served, so this walks the
file's protobuf records, past the tensors' values.
"""

from collections.abc import Iterator

from steps.errors import ModelError

# Field numbers of onnx.proto3 that lead to a tensor: message kind -> field -> message kind of its content.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def refuse_external_data(content: bytes, name: str) -> None:
    """Refuse an ONNX model that keeps tensors in other files. `name` is what errors call it.

    Raises:
        ModelError: If it does, or if `content` is no protobuf at all.
    """
    messages = [("model", 0, len(content))]
    try:
        while messages:
            kind, start, end = messages.pop()
            for field, first, last in _fields(content, start, end):
                if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and content[first])):
                    raise ModelError(
                        f"{name} keeps tensors in another file, which is refused",
                        hint="export the model as one ONNX file, without external data",
                    )
                inside = _INSIDE[kind].get(field)
                if inside:
                    messages.append((inside, first, last))
    except (IndexError, _MalformedError):
        raise ModelError(f"{name} is not an ONNX model: its records are broken", hint="export it again") from None


class _MalformedError(Exception):
    """The bytes are no protobuf message."""


def _fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield `(field number, first byte, byte after the last)` of each record of a message."""
    at = start
    while at < end:
        key, at = _varint(content, at)
        wire = key & 7
        if wire == _VARINT:
            after = _varint(content, at)[1]
        elif wire == _FIXED64:
            after = at + 8
        elif wire == _FIXED32:
            after = at + 4
        elif wire == _BYTES:
            length, at = _varint(content, at)
            after = at + length
        else:
            raise _MalformedError
        if after > end:
            raise _MalformedError
        yield key >> 3, at, after
        at = after


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at` and the position after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise _MalformedError
