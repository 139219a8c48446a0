"""Contract of the `deploy` step."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from steps.contract import Artifact, Duration, Internal, Model, Step


class DeployInputs(Model):
    """Start the server on a version, wait until it answers, and keep its answer to a test image.

    With target `local` the server is a process beside this step, stopped again afterwards: a test that the version serves.
    """

    target: Literal["local"] = "local"
    """Where to serve."""

    registry: str = "s3://argosight/models"
    """Registry that holds the model: `s3://bucket/prefix`, or a folder."""

    model_name: str = Field(default="detector", pattern="^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")
    """Name of the model in the registry."""

    version: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Version to serve. 0: the latest."""

    ready_timeout: Annotated[Duration, Internal()] = "2m"
    """Longest time until the server must be ready."""


class DeployOutputs(Model):
    """What `deploy` leaves behind."""

    answer: Annotated[Path, Artifact()]
    """`answer.json`, the server's answer to the golden image, `picture.jpg`, the image with the boxes the server drew, and `server.log`."""

    version: Annotated[int, Internal()] = Field(ge=1)
    """The version that answered."""

    latency_ms: float = Field(ge=0)
    """Median time of one request over HTTP, milliseconds."""


DEPLOY = Step(
    name="deploy",
    image="serve",
    inputs=DeployInputs,
    outputs=DeployOutputs,
    entry="steps.deploy.run:deploy",
    example="--registry=./models --model-name=planes",
)
