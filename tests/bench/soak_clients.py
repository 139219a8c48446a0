"""Clients that do what the documentation says, by every protocol, and read their answers closely."""

import base64
import json
import struct
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
import numpy as np

from steps.serve.protocols.open_inference import SERVICE, message
from tests.bench.soak_desk import PICTURES, Desk
from tests.bench.soak_ledger import GOOD, Sighting, result_rows, row
from tests.bench.soak_server import BATCH, Server
from tests.bench.soak_versions import NAME

_STATUSES = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.INVALID_ARGUMENT: 422,
    grpc.StatusCode.NOT_FOUND: 404,
}
"""What gRPC calls what HTTP has a number for; everything else counts as 500."""

_INFER = "POST /v2/models/{name}/infer"


def wait_for_size(asked: dict[str, str]) -> frozenset[int]:
    """Return what such a request may meet: a size that the present version has not is refused."""
    return GOOD | {422} if "imgsz" in asked else GOOD


def ask_picture(desk: Desk) -> None:
    """Send one picture, in each of the ways there are."""
    sizes, (content,) = desk.pictures(1)
    asked = desk.options()
    how: dict[str, Any] = desk.chance.choice(
        [
            {"content": content, "params": asked, "headers": {"Content-Type": "image/jpeg"}},
            {"files": {"file": content}, "data": asked},
            {"json": {"image": base64.b64encode(content).decode(), **asked}},
        ]
    )
    answer = desk.ask("pictures", "POST /predict", fine=wait_for_size(asked), **how)
    if answer:
        desk.note(answer, sizes, answer.json()["images"], asked)


def ask_drawing(desk: Desk) -> None:
    """Ask for the picture with the boxes drawn, and count what is on it."""
    _, (content,) = desk.pictures(1)
    form = desk.chance.choice(("jpeg", "png", "webp"))
    desk.ask("drawn", "POST /predict", params={"format": form}, files={"file": content})
    answer = desk.ask("drawn", "POST /detect", files={"file": ("a.jpg", content, "image/jpeg")})
    if answer:
        size = next(size for size, contents in PICTURES.items() if content in contents)
        rows = result_rows(answer.json()["data"]["results"], size)
        desk.note_one(int(answer.headers["x-model-version"]), rows, {})


def ask_batch(desk: Desk) -> None:
    """Send several pictures at once."""
    sizes, contents = desk.pictures(desk.chance.randrange(2, BATCH + 1))
    how: dict[str, Any] = desk.chance.choice(
        [
            {"files": [("file", content) for content in contents]},
            {"json": {"image": [base64.b64encode(content).decode() for content in contents]}},
        ]
    )
    answer = desk.ask("batches", "POST /predict", **how)
    if answer:
        desk.note(answer, sizes, answer.json()["images"], {})


def ask_v1(desk: Desk) -> None:
    """Ask by KServe's V1."""
    sizes, contents = desk.pictures(desk.chance.randrange(1, 4))
    asked = desk.options()
    instances = [{"image": {"b64": base64.b64encode(content).decode()}} for content in contents]
    body = {"instances": instances, "parameters": asked}
    path = f"/v1/models/{NAME}:predict"
    answer = desk.ask("V1", "POST /v1/models/{name}:predict", path, json=body, fine=wait_for_size(asked))
    if answer:
        desk.note(answer, sizes, answer.json()["predictions"], asked)


def ask_why(desk: Desk) -> None:
    """Ask which parts of a picture its strongest box hangs on: many runs of the network, all by one version or none."""
    sizes, (content,) = desk.pictures(1)
    body = {"instances": [base64.b64encode(content).decode()], "parameters": {"grid": 4}}
    # A version that is swapped meanwhile is told, and not explained by the next one.
    answer = desk.ask(
        "explain", "POST /v1/models/{name}:explain", f"/v1/models/{NAME}:explain", json=body, fine=GOOD | {503}
    )
    if answer:
        told = answer.json()
        rows = result_rows([told["explanations"][0]["result"]], sizes[0])
        desk.ledger.note(Sighting(told["metadata"]["version"], rows, first=True))


