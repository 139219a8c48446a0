"""The JSON documents of KServe's V2, as they stand in the Open Inference Protocol."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Document(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class InputTensor(_Document):
    """One input."""

    name: str = Field(max_length=200)
    datatype: str = Field(max_length=20)
    shape: list[int] = Field(max_length=8)
    parameters: dict[str, Any] = {}
    """`binary_data_size`: the values follow the JSON, as many bytes."""

    data: list[Any] | None = None


class OutputRequest(_Document):
    """One output that is wanted."""

    name: str
    parameters: dict[str, Any] = {}
    """`binary_data`: let the values follow the JSON."""


class InferenceRequest(_Document):
    """What `infer` takes."""

    id: str = Field(default="", max_length=128)
    parameters: dict[str, Any] = {}
    inputs: list[InputTensor] = Field(min_length=1, max_length=8)
    outputs: list[OutputRequest] = Field(default=[], max_length=32)


class OutputTensor(_Document):
    """One output."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class InferenceResponse(_Document):
    """What `infer` answers."""

    model_name: str
    model_version: str
    id: str
    outputs: list[OutputTensor]


class Live(BaseModel):
    """Liveness."""

    live: bool


class Ready(BaseModel):
    """Readiness."""

    ready: bool


class ModelReady(Ready):
    """Readiness of a model."""

    name: str


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """A tensor that the model takes or gives; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
