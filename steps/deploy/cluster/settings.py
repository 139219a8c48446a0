"""What is wished for, checked: combinations that a target cannot do are refused before anything is touched."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from steps.deploy.contract import DeployInputs
from steps.deploy.server_flags import ServerFlags
from steps.errors import ParameterError

PART: Final = "argosight-server"
INSTANCE: Final = "app.kubernetes.io/instance"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MODEL, VERSION, TRACK, DEPLOYED = (f"argosight.dev/{name}" for name in ("model", "model-version", "track", "deployed"))
STABLE, CANARY = "stable", "canary"

PORT: Final = 8080
"""Where a server listens for HTTP."""

METRICS: Final = {
    "deployment": ("cpu", "memory"),
    "Standard": ("cpu", "memory"),
    "Knative": ("concurrency", "rps"),
}
TARGETS: Final = {"cpu": 70, "memory": 80, "concurrency": 4, "rps": 4}


@dataclass(frozen=True, slots=True)
class Settings:
    """One version, and how it is to be served in a cluster.

    Attributes:
        inputs: What was asked for.
        version: Number of the version.
        url: Where the version lies, `s3://…`.
    """

    inputs: DeployInputs
    version: int
    url: str

    @property
    def name(self) -> str:
        """Name of the service."""
        return service_name(self.inputs)

    @property
    def mode(self) -> str:
        """`deployment`, or KServe's mode."""
        return self.inputs.kserve_mode if self.inputs.deploy_target == "kserve" else self.inputs.deploy_target

    @property
    def metric(self) -> str:
        """What autoscaling looks at."""
        wished = self.inputs.scale_metric
        return METRICS[self.mode][0] if wished == "auto" else wished

    @property
    def scale_target(self) -> int:
        """Where autoscaling holds the metric."""
        return self.inputs.scale_target or TARGETS[self.metric]

    @property
    def scales(self) -> bool:
        """Whether the number of servers changes by itself."""
        return self.max_replicas > self.inputs.min_replicas

    @property
    def max_replicas(self) -> int:
        """Most servers."""
        return self.inputs.max_replicas or max(1, self.inputs.min_replicas)

    @property
    def flags(self) -> ServerFlags:
        """More flags for the server."""
        return ServerFlags.read(self.inputs.server_flags)

    def labels(self, track: str) -> dict[str, str]:
        """Return the labels of what serves this version."""
        return {
            "app.kubernetes.io/name": PART,
            INSTANCE: self.name,
            MANAGED_BY: "argosight",
            MODEL: self.inputs.model_name,
            VERSION: str(self.version),
            TRACK: track,
        }


def service_name(inputs: DeployInputs) -> str:
    """Return the name of what is made in the cluster.

    Raises:
        ParameterError: If the model's name makes none.
    """
    name = inputs.service or re.sub(r"[^a-z0-9-]", "-", inputs.model_name)
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,51}[a-z0-9])?", name):
        raise ParameterError(
            f"{name!r} cannot name a service in Kubernetes",
            hint="give one with --service: at most 53 small letters, digits and dashes, a letter first",
        )
    return name


def check_run(inputs: DeployInputs) -> None:
    """Refuse what a test beside the step, or the target in the cluster, cannot do.

    Raises:
        ParameterError: With what was asked for, and what can be had.
    """
    if inputs.deploy_target != "local":
        check(inputs)
    elif inputs.canary:
        raise ParameterError(
            f"--canary={inputs.canary}: a test has no requests to share",
            hint="use --deploy-target=deployment or kserve",
        )


def check(inputs: DeployInputs) -> None:
    """Refuse what the target cannot do.

    Raises:
        ParameterError: With what was asked for, and what can be had.
    """
    service_name(inputs)
    mode = inputs.kserve_mode if inputs.deploy_target == "kserve" else "deployment"
    if not inputs.registry.startswith("s3://"):
        raise ParameterError(
            f"--registry={inputs.registry}: servers in the cluster cannot read a folder of this machine",
            hint="publish to a bucket, s3://bucket/prefix, that the cluster reaches",
        )
    if 0 < inputs.max_replicas < inputs.min_replicas:
        raise ParameterError(
            f"--min-replicas={inputs.min_replicas} is more than --max-replicas={inputs.max_replicas}",
            hint="leave the second out, or give as many",
        )
    if not inputs.min_replicas and mode != "Knative":
        raise ParameterError(
            f"--min-replicas=0: {_spoken(mode)} keeps at least one server",
            hint="use --deploy-target=kserve --kserve-mode=Knative, or --min-replicas=1",
        )
    if inputs.canary and mode == "Standard":
        # KServe 0.20 refuses `spec.canary` beside a container of one's own; it is for models with a ServingRuntime.
        raise ParameterError(
            f"--canary={inputs.canary}: KServe's Standard mode splits requests for its own runtimes only, not for ours",
            hint="use --deploy-target=deployment, or --kserve-mode=Knative",
        )
    if inputs.scale_metric not in ("auto", *METRICS[mode]):
        raise ParameterError(
            f"--scale-metric={inputs.scale_metric}: {_spoken(mode)} scales by {' or '.join(METRICS[mode])}",
            hint="concurrency and rps are counted in KServe's Knative mode only",
        )
    if inputs.model_source == "storage-initializer" and inputs.deploy_target != "kserve":
        raise ParameterError(
            "--model-source=storage-initializer: only KServe has one", hint="use --model-source=direct"
        )
    _check_grpc(ServerFlags.read(inputs.server_flags).grpc_port, mode)


def _check_grpc(port: int, mode: str) -> None:
    if port in (0, PORT):
        raise ParameterError(
            f"--server-flags=--grpc-port={port}: in the cluster gRPC needs a port of its own that is known",
            hint="such as --grpc-port=8081",
        )
    if port > 0 and mode == "Knative":
        raise ParameterError(
            f"--server-flags=--grpc-port={port}: Knative opens one port of a server, and that is HTTP's",
            hint="use --kserve-mode=Standard, or --deploy-target=deployment",
        )


def digest_of(document: Any) -> str:
    """Return ten letters that change when `document` does."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:10]


def _spoken(mode: str) -> str:
    return "a Deployment" if mode == "deployment" else f"KServe's {mode} mode"
