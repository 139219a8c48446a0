"""`config/site.yaml`: what differs from one cluster to the next, checked when it is read."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from steps import __version__
from steps.contract import Duration

ROOT = Path(__file__).parents[2]
SITE = ROOT / "config" / "site.yaml"
QUANTITY = r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"


class SiteError(Exception):
    """`config/site.yaml` does not say what it must."""


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda name: name.replace("_", "-"), populate_by_name=True
    )


class Size(_Section):
    """Requests and limits of a pod."""

    cpu: str = Field(pattern=QUANTITY)
    memory: str = Field(pattern=QUANTITY)
    memory_limit: str = Field(pattern=QUANTITY)
    shared_memory: str = Field(default="", pattern=f"^$|{QUANTITY}")
    gpus: int = Field(default=0, ge=0)


class Toleration(_Section):
    """A taint that GPU pods put up with."""

    key: str = Field(pattern=r"^[A-Za-z0-9./_-]*$")
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""

    def __str__(self) -> str:
        """Return the taint in the notation of `kubectl taint`: `key:effect`, or `key=value:effect`."""
        return f"{self.key}={self.value}:{self.effect}" if self.operator == "Equal" else f"{self.key}:{self.effect}"


class Gpu(_Section):
    """How a GPU is asked for."""

    resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()

    def for_servers(self) -> dict[str, str]:
        """Return what `deploy` is told of GPUs, by the names of its inputs."""
        return {
            "gpu_resource": self.resource,
            "node_selector": ",".join(f"{name}={value}" for name, value in self.node_selector.items()),
            "tolerations": ",".join(map(str, self.tolerations)),
        }


class Retrain(_Section):
    """When to look for new data."""

    schedules: tuple[str, ...] = Field(default=("0 3 * * *",), min_length=1)
    timezone: str = "UTC"


class Site(_Section):
    """One cluster: where images come from, who pods run as, how large they are, where GPUs stand."""

    registry: str = Field(min_length=1)
    tag: str = Field(default=__version__, min_length=1)
    revision: int = Field(default=0, ge=0)
    images: dict[str, str] = {}
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    service_account: str = Field(min_length=1)
    deployer_account: str = Field(default="argosight-deployer", min_length=1)
    submitter_account: str = Field(default="argosight-submitter", min_length=1)
    store_secret: str = Field(min_length=1)
    bucket: str = Field(default="argosight", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    user: int = Field(ge=1)
    run_deadline: Duration
    keep_succeeded: Duration
    keep_failed: Duration
    sizes: dict[str, Size]
    gpu: Gpu
    retrain: Retrain = Retrain()

    @model_validator(mode="after")
    def _has_gpu_place(self) -> "Site":
        if any(size.gpus for size in self.sizes.values()) and not self.gpu.resource:
            raise ValueError("sizes ask for GPUs, and gpu.resource does not say which resource that is")
        return self

    def version(self, of_workflow: str) -> str:
        """Return the version under which a workflow is released here: `0.1.0`, or `0.1.0-r2` at revision 2."""
        return f"{of_workflow}-r{self.revision}" if self.revision else of_workflow

    def image(self, target: str) -> str:
        """Return the full name of the image built from `target` of `images/Dockerfile`."""
        return self.images.get(target, f"{self.registry}/{target}:{self.tag}")

    def url(self, prefix: str) -> str:
        """Return the URL of `prefix` in the site's bucket."""
        return f"s3://{self.bucket}/{prefix}"

    def size(self, name: str) -> Size:
        """Return the row of `sizes` called `name`.

        Raises:
            SiteError: If there is none.
        """
        if name not in self.sizes:
            raise SiteError(
                f"no size {name!r} in config/site.yaml\n  hint: add a row to `sizes`; there are {', '.join(self.sizes)}"
            )
        return self.sizes[name]


def read_site(path: Path = SITE) -> Site:
    """Read and check a site file.

    Raises:
        SiteError: If the file is absent, is no YAML, or has unknown, missing or malformed entries; it names them all.
    """
    try:
        return Site.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SiteError(f"no site file at {str(path)!r}\n  hint: config/site.yaml of the project is a start") from None
    except yaml.YAMLError as error:
        raise SiteError(f"{path}: {error}\n  hint: mend the YAML") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise SiteError(f"{path}: {faults}\n  hint: the file in the project shows every entry") from None
