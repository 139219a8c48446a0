"""Collecting what a process left: its outputs, also after a failure, and what is missing."""

from pathlib import Path

from workflows.local.repository import Repository
from workflows.local.values import Artifact, Outputs, Parameter


def collect(declared: Outputs, repository: Repository, default_key: str, *, move: bool) -> tuple[Outputs, list[str]]:
    """Store the outputs that are `declared` and there; return them, and a line for each that should be there.

    Artifacts without a key of their own are shown under `default_key`. With `move`, files are not kept where they were.
    """
    faults: list[str] = []
    parameters: list[Parameter] = []
    for parameter in declared.parameters:
        value = _read_parameter(parameter)
        if value is None:
            faults.append(f"output parameter {parameter.name!r} was not written")
        else:
            parameters.append(parameter.model_copy(update={"value": value, "value_from": None}))
    artifacts: list[Artifact] = []
    paths = [Path(one.path or "") for one in declared.artifacts]
    for artifact, path in zip(declared.artifacts, paths, strict=True):
        if artifact.path and path.exists():
            alone = not any(other is not path and _overlap(path, other) for other in paths)
            artifacts.append(repository.store(path, artifact, f"{default_key}/{artifact.name}", move=move and alone))
        elif not artifact.optional:
            faults.append(f"output artifact {artifact.name!r} was not written")
    return Outputs(parameters=parameters, artifacts=artifacts), faults


def _read_parameter(parameter: Parameter) -> str | None:
    source = parameter.value_from
    if not source or not source.path:
        return parameter.value
    try:
        return Path(source.path).read_bytes().decode().removesuffix("\n")
    except OSError:
        return source.default


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
