"""Contract of the `watch` step."""

from typing import Annotated

from pydantic import Field

from steps.contract import DATASETS, MODELS, Model, Step


class WatchInputs(Model):
    """Find data sets in a bucket that no version of their model was trained on.

    What lies directly below `datasets` are data sets: `NAME.zip`, `NAME.tar`, `NAME.tar.gz` and `NAME.tgz`, or loose
    files in `NAME/`. NAME is also the model's name. The listing (key, size and ETag) is compared with the one
    that the lineage of each version remembers, whether or not `latest` names it: what was rolled back is not trained
    again on the same data. No clock is asked, and nothing is downloaded.
    """

    datasets: Annotated[str, DATASETS] = Field(pattern="^s3://")
    """Prefix that holds the data sets: `s3://bucket/prefix`."""

    source: str = ""
    """One data set below `datasets` to look at, such as `s3://bucket/datasets/planes.zip`. Empty: all."""

    registry: Annotated[str, MODELS] = Field(min_length=1)
    """Where versions are kept: `s3://bucket/prefix`."""

    parameters: str = "{}"
    """Parameters for the trainings as a JSON object, such as `{"epochs": 20}`. They go before those of the version that `latest` names, which are used again."""


class WatchOutputs(Model):
    """What `watch` found."""

    trainings: str
    """Trainings to start, as a JSON list of objects: `name` of the data set, `run` and `parameters`. Empty list: nothing is new."""

    count: int = Field(ge=0)
    """How many these are."""

    verdict: str
    """What was found of each data set, in a sentence each."""


WATCH = Step(
    name="watch",
    image="core",
    inputs=WatchInputs,
    outputs=WatchOutputs,
    entry="steps.watch.run:watch",
    example="--datasets=s3://bucket/datasets --registry=s3://bucket/models",
)
