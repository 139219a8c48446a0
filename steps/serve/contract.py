"""Contract of the `serve` step."""

from typing import Annotated

from pydantic import Field

from steps.contract import Internal, Model, Step


class ServeInputs(Model):
    """Answer HTTP requests with detections, on ONNX Runtime, until it is told to stop.

    Loads the version that the registry's latest pointer names, after checking the sha256 of every file.
    """

    registry: str = "s3://argosight/models"
    """Registry that holds the model: `s3://bucket/prefix`, or a folder."""

    model_name: str = Field(default="detector", pattern="^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")
    """Name of the model in the registry."""

    version: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Version to serve. 0: the latest."""

    host: Annotated[str, Internal()] = "127.0.0.1"
    """Address to listen on."""

    port: Annotated[int, Internal()] = Field(default=8080, ge=0, le=65535)
    """Port to listen on. 0: any that is free; the log tells which."""

    threads: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Threads of the inference session. 0: all cores."""

    max_bytes: Annotated[int, Internal()] = Field(default=20_000_000, ge=1)
    """Bytes that the body of a request may have."""

    max_pixels: Annotated[int, Internal()] = Field(default=50_000_000, ge=1)
    """Pixels that a picture may have, read from its header before it is decoded."""


class ServeOutputs(Model):
    """`serve` leaves nothing behind."""


SERVE = Step(
    name="serve",
    image="serve",
    inputs=ServeInputs,
    outputs=ServeOutputs,
    entry="steps.serve.run:serve",
    example="--registry=./models --model-name=planes --port=8080",
    size="medium",
)
