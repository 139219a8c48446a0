"""Contract of the `deploy` step."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from steps.contract import MODELS, Artifact, Duration, Internal, Model, Step

NAME = "^[a-z]([a-z0-9-]{0,51}[a-z0-9])?$"
QUANTITY = r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"

_TAINT = r"[A-Za-z0-9./_-]*(=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)?"
TAINTS = f"^$|^{_TAINT}(,{_TAINT})*$"


class DeployInputs(Model):
    """Serve a version, wait until it answers a test image as it should, and keep that answer.

    With `local` the server is a process beside this step, stopped again afterwards: a test that the version serves.
    With `deployment` and `kserve` it is left running in the cluster. If the version does not answer there, what served
    before is put back and the step fails with the reason.
    """

    deploy_target: Literal["local", "deployment", "kserve"] = "local"
    """Where to serve: a test beside the step, a Kubernetes Deployment and Service, or a KServe InferenceService."""

    kserve_mode: Literal["Standard", "Knative"] = "Standard"
    """With KServe: plain pods and a horizontal autoscaler, or Knative, which can scale to zero and split traffic."""

    min_replicas: int = Field(default=1, ge=0, le=1000)
    """Fewest servers. 0 scales to zero, in KServe's Knative mode only."""

    max_replicas: int = Field(default=0, ge=0, le=1000)
    """Most servers; more than the fewest switches autoscaling on. 0: as many as the fewest, or 1."""

    serving_gpus: int = Field(default=0, ge=0, le=16)
    """GPUs of each server."""

    canary: int = Field(default=0, ge=0, le=99)
    """Percent of the requests for this version, while the one before keeps the rest. 0: all. Not in KServe's Standard mode, which splits for its own runtimes only."""

    registry: Annotated[str, MODELS] = ""
    """Registry that holds the model: `s3://bucket/prefix`, or a folder. Empty: that of the last deployment, where its settings are kept."""

    model_name: str = Field(default="detector", pattern="^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")
    """Name of the model in the registry."""

    version: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Version to serve. 0: the latest; with `change=rollback` the one before."""

    change: Annotated[Literal["deploy", "promote", "rollback"], Internal()] = "deploy"
    """`promote` lets the canary have all requests; `rollback` goes back to an earlier version, in the registry too. Both keep the settings, and refuse others."""

    keep_settings: Annotated[bool, Internal()] = False
    """Take what is not given from the last deployment under this name, where there is one."""

    first_registry: Annotated[str, Internal()] = ""
    """With `keep-settings`, the registry where nothing was deployed under this name yet."""

    reason: Annotated[str, Internal()] = ""
    """With `change=rollback`, why: it is kept in the registry."""

    service: str = Field(default="", pattern=f"^$|{NAME}")
    """Name of what is made in the cluster. Empty: the model's, with dashes for dots and underscores."""

    namespace: Annotated[str, Internal()] = Field(default="", pattern=f"^$|{NAME}")
    """Namespace. Empty: that of this pod, or of the kubeconfig's context."""

    image: Annotated[str, Internal()] = "argosight/serve:latest"
    """Image of the server."""

    service_account: Annotated[str, Internal()] = ""
    """Service account of the servers. They need no rights; KServe's storage initializer finds its keys by it."""

    store_secret: Annotated[str, Internal()] = "argosight-store"  # noqa: S105  (a name)
    """Secret with the store's endpoint and keys as AWS variables. It may be absent where pods have a role."""

    model_source: Annotated[Literal["direct", "storage-initializer"], Internal()] = "direct"
    """Who fetches the model: the server itself, or KServe's storage initializer, from `STORAGE_URI` to /mnt/models."""

    scale_metric: Annotated[Literal["auto", "cpu", "memory", "concurrency", "rps"], Internal()] = "auto"
    """What autoscaling looks at. `auto`: cpu; in Knative mode concurrency."""

    scale_target: Annotated[int, Internal()] = Field(default=0, ge=0)
    """Where autoscaling holds it: percent of the request for cpu and memory, else requests a server. 0: 70 for cpu, 80 for memory, 4 requests."""

    cpu: Annotated[str, Internal()] = Field(default="500m", pattern=QUANTITY)
    """CPU that each server asks for."""

    memory: Annotated[str, Internal()] = Field(default="512Mi", pattern=QUANTITY)
    """Memory that each server asks for."""

    memory_limit: Annotated[str, Internal()] = Field(default="2Gi", pattern=QUANTITY)
    """Memory that each server may have."""

    gpu_resource: Annotated[str, Internal()] = "nvidia.com/gpu"
    """Resource that a GPU is asked for as."""

    node_selector: Annotated[str, Internal()] = Field(default="", pattern=r"^$|^[^=,]+=[^=,]*(,[^=,]+=[^=,]*)*$")
    """Labels of the nodes for servers with a GPU: `label=value,label=value`."""

    tolerations: Annotated[str, Internal()] = Field(default="nvidia.com/gpu:NoSchedule", pattern=TAINTS)
    """Taints that servers with a GPU tolerate: `key:effect` whatever the value, or `key=value:effect`; comma-separated, no effect means every one."""

    server_flags: Annotated[str, Internal()] = ""
    """More flags for the server, as on a command line: `--max-batch=4 --capture=s3://bucket/capture --capture-random=0.01`."""

    ready_timeout: Duration = "5m"
    """Longest time until the version must answer."""


class DeployOutputs(Model):
    """What `deploy` leaves behind."""

    answer: Annotated[Path, Artifact()]
    """`answer.json`, the answer to the golden image, `picture.jpg`, the image with the boxes drawn; `server.log` or `manifests.yaml`."""

    version: Annotated[int, Internal()] = Field(ge=1)
    """The version that answered."""

    latency_ms: float = Field(ge=0)
    """Median time of one request over HTTP, milliseconds."""

    url: str
    """Where the service is reached in the cluster; empty where it was a test."""


DEPLOY = Step(
    name="deploy",
    image="serve",
    inputs=DeployInputs,
    outputs=DeployOutputs,
    entry="steps.deploy.run:deploy",
    example="--registry=./models --model-name=planes",
    refuse="steps.deploy.cluster.settings:check_run",
)
