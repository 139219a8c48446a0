"""KServe's V2, the Open Inference Protocol, over gRPC. Imported only where a port for it was given."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import grpc
import grpc.aio

from steps import __version__
from steps.errors import ParameterError
from steps.serve.access import KeyRing
from steps.serve.limits import Limits
from steps.serve.problem import Problem, problem_of
from steps.serve.protocols.inference import Question, check_version, infer
from steps.serve.protocols.open_inference import METHODS, SERVICE, message
from steps.serve.protocols.tensors import INPUTS, OUTPUTS, Tensor, from_raw, from_values
from steps.serve.service import Service, ServiceError

MOST_CALLS = 64
"""Calls at once; more are refused as RESOURCE_EXHAUSTED before their message is read."""

GRACE_S = 20

_STATUS = {
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.INTERNAL_SERVER_ERROR: grpc.StatusCode.INTERNAL,
}
"""Of problems; every other is INVALID_ARGUMENT."""

_OPEN = frozenset({"ServerLive", "ServerReady"})

Method = Callable[[Any], Awaitable[Any]]


@asynccontextmanager
async def serving_grpc(service: Service, limits: Limits, host: str, port: int) -> AsyncIterator[int]:
    """Answer gRPC on the running event loop, and yield the port; 0 is any that is free. Calls in flight finish.

    Raises:
        ParameterError: If the address cannot be listened on.
    """
    server = grpc.aio.server(
        options=(("grpc.max_receive_message_length", limits.body_bytes), ("grpc.so_reuseport", 0)),
        maximum_concurrent_rpcs=min(MOST_CALLS, max(1, limits.held_bytes // limits.body_bytes)),
    )
    answers = _Answers(service, limits)
    keys = KeyRing(limits)
    handlers: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(name, getattr(answers, name), keys),
            request_deserializer=message(request).FromString,
            response_serializer=lambda answer: answer.SerializeToString(),
        )
        for name, (request, _) in METHODS.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        bound = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except RuntimeError:
        raise ParameterError(
            f"gRPC cannot listen on {host}, port {port}", hint="take another port, or 0 for any that is free"
        ) from None
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(GRACE_S)


def _guarded(name: str, method: Method, keys: KeyRing) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        try:
            if keys and name not in _OPEN:
                _check_key(keys, dict(context.invocation_metadata() or ()))
            return await method(request)
        except ServiceError as error:
            problem = problem_of(error)
        except Problem as error:
            problem = error
        except Exception as error:
            logging.getLogger(__name__).exception("gRPC %s", name)
            detail = f"a bug in the server: {type(error).__name__}"
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, hint="the server's log has the traceback")
        code = _STATUS.get(problem.status, grpc.StatusCode.INVALID_ARGUMENT)
        trailing = tuple((key.lower(), value) for key, value in (problem.headers or {}).items())
        text = f"{problem.detail}; {problem.hint}"
        del problem  # It knows this frame: a cycle, and the model that was asked would stay in memory with it.
        return await context.abort(code, text, trailing)

    return answer


def _check_key(keys: KeyRing, metadata: dict[str, Any]) -> None:
    if not keys.accepts(str(metadata.get("authorization", "")), str(metadata.get("x-api-key", ""))):
        hint = "send the metadata `authorization: Bearer KEY` or `x-api-key: KEY`"
        raise Problem(HTTPStatus.UNAUTHORIZED, "the call carries no key, or one that is not known", hint=hint)


class _Answers:
    """One method for each of the protocol's; their names are the protocol's."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits

    async def ServerLive(self, _request: Any) -> Any:  # noqa: N802
        return message("ServerLiveResponse")(live=self._service.live())

    async def ServerReady(self, _request: Any) -> Any:  # noqa: N802
        return message("ServerReadyResponse")(ready=self._service.ready())

    async def ModelReady(self, request: Any) -> Any:  # noqa: N802
        check_version(self._service, request.name, request.version)
        return message("ModelReadyResponse")(ready=True)

    async def ServerMetadata(self, _request: Any) -> Any:  # noqa: N802
        return message("ServerMetadataResponse")(name="argosight", version=__version__)

    async def ModelMetadata(self, request: Any) -> Any:  # noqa: N802
        check_version(self._service, request.name, request.version)
        return message("ModelMetadataResponse")(
            name=request.name,
            versions=[str(self._service.describe(request.name).version)],
            platform="onnx_onnxv1",
            inputs=INPUTS,
            outputs=OUTPUTS,
        )

    async def ModelInfer(self, request: Any) -> Any:  # noqa: N802
        question = Question(
            model=request.model_name,
            version=request.model_version,
            request_id=request.id,
            parameters={name: _value(parameter) for name, parameter in request.parameters.items()},
            inputs=_inputs(request),
            outputs=[output.name for output in request.outputs],
        )
        tensors, prediction = await infer(self._service, self._limits, question)
        outputs = [{"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape} for tensor in tensors]
        return message("ModelInferResponse")(
            model_name=prediction.model,
            model_version=str(prediction.version),
            id=prediction.request_id,
            outputs=outputs,
            raw_output_contents=[tensor.to_raw() for tensor in tensors],
        )


def _value(parameter: Any) -> Any:
    choice = parameter.WhichOneof("parameter_choice")
    return getattr(parameter, choice) if choice else None


def _inputs(request: Any) -> list[Tensor]:
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs",
            hint="send one for each input, or none",
        )
    if raw:
        pairs = zip(request.inputs, raw, strict=True)
        return [from_raw(entry.name, entry.datatype, entry.shape, content) for entry, content in pairs]
    return [_from_contents(entry) for entry in request.inputs]


def _from_contents(entry: Any) -> Tensor:
    if entry.datatype == "BYTES":
        content = b"".join(len(item).to_bytes(4, "little") + item for item in entry.contents.bytes_contents)
        return from_raw(entry.name, entry.datatype, entry.shape, content)
    return from_values(entry.name, entry.datatype, entry.shape, list(entry.contents.uint_contents))
