"""A pod's emptyDir mounts as folders of the node: the paths that a template spells are rewritten to them."""

import re
from collections.abc import Iterable
from pathlib import Path

from workflows.local.template import Container, Template, Volume
from workflows.local.values import Artifact, Parameter

HOST_MOUNTS = ("/dev/shm",)  # noqa: S108  (not a temporary file: processes have the host's own shared memory)
KEPT = "state"
"""Folder at the top of a mount that outlives a failed attempt, so that a step can go on where it was."""


def mount_folders(template: Template, volumes: Iterable[Volume], node_folder: Path) -> dict[str, Path]:
    """Return the folder that stands for each mount path of `template`, under `node_folder`."""
    if not template.process:
        return {}
    known = {volume.name for volume in [*volumes, *template.volumes]}
    return {
        mount.mount_path.rstrip("/"): node_folder / mount.name
        for mount in template.process.volume_mounts
        if mount.name in known and mount.mount_path.rstrip("/") not in HOST_MOUNTS
    }


def covers(mount_paths: Iterable[str], path: str) -> bool:
    """Tell whether `path` lies on one of `mount_paths`."""
    return any(path == mount or path.startswith(f"{mount}/") for mount in mount_paths)


def relocate(template: Template, folders: dict[str, Path]) -> Template:
    """Return `template` with mount paths rewritten where it spells them itself.

    Tags are still tags then, so the values of parameters are never touched.
    """
    if not folders or not template.process:
        return template
    longest_first = sorted(folders, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, longest_first))})(?=/|[^\w.-]|$)")

    def move(text: str) -> str:
        return pattern.sub(lambda found: str(folders[found[1]]), text)

    def move_artifact(artifact: Artifact) -> Artifact:
        return artifact.model_copy(update={"path": move(artifact.path)}) if artifact.path else artifact

    def move_parameter(parameter: Parameter) -> Parameter:
        source = parameter.value_from
        if not source or not source.path:
            return parameter
        return parameter.model_copy(update={"value_from": source.model_copy(update={"path": move(source.path)})})

    process: Container = template.process.model_copy(
        update={
            "command": [move(word) for word in template.process.command],
            "args": [move(word) for word in template.process.args],
            "env": [one.model_copy(update={"value": move(one.value)}) for one in template.process.env],
            "working_dir": move(template.process.working_dir) if template.process.working_dir else None,
        }
    )
    if template.script:
        process = process.model_copy(update={"source": move(template.script.source)})
    inputs, outputs = template.inputs, template.outputs
    return template.model_copy(
        update={
            template.kind: process,
            "inputs": inputs.model_copy(update={"artifacts": [move_artifact(one) for one in inputs.artifacts]}),
            "outputs": outputs.model_copy(
                update={
                    "artifacts": [move_artifact(one) for one in outputs.artifacts],
                    "parameters": [move_parameter(one) for one in outputs.parameters],
                }
            ),
        }
    )
