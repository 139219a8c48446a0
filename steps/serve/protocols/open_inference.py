"""The messages of the Open Inference Protocol's gRPC service, made from a table: no compiler, no generated file.

Names and numbers are those of `open_inference_grpc.proto` (package `inference`), so any KServe or Triton client fits.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live:bool=1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready:bool=1",
    "ModelReadyRequest": "name:string=1 version:string=2",
    "ModelReadyResponse": "ready:bool=1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name:string=1 version:string=2 extensions:string*=3",
    "ModelMetadataRequest": "name:string=1 version:string=2",
    "ModelMetadataResponse": (
        "name:string=1 versions:string*=2 platform:string=3 inputs:.TensorMetadata*=4 outputs:.TensorMetadata*=5"
    ),
    "ModelMetadataResponse.TensorMetadata": "name:string=1 datatype:string=2 shape:int64*=3",
    "InferParameter": "bool_param:bool?=1 int64_param:int64?=2 string_param:string?=3 double_param:double?=4",
    "InferTensorContents": (
        "bool_contents:bool*=1 int_contents:int32*=2 int64_contents:int64*=3 uint_contents:uint32*=4 "
        "uint64_contents:uint64*=5 fp32_contents:float*=6 fp64_contents:double*=7 bytes_contents:bytes*=8"
    ),
    "ModelInferRequest": (
        "model_name:string=1 model_version:string=2 id:string=3 parameters:{InferParameter}=4 "
        "inputs:.InferInputTensor*=5 outputs:.InferRequestedOutputTensor*=6 raw_input_contents:bytes*=7"
    ),
    "ModelInferRequest.InferInputTensor": (
        "name:string=1 datatype:string=2 shape:int64*=3 parameters:{InferParameter}=4 contents:InferTensorContents=5"
    ),
    "ModelInferRequest.InferRequestedOutputTensor": "name:string=1 parameters:{InferParameter}=2",
    "ModelInferResponse": (
        "model_name:string=1 model_version:string=2 id:string=3 parameters:{InferParameter}=4 "
        "outputs:.InferOutputTensor*=5 raw_output_contents:bytes*=6"
    ),
    "ModelInferResponse.InferOutputTensor": (
        "name:string=1 datatype:string=2 shape:int64*=3 parameters:{InferParameter}=4 contents:InferTensorContents=5"
    ),
}
"""Fields as name:type=number. `*` repeats, `?` is one of the message's choices, `{T}` maps texts to T, `.T` lies inside."""

METHODS = {
    name: (f"{name}Request", f"{name}Response")
    for name in ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
}

_Field = descriptor_pb2.FieldDescriptorProto


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="argosight/open_inference_grpc.proto", package=PACKAGE, syntax="proto3"
    )
    known: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.partition(".")
        message = known[outer].nested_type.add(name=inner) if inner else file.message_type.add(name=name)
        known[name] = message
        for entry in fields.split():
            _add_field(message, name, entry)
    service = file.service.add(name="GRPCInferenceService")
    for method, (request, response) in METHODS.items():
        service.method.add(name=method, input_type=f".{PACKAGE}.{request}", output_type=f".{PACKAGE}.{response}")
    return file


def _add_field(message: Any, owner: str, entry: str) -> None:
    name, _, rest = entry.partition(":")
    kind, _, number = rest.partition("=")
    field = message.field.add(name=name, number=int(number), label=_Field.LABEL_OPTIONAL)
    if kind.endswith("?"):
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
        field.oneof_index = 0
    if kind.endswith("*") or kind.startswith("{"):
        field.label = _Field.LABEL_REPEATED
    kind = kind.rstrip("?*")
    if kind.startswith("{"):
        pair = message.nested_type.add(name="ParametersEntry")
        pair.options.map_entry = True
        pair.field.add(name="key", number=1, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_STRING)
        value = f".{PACKAGE}.{kind.strip('{}')}"
        pair.field.add(name="value", number=2, label=_Field.LABEL_OPTIONAL, type=_Field.TYPE_MESSAGE, type_name=value)
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{owner}.ParametersEntry"
    elif kind[0] == "." or kind[0].isupper():
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{owner}{kind}" if kind[0] == "." else f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(_Field, f"TYPE_{kind.upper()}")


_POOL = descriptor_pool.DescriptorPool()  # of its own: the same names may be in the process's pool, from a client
_POOL.Add(_describe())


def message(name: str) -> Any:
    """Return the class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
