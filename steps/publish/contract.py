"""Contract of the `publish` step."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from steps.contract import MODELS, Artifact, Internal, Model, Step


class PublishInputs(Model):
    """Give the model the next version number in the registry, with its lineage, and move `latest` to it.

    `model.json` and `version.json` carry what `evaluate` chose to serve it with, and the golden answer is given with that.
    Two publishers never share a number, and `latest` names a complete, verified version at every moment.
    """

    model: Annotated[Path, Artifact()]
    """Model folder, as `export` wrote it."""

    metrics: Annotated[Path, Artifact()]
    """Metrics folder, as `evaluate` wrote it."""

    checkpoint: Annotated[Path, Artifact()]
    """Checkpoint folder; it goes into the version's results archive."""

    registry: Annotated[str, MODELS] = Field(min_length=1)
    """Where versions are kept: `s3://bucket/prefix`, or a folder."""

    model_name: str = Field(default="detector", pattern="^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")
    """Name of the model in the registry: lower-case letters, digits, `.`, `_` and `-`."""

    data_digest: Annotated[str, Internal()] = ""
    """Digest of the data set it was trained on, for the lineage."""

    listing: Annotated[str, Internal()] = ""
    """Digest of the source's listing when it was fetched, for the lineage: `retrain` looks whether it changed."""

    source: Annotated[str, Internal()] = ""
    """Source of the data set, for the lineage."""

    run: Annotated[str, Internal()] = ""
    """Name of the run, for the lineage."""

    parameters: Annotated[str, Internal()] = "{}"
    """All parameters of the run as JSON, for the lineage."""


class PublishOutputs(Model):
    """What `publish` leaves behind."""

    published: Annotated[Path, Artifact(file="json")]
    """`published.json`: name, version, URL, lineage, defaults and the version that `latest` named before."""

    version: int = Field(ge=1)
    """The new version."""

    url: str
    """Where it lies: `REGISTRY/NAME/VERSION`."""


PUBLISH = Step(
    name="publish",
    image="core",
    inputs=PublishInputs,
    outputs=PublishOutputs,
    entry="steps.publish.run:publish",
    example="--model=work/out/model --metrics=metrics --checkpoint=checkpoint --registry=./models --model-name=planes",
)
