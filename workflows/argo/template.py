"""Turn a step's contract into an Argo container template. Every name in it comes from the contract."""

from pathlib import PurePosixPath
from typing import Any, Final

from hera.workflows import Artifact, Container, EmptyDirVolume, Env, Parameter, Resources, RetryStrategy, S3Artifact
from hera.workflows import models as m
from hera.workflows.archive import NoneArchiveStrategy, TarArchiveStrategy
from pydantic.fields import FieldInfo

from steps.contract import CACHE, REUSE, Step, artifact_mark, as_text, choices, describe, site_default, split_fields
from steps.errors import TemporaryError
from workflows.argo.site import Site, Size

WORK: Final = PurePosixPath("/work")
DESCRIPTION: Final = "workflows.argoproj.io/description"
RUN_KEY: Final = "runs/{{workflow.name}}"
RECORDS_KEY: Final = f"{RUN_KEY}/records"
RETRY: Final = " || ".join(
    (
        f"lastRetry.exitCode == '{TemporaryError.exit_code}'",
        "lastRetry.status == 'Error'",
        "lastRetry.exitCode == '-1'",
        "lastRetry.exitCode == '143'",
        "lastRetry.exitCode == '137' && lastRetry.message != 'main: OOMKilled (exit code 137)'",
    )
)
"""Try again what said so itself (75), and what lost its pod. The latter are, on Argo 4.0 and 4.1: Error (deleted, drained, or an
artifact did not come through), no exit code (evicted before it ran), 143 (its node shut down) and 137 (evicted by the
kubelet; but memory that ran out would run out again). Wrong input (2) and bugs (1) stay as they are."""


def artifact_key(step: Step[Any, Any], name: str) -> str:
    """Return the key under which `step` keeps its output artifact `name`: `runs/RUN/train/checkpoint.tgz`.

    Keyed by step, not by template or pod, so that the exit handler finds it however the run went.
    """
    return f"{RUN_KEY}/{step.name}/{name}.{_file(step, name) or 'tgz'}"


def build_template(
    step: Step[Any, Any],
    site: Site,
    *,
    name: str = "",
    size: str = "",
    timeout: str | None = None,
    reuse: str = "",
    account: str = "",
) -> Container:
    """Build the container template of `step`.

    Args:
        step: The contract.
        site: The cluster it is for.
        name: Name of the template, where a step has several; the step's own otherwise.
        size: Row of `sizes` in the site file; the contract's own otherwise.
        timeout: Longest time from creation of the pod to its end, waiting for a node included. Such a template is
            not tried again: below a retry, Argo no longer looks at how long a pod is Pending.
        reuse: Tag of the parameter that says whether earlier results may stand in. Empty: none are kept.
        account: Service account of its pods; the workflow's otherwise.
    """
    row = site.size(size or step.size)
    parameters, artifacts = split_fields(step.inputs)
    out_parameters, out_artifacts = split_fields(step.outputs)
    return Container(
        name=name or step.name,
        annotations={DESCRIPTION: step.summary},
        image=site.image(step.image),
        image_pull_policy=site.pull_policy,
        command=["python", "-m", "steps", step.name],
        args=[f"--{flag}={{{{inputs.parameters.{flag}}}}}" for flag in parameters],
        # XDG folders rather than HOME: libraries write their settings there, while a user's AWS profile stays in reach.
        env=[
            Env(name="STEP_WORK", value=str(WORK)),
            Env(name="XDG_CONFIG_HOME", value=str(WORK / ".config")),
            Env(name="XDG_CACHE_HOME", value=str(WORK / ".cache")),
            *_reuse(step, site, reuse),
        ],
        env_from=[m.EnvFromSource(secret_ref=m.SecretEnvSource(name=site.store_secret, optional=True))],
        inputs=[
            *(_parameter(flag, field, site, "default") for flag, field in parameters.items()),
            *(Artifact(name=n, path=str(WORK / "in" / n), optional=_optional(field)) for n, field in artifacts.items()),
        ],
        outputs=[
            *(
                Parameter(name=n, description=describe(f), value_from=m.ValueFrom(path=str(WORK / "out" / n)))
                for n, f in out_parameters.items()
            ),
            # First of the artifacts, and optional, as is evidence: it is there after a failure too, when the others are not.
            S3Artifact(
                name="record",
                path=str(WORK / "record.json"),
                key=f"{RECORDS_KEY}/{step.name}.json",
                archive=NoneArchiveStrategy(),
                optional=True,
            ),
            *(_output_artifact(step, n) for n in sorted(out_artifacts, key=lambda n: not _evidence(out_artifacts[n]))),
        ],
        service_account_name=account or None,
        retry_strategy=None if timeout else _retry(),
        resources=_resources(row, site),
        volumes=_volumes(row),
        node_selector=site.gpu.node_selector or None if row.gpus else None,
        tolerations=_tolerations(site) if row.gpus else None,
        security_context=m.SecurityContext(allow_privilege_escalation=False, capabilities=m.Capabilities(drop=["ALL"])),
        timeout=timeout,
    )


