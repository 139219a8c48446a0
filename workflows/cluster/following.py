"""Following a run on the cluster to its end, and telling how it ended."""

import shlex
import time
from collections.abc import Iterator
from typing import Final, Protocol

from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError, MissingError, UnreachableError
from workflows.cluster.logs import LogReader, logged_nodes
from workflows.cluster.status import has_ended, run_of
from workflows.cluster.submission import API
from workflows.local.durations import clock_text
from workflows.local.node import NodeType, Phase
from workflows.local.outline import short_name
from workflows.local.run import Run

LOOK_S: Final = 1.5
PATIENCE_S: Final = 120.0
"""How long the cluster may be out of reach before following gives up; the run does not notice."""
LAST_LINES: Final = 12
LINES_WITH_EXECUTORS: Final = 200
LOG_TRIES: Final = 4
"""A node that is busy now and then refuses the log of a container that has just ended."""
WANTED: Final = frozenset({"map50-95", "url", "verdict"})


class Observer(Protocol):
    """What shows a run."""

    def show(self, run: Run) -> None:
        """Show `run` as it is now."""


def follow(cluster: Cluster, name: str, namespace: str, observer: Observer) -> Run:
    """Show the run called `name` until it has ended, and return it.

    Raises:
        MissingError: If it is deleted meanwhile.
        UnreachableError: If the cluster is out of reach for two minutes.
    """
    last_seen = time.monotonic()
    while True:
        try:
            workflow = cluster.get(API, "Workflow", name, namespace)
        except UnreachableError:
            if time.monotonic() - last_seen > PATIENCE_S:
                raise
        else:
            last_seen = time.monotonic()
            if not workflow:
                raise MissingError(f"{name} was deleted while it ran", hint="its artifacts may still be in the bucket")
            run = run_of(workflow)
            observer.show(run)
            if has_ended(run):
                return run
        time.sleep(LOOK_S)


def summarize(cluster: Cluster, run: Run, namespace: str) -> str:
    """Return the closing words on `run`: what it published, or what went wrong and how to go on."""
    lines = [f"{run.name} {run.phase} in {clock_text(run.seconds)}"]
    if run.phase != Phase.SUCCEEDED:
        lines += _failure(cluster, run, namespace)
    told = list(_told(run))
    if told:
        width = max(len(label) for label, _ in told)
        lines += ["", *(f"  {label:<{width}}  {value}" for label, value in told)]
    return "\n".join(lines) + "\n"


def ways_on(name: str, namespace: str) -> str:
    """Say how to follow, read and stop a run that goes on in the cluster."""
    return (
        f"{name} goes on in the cluster\n"
        f"  follow:  argo -n {namespace} watch {name}\n"
        f"  logs:    argosight logs {name} --namespace={namespace} --follow\n"
        f"  stop:    argo -n {namespace} stop {name}\n"
    )


def _told(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what a person asks for first: how good the model is and where it lies, or that nothing was new."""
    for node in run.nodes.values():
        for one in node.outputs.parameters:
            if node.type is NodeType.POD and one.name in WANTED and one.value:
                yield f"{short_name(run, node).partition('(')[0]}: {one.name}", one.value


def _failure(cluster: Cluster, run: Run, namespace: str) -> Iterator[str]:
    node = run.culprit
    if not node:
        yield f"  {run.message}"
        return
    yield ""
    yield f"{short_name(run, node)} {node.phase}: {node.message}"
    yield from (f"  │ {line}" for line in _log(cluster, run.name, short_name(run, node), namespace))
    yield ""
    yield f"all of its log:  argosight logs {run.name} {shlex.quote(short_name(run, node))} --namespace={namespace}"
    yield f"go on with:      argo -n {namespace} retry {run.name}"


def _log(cluster: Cluster, run: str, node: str, namespace: str) -> list[str]:
    """Return the last lines that `node` wrote, or one that says why they cannot be read."""
    reason = ""
    with LogReader(cluster, namespace) as reader:
        for _ in range(LOG_TRIES):
            try:
                lines = _last_lines(reader, cluster, run, node, namespace)
            except MissingError as error:
                reason = error.line
                break
            except ClusterError as error:
                reason = error.line
            else:
                if lines:
                    return lines
                reason = "its pod wrote nothing"
            time.sleep(LOOK_S)
    return [f"(no log: {reason})"]


def _last_lines(reader: LogReader, cluster: Cluster, run: str, node: str, namespace: str) -> list[str]:
    workflow = cluster.get(API, "Workflow", run, namespace)
    if not workflow:
        raise MissingError(f"{run} was deleted")
    found = next((one for one in logged_nodes(workflow) if one.name == node), None)
    if not found:
        raise MissingError("it has no pod")
    return reader.read(found, reader.pods(run), tail=LINES_WITH_EXECUTORS).splitlines()[-LAST_LINES:]
