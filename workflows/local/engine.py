"""Run a rendered manifest in processes of this machine, to the end."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workflows.local.checks import check
from workflows.local.durations import now
from workflows.local.errors import RunLookupError
from workflows.local.home import Home
from workflows.local.loop import Loop, Observer
from workflows.local.machine import GpuNode, Machine
from workflows.local.manifest import bundle, load
from workflows.local.node import NodeType, Phase
from workflows.local.pods import Pods
from workflows.local.process import end_leftover
from workflows.local.replay import refuse_settled
from workflows.local.run import MANIFEST, Run, lend_run, load_run
from workflows.local.submission import fill


def run_workflow(
    manifest: Path,
    parameters: Mapping[str, str],
    home: Path,
    *,
    name: str = "",
    working_folder: Path | None = None,
    observer: Observer | None = None,
    gpu_node: GpuNode | None = None,
) -> Run:
    """Run the workflow in the file `manifest` and return its final state.

    Args:
        manifest: A rendered ClusterWorkflowTemplate, WorkflowTemplate or Workflow.
        parameters: Values for its parameters; what is missing keeps its default.
        home: Folder of all runs. It gets `runs/`, `objects/` and `buckets/`.
        name: Name of the run; generated if empty.
        working_folder: Where relative paths in parameters start; the current folder if None.
        observer: Is shown the run while it goes on.
        gpu_node: What the manifest calls a node with GPUs; Kubernetes' usual name of the resource, and no label, if None.

    Raises:
        ManifestError: If the manifest asks for what a local run does not offer.
        SubmissionError: If a parameter is unknown, missing or has a value that it must not have.
    """
    loaded = load(manifest)
    check(loaded)
    values = fill(loaded, parameters)
    place = Home(home.absolute())
    text = bundle(manifest)
    folder = place.create(loaded.prefix, name)
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    run = Run(
        name=folder.name,
        workflow=loaded.metadata.name or loaded.prefix.rstrip("-"),
        uid=str(uuid.uuid4()),
        parameters=values,
        working_folder=str((working_folder or Path.cwd()).absolute()),
    )
    run.save(folder)
    with _own(place, run):
        return Loop(loaded, run, Pods(place, run, loaded, kept={}, gpu_node=gpu_node), folder, observer).finish()


def retry_workflow(
    folder: Path,
    changes: Mapping[str, str] | None = None,
    *,
    observer: Observer | None = None,
    gpu_node: GpuNode | None = None,
) -> Run:
    """Go on with the run in `folder`: successes with unchanged inputs are kept, everything else is done again.

    A node that failed or was interrupted starts in the folder it had, where the `state/` of its step still is.

    Args:
        folder: Folder of the run.
        changes: New values for parameters that no finished node has read.
        observer: Is shown the run while it goes on.
        gpu_node: As in `run_workflow`.

    Raises:
        RunLookupError: If the run is going on, or has succeeded.
        SubmissionError: If a change is unknown, has a value that it must not have, or comes too late.
    """
    place = Home(folder.absolute().parent.parent)
    run = load_run(folder)
    with _own(place, run):
        run = load_run(folder)
        if run.phase == Phase.SUCCEEDED:
            raise RunLookupError(f"run {run.name} has succeeded", hint="start another with `argosight run`")
        manifest = load(folder / MANIFEST)
        values = fill(manifest, {**run.parameters, **(changes or {})})
        kept = {
            node.folder: node
            for node in run.nodes.values()
            if node.type is NodeType.POD and node.phase is Phase.SUCCEEDED and ".onExit" not in node.name
        }
        pods = Pods(place, run, manifest, kept=kept, gpu_node=gpu_node)
        refuse_settled(manifest, run, pods, changes or {})
        for node in run.nodes.values():
            end_leftover(node.pid, node.birth)
        run.parameters = values
        run.nodes, run.attempt, run.phase, run.message = {}, run.attempt + 1, Phase.PENDING, ""
        run.started, run.finished = now(), None
        return Loop(manifest, run, pods, folder, observer).finish()


@contextmanager
def _own(home: Home, run: Run) -> Iterator[None]:
    """Hold the right to change `run`, which one engine at a time has."""
    loan = lend_run(Machine(home.locks), run.name)
    if not loan:
        raise RunLookupError(f"run {run.name} is going on", hint=f"watch it with `argosight logs {run.name} -f`")
    try:
        yield
    finally:
        loan.release()