def ask_v2(desk: Desk) -> None:
    """Ask by KServe's V2 over REST, with tensors as JSON or as bytes."""
    sizes, contents = desk.pictures(desk.chance.randrange(1, 4))
    asked = desk.options()
    tensor: dict[str, Any] = {"name": "image", "datatype": "BYTES", "shape": [len(contents)]}
    how: dict[str, Any] = {}
    if desk.chance.random() < 0.5:
        tensor["data"] = [base64.b64encode(content).decode() for content in contents]
        how["json"] = {"inputs": [tensor], "parameters": asked}
    else:
        raw = b"".join(struct.pack("<I", len(content)) + content for content in contents)
        tensor["parameters"] = {"binary_data_size": len(raw)}
        head = json.dumps({"inputs": [tensor], "parameters": asked}).encode()
        how = {"content": head + raw, "headers": {"Inference-Header-Content-Length": str(len(head))}}
    path = f"/v2/models/{NAME}/infer"
    answer = desk.ask("V2", _INFER, path, fine=wait_for_size(asked), **how)
    if answer:
        told = answer.json()
        tensors = {one["name"]: np.reshape(np.array(one["data"]), one["shape"]) for one in told["outputs"]}
        note_tensors(desk, int(told["model_version"]), tensors, sizes, asked)


def note_tensors(desk: Desk, version: int, tensors: dict[str, Any], sizes: list[int], asked: dict[str, str]) -> None:
    """Keep what V2's tensors hold."""
    if len(tensors["num_dets"]) != len(sizes):
        desk.ledger.accuse(f"V2: {len(sizes)} pictures asked, {len(tensors['num_dets'])} answered")
        return
    for at, size in enumerate(sizes):
        count = int(tensors["num_dets"][at][0])
        pairs = zip(tensors["det_names"][at][:count], tensors["det_boxes"][at][:count], strict=True)
        desk.note_one(version, tuple(row(str(name), map(float, box), size) for name, box in pairs), asked)


def grpc_client(server: Server) -> Callable[[Desk], None]:
    """Return a client of V2 over gRPC, with a channel of its own."""
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    infer: Any = channel.unary_unary(
        f"/{SERVICE}/ModelInfer",
        request_serializer=lambda asked: asked.SerializeToString(),
        response_deserializer=message("ModelInferResponse").FromString,
    )

    def ask_grpc(desk: Desk) -> None:
        sizes, contents = desk.pictures(desk.chance.randrange(1, 4))
        data = {"bytes_contents": contents}
        tensor = {"name": "image", "datatype": "BYTES", "shape": [len(sizes)], "contents": data}
        identity = uuid4().hex
        try:
            answer = infer(message("ModelInferRequest")(model_name=NAME, id=identity, inputs=[tensor]), timeout=60)
        except grpc.RpcError as error:
            desk.ledger.answer("gRPC", _INFER, _STATUSES.get(error.code(), 500), error.details() or "")
            return
        desk.ledger.answer("gRPC", _INFER, 200, "")
        if answer.id != identity:
            desk.ledger.accuse(f"gRPC: answered request {answer.id}, {identity} was asked")
        raw = dict(zip((one.name for one in answer.outputs), answer.raw_output_contents, strict=True))
        shapes = {one.name: tuple(one.shape) for one in answer.outputs}
        words, at, names = raw["det_names"], 0, []
        while at < len(words):
            (length,) = struct.unpack_from("<I", words, at)
            names.append(words[at + 4 : at + 4 + length].decode())
            at += 4 + length
        tensors = {
            "num_dets": np.frombuffer(raw["num_dets"], np.int32).reshape(shapes["num_dets"]),
            "det_boxes": np.frombuffer(raw["det_boxes"], np.float32).reshape(shapes["det_boxes"]),
            "det_names": np.reshape(np.array(names), shapes["det_names"]),
        }
        note_tensors(desk, int(answer.model_version), tensors, sizes, {})

    return ask_grpc