def submission_parameter(name: str, field: FieldInfo, site: Site) -> Parameter:
    """Offer a field at submission. Without a default there is no value: Argo asks for one."""
    return _parameter(name, field, site, "value")


def default_of(field: FieldInfo, site: Site) -> str | None:
    """Return the default that `field` has at `site`, as text; None where it must be given."""
    mark = site_default(field)
    if mark:
        return site.url(mark.prefix)
    return None if field.is_required() else as_text(field.default)


def _parameter(name: str, field: FieldInfo, site: Site, default_key: str) -> Parameter:
    default = default_of(field, site)
    given: dict[str, Any] = {} if default is None else {default_key: default}
    return Parameter(name=name, description=describe(field), enum=choices(field), **given)


def _optional(field: FieldInfo) -> bool | None:
    mark = artifact_mark(field)
    return True if mark and (mark.optional or mark.evidence) else None


def _evidence(field: FieldInfo) -> bool:
    mark = artifact_mark(field)
    return mark is not None and mark.evidence


def _output_artifact(step: Step[Any, Any], name: str) -> S3Artifact:
    return S3Artifact(
        name=name,
        path=str(WORK / "out" / name),
        key=artifact_key(step, name),
        # Images do not compress: level 0 is many times faster than the default.
        archive=NoneArchiveStrategy() if _file(step, name) else TarArchiveStrategy(compression_level=0),
        optional=_optional(step.outputs.model_fields[name.replace("-", "_")]),
    )


def _file(step: Step[Any, Any], name: str) -> str:
    mark = artifact_mark(step.outputs.model_fields[name.replace("-", "_")])
    return mark.file if mark else ""


def _retry() -> RetryStrategy:
    return RetryStrategy(limit=4, expression=RETRY, backoff=m.Backoff(duration="10s", factor=m.IntOrString(root=2)))


def _reuse(step: Step[Any, Any], site: Site, reuse: str) -> list[Env]:
    if not step.reuse or not reuse:
        return []
    return [Env(name=CACHE, value=site.url("cache")), Env(name=REUSE, value=reuse)]


def _resources(row: Size, site: Site) -> Resources:
    return Resources(
        cpu_request=row.cpu,
        memory_request=row.memory,
        memory_limit=row.memory_limit,
        gpus=row.gpus or None,
        gpu_flag=site.gpu.resource,
    )


def _volumes(row: Size) -> list[EmptyDirVolume]:
    # On a volume, because Argo compresses whatever lies in the container's own layer at full effort.
    volumes = [EmptyDirVolume(name="work", mount_path=str(WORK))]
    if row.shared_memory:
        limit = m.Quantity(root=row.shared_memory)
        volumes.append(EmptyDirVolume(name="shm", mount_path="/dev/shm", medium="Memory", size_limit=limit))  # noqa: S108
    return volumes


def _tolerations(site: Site) -> list[m.Toleration]:
    return [
        m.Toleration(key=t.key, operator=t.operator, value=t.value or None, effect=t.effect or None)
        for t in site.gpu.tolerations
    ]
