"""KServe's V2, the Open Inference Protocol, over REST, with its binary tensor extension."""

import json
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from steps import __version__
from steps.serve.limits import Limits
from steps.serve.options import Detection, parse_options, schemas
from steps.serve.problem import Problem
from steps.serve.protocols.inference import Question, check_version, infer
from steps.serve.protocols.request import REFUSALS, SAMPLE, answer_headers, refusals, request_id
from steps.serve.protocols.tensors import HINT, INPUTS, OUTPUTS, Tensor, from_raw, from_values
from steps.serve.protocols.v2_documents import (
    InferenceRequest,
    InferenceResponse,
    Live,
    ModelMetadata,
    ModelReady,
    OutputTensor,
    Ready,
    ServerMetadata,
    TensorMetadata,
)
from steps.serve.service import NotReadyError, Service
from steps.serve.upload import Intake, parse_json

LENGTH_HEADER = "Inference-Header-Content-Length"
"""Bytes of JSON at the begin of a body whose rest is binary tensors."""

EXTENSIONS = ("binary_tensor_data",)


_EXAMPLE = {
    "id": "42",
    "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1], "data": [SAMPLE]}],
    "parameters": {"conf": 0.4},
}


def _documented() -> dict[str, Any]:
    schema = InferenceRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    schema["properties"]["parameters"] = {"type": "object", "properties": schemas(Detection)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": _EXAMPLE}}}}


def routes(service: Service, limits: Limits, intake: Intake) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v2", tags=["KServe V2"])

    @router.get("")
    async def server() -> ServerMetadata:
        """Tell what the server is."""
        return ServerMetadata(name="argosight", version=__version__, extensions=list(EXTENSIONS))

    @router.get("/health/live", responses=refusals(503))
    async def live() -> Live:
        """Tell that the process is alive."""
        if not service.live():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "the engine stands still", hint="restart the server")
        return Live(live=True)

    @router.get("/health/ready", responses=refusals(503))
    async def ready() -> Ready:
        """Tell that every model has a version loaded."""
        if not service.ready():
            raise NotReadyError(", ".join(service.models()))
        return Ready(ready=True)

    @router.get("/models/{name}", responses=refusals(401, 404, 422, 503))
    @router.get("/models/{name}/versions/{version}", responses=refusals(401, 404, 422, 503))
    async def metadata(name: str, version: str = "") -> ModelMetadata:
        """Tell what a model takes and gives."""
        check_version(service, name, version)
        return ModelMetadata(
            name=name,
            versions=[str(service.describe(name).version)],
            platform="onnx_onnxv1",
            inputs=[TensorMetadata(**tensor) for tensor in INPUTS],
            outputs=[TensorMetadata(**tensor) for tensor in OUTPUTS],
        )

    @router.get("/models/{name}/ready", responses=refusals(401, 404, 422, 503))
    @router.get("/models/{name}/versions/{version}/ready", responses=refusals(401, 404, 422, 503))
    async def model_ready(name: str, version: str = "") -> ModelReady:
        """Tell that a model has a version loaded."""
        check_version(service, name, version)
        return ModelReady(name=name, ready=True)

    documented = _documented()

    @router.post("/models/{name}/infer", response_model=InferenceResponse, responses=REFUSALS, openapi_extra=documented)
    @router.post(
        "/models/{name}/versions/{version}/infer",
        response_model=InferenceResponse,
        responses=REFUSALS,
        openapi_extra=documented,
    )
    async def infer_(request: Request, name: str, version: str = "") -> Response:
        """Find objects on the pictures of one tensor; parameters are those of `/predict`.

        BYTES [n] are encoded pictures, in JSON as base64; UINT8 [n, height, width, 3] are pixels, red, green, blue. Binary
        tensors follow the JSON, whose length `Inference-Header-Content-Length` tells.
        """
        asked, binary = _split(request, await intake.read_bytes(request))
        question = Question(
            model=name,
            version=version,
            request_id=asked.id or request_id(request),
            parameters=asked.parameters,
            inputs=_inputs(asked, binary),
            outputs=[output.name for output in asked.outputs],
        )
        tensors, prediction = await infer(service, limits, question)
        answer = InferenceResponse(
            model_name=prediction.model, model_version=str(prediction.version), id=prediction.request_id, outputs=[]
        )
        return _answer(answer, tensors, asked, answer_headers(prediction))

    return router


def _split(request: Request, body: bytes) -> tuple[InferenceRequest, bytes]:
    given = request.headers.get(LENGTH_HEADER, "")
    length = len(body)
    if given:
        if not (given.isascii() and given.isdecimal() and len(given) < 12 and int(given) <= length):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                f"{LENGTH_HEADER}: {given[:20]!r} for a body of {length} bytes",
                hint="it is the length of the JSON at the begin of the body",
            )
        length = int(given)
    return parse_options(InferenceRequest, parse_json(body[:length])), body[length:]


def _inputs(asked: InferenceRequest, binary: bytes) -> list[Tensor]:
    tensors, at = [], 0
    for entry in asked.inputs:
        size = entry.parameters.get("binary_data_size")
        if size is None:
            if entry.data is None:
                raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"input {entry.name!r} has no data", hint=HINT)
            tensors.append(from_values(entry.name, entry.datatype, entry.shape, entry.data))
            continue
        if type(size) is not int or not 0 <= size <= len(binary) - at:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"input {entry.name!r}: binary_data_size {str(size)[:20]}, {len(binary) - at} bytes follow",
                hint=HINT,
            )
        tensors.append(from_raw(entry.name, entry.datatype, entry.shape, binary[at : at + size]))
        at += size
    return tensors


def _answer(
    answer: InferenceResponse, tensors: list[Tensor], asked: InferenceRequest, headers: dict[str, str]
) -> Response:
    default = asked.parameters.get("binary_data_output") is True
    chosen = {output.name: output.parameters.get("binary_data", default) is True for output in asked.outputs}
    blobs = []
    for tensor in tensors:
        output = OutputTensor(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if chosen.get(tensor.name, default):
            blobs.append(tensor.to_raw())
            output.parameters = {"binary_data_size": len(blobs[-1])}
        else:
            output.data = tensor.to_values()
        answer.outputs.append(output)
    text = json.dumps(answer.model_dump(exclude_none=True), separators=(",", ":")).encode()
    if not blobs:
        return Response(text, media_type="application/json", headers=headers)
    headers[LENGTH_HEADER] = str(len(text))
    return Response(b"".join((text, *blobs)), media_type="application/octet-stream", headers=headers)
