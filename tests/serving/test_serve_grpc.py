import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from pydantic import SecretStr

from steps.serve.limits import Limits
from steps.serve.protocols.grpc import serving_grpc
from steps.serve.protocols.open_inference import METHODS, SERVICE, message
from tests.serving.engine import Engine
from tests.serving.pictures import picture

Call = Callable[..., Awaitable[Any]]


def talk(engine: Engine, conversation: Callable[[Call], Awaitable[Any]], limits: Limits | None = None) -> Any:
    """Serve, let `conversation` call methods, and return what it returned."""

    async def run() -> Any:
        async with (
            serving_grpc(engine, limits or Limits(), "127.0.0.1", 0) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):

            async def call(name: str, /, metadata: Any = (), **fields: Any) -> Any:
                request, response = METHODS[name]
                method: Any = channel.unary_unary(
                    f"/{SERVICE}/{name}",
                    request_serializer=lambda asked: asked.SerializeToString(),
                    response_deserializer=message(response).FromString,
                )
                return await method(message(request)(**fields), metadata=metadata, timeout=20)

            return await conversation(call)

    return asyncio.run(run())


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "image", "datatype": "BYTES", "shape": [1], **changes}


WHITE = tensor(contents={"bytes_contents": [picture(64, 64)]})


@pytest.mark.parametrize("form", ["contents", "raw", "pixels", "raw pixels"])
def test_tensors_hold_what_was_found_in_whatever_form_the_picture_comes(engine: Engine, form: str) -> None:
    content, white = picture(64, 64), bytes([255]) * 3 * 64 * 64
    forms: dict[str, dict[str, Any]] = {
        "contents": {"inputs": [tensor(contents={"bytes_contents": [content]})]},
        "raw": {"inputs": [tensor()], "raw_input_contents": [struct.pack("<I", len(content)) + content]},
        "pixels": {"inputs": [tensor(datatype="UINT8", shape=[64, 64, 3], contents={"uint_contents": white})]},
        "raw pixels": {"inputs": [tensor(datatype="UINT8", shape=[1, 64, 64, 3])], "raw_input_contents": [white]},
    }
    answer = talk(engine, lambda call: call("ModelInfer", model_name="planes", id="7", **forms[form]))
    assert (answer.model_name, answer.model_version, answer.id) == ("planes", "1", "7")
    found = dict(zip((output.name for output in answer.outputs), answer.raw_output_contents, strict=True))
    assert np.frombuffer(found["det_boxes"], np.float32).tolist() == [8, 16, 24, 32, 30, 20, 60, 44]
    assert list(answer.outputs[1].shape) == [1, 2, 4]
    assert found["num_dets"] == b"\x02\0\0\0"


def test_options_count_when_they_are_parameters(engine: Engine) -> None:
    inputs = [tensor(contents={"bytes_contents": [picture(64, 64)]})]
    parameters = {"conf": {"double_param": 0.7}, "max_det": {"int64_param": 5}, "classes": {"string_param": "0,1"}}
    answer = talk(engine, lambda call: call("ModelInfer", model_name="planes", inputs=inputs, parameters=parameters))
    assert list(answer.outputs[1].shape) == [1, 1, 4]


def test_server_and_model_are_described_when_asked_for(engine: Engine) -> None:
    async def ask(call: Call) -> list[Any]:
        model = {"name": "planes"}
        return [
            (await call("ServerLive")).live,
            (await call("ServerReady")).ready,
            (await call("ModelReady", **model)).ready,
            (await call("ServerMetadata")).name,
            list((await call("ModelMetadata", **model)).versions),
        ]

    assert talk(engine, ask) == [True, True, True, "argosight", ["1"]]


@pytest.mark.parametrize(
    ("fields", "code", "detail"),
    [
        ({"model_name": "boats"}, "NOT_FOUND", "no model 'boats'; there is: planes"),
        ({"model_version": "7"}, "NOT_FOUND", "version '7' of 'planes' is not served"),
        ({"inputs": []}, "INVALID_ARGUMENT", "0 input tensors"),
        ({"inputs": [tensor(contents={"bytes_contents": [b"x"]})]}, "INVALID_ARGUMENT", "1 bytes are no picture"),
        ({"inputs": [tensor(datatype="FP32")]}, "INVALID_ARGUMENT", "data"),
        (
            {"inputs": [tensor()], "raw_input_contents": [b"", b""]},
            "INVALID_ARGUMENT",
            "2 raw_input_contents for 1 inputs",
        ),
        (
            {"inputs": [tensor()], "raw_input_contents": [b"\xff\xff\xff\xff"]},
            "INVALID_ARGUMENT",
            "says 4294967295 bytes",
        ),
        ({"parameters": {"conf": {"int64_param": 7}}}, "INVALID_ARGUMENT", "conf: input should be less"),
        ({"raw_input_contents": [bytes(300_000)]}, "RESOURCE_EXHAUSTED", "larger than max"),
    ],
)
def test_call_is_refused_when_it_is_wrong(engine: Engine, fields: dict[str, Any], code: str, detail: str) -> None:
    asked = {"model_name": "planes", "inputs": [WHITE], **fields}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        talk(engine, lambda call: call("ModelInfer", **asked), Limits(body_bytes=200_000))
    assert caught.value.code() is grpc.StatusCode[code]
    assert detail in (caught.value.details() or "")


def test_call_is_refused_when_it_has_no_key_but_health_is_open(engine: Engine) -> None:
    limits = Limits(api_keys=(SecretStr("sesame"),))

    async def ask(call: Call) -> str:
        assert (await call("ServerLive")).live
        assert (await call("ModelReady", name="planes", metadata=(("authorization", "Bearer sesame"),))).ready
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call("ModelReady", name="planes", metadata=(("x-api-key", "sesame2"),))
        return caught.value.code().name

    assert talk(engine, ask, limits) == "UNAUTHENTICATED"
