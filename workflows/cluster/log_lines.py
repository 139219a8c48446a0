"""The lines that a run on the cluster writes, node by node, as they come."""

import time
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError, MissingError
from workflows.cluster.logs import LoggedNode, LogReader, logged_nodes
from workflows.cluster.status import has_ended, run_of
from workflows.cluster.submission import API
from workflows.local.home import LATEST
from workflows.local.outline import nodes_named

POLL_INTERVAL_S: Final = 1.5


class LogLine(NamedTuple):
    """A line and the node that wrote it; `missing` says that it is not of the log but why there is none."""

    node: str
    text: str
    missing: bool = False


def find_workflow(cluster: Cluster, text: str, namespace: str) -> dict[str, Any]:
    """Return the Workflow that `text` names: in full, by a unique beginning, or `latest`.

    Raises:
        MissingError: If there is none, or more than one.
    """
    found = cluster.get(API, "Workflow", text, namespace) if text != LATEST else None
    if found:
        return found
    created = {
        str(one["metadata"]["name"]): (str(one["metadata"]["creationTimestamp"]), dict(one))
        for one in cluster.list(API, "Workflow", namespace)
    }
    if not created:
        raise MissingError(f"no runs in {namespace}", hint="start one: argosight submit train-detector --help")
    if text == LATEST:
        return max(created.values(), key=lambda one: one[0])[1]
    fitting = [name for name in created if name.startswith(text)]
    if len(fitting) == 1:
        return created[fitting[0]][1]
    if fitting:
        raise MissingError(f"{text!r} is the beginning of {len(fitting)} runs: {', '.join(sorted(fitting)[:5])}")
    close = get_close_matches(text, created, n=1)
    raise MissingError(
        f"no run {text!r} in {namespace}",
        hint=f"did you mean {close[0]}?"
        if close
        else "a Workflow is deleted some days after its end; its logs stay in the bucket under runs/RUN/logs/",
    )


def read_lines(
    cluster: Cluster, name: str, namespace: str, *, wanted: str = "", follow: bool = False
) -> Iterator[LogLine]:
    """Yield what the nodes of the run wrote, the earliest node first, and with `follow` what they go on to write.

    Args:
        cluster: Where the run is.
        name: Its name.
        namespace: Where.
        wanted: The nodes to read, as `nodes_named` takes it; empty for all.
        follow: Go on until the run, or what is `wanted` of it, has ended.

    Raises:
        MissingError: If there is no such run, or no such node in it and it is not followed.
    """
    shown: dict[str, int] = {}
    done: set[str] = set()
    with LogReader(cluster, namespace) as reader:
        while True:
            workflow = cluster.get(API, "Workflow", name, namespace)
            if not workflow:
                raise MissingError(f"{name} was deleted")
            nodes = _chosen(workflow, wanted, follow=follow)
            run = run_of(workflow)
            settled = wanted and nodes and run.are_settled([node.node for node in nodes])
            ended = not follow or has_ended(run) or settled
            pods = reader.pods(name)
            for node in nodes:
                if node.id not in done:
                    yield from _new_lines(reader, node, pods, shown, done, last_look=bool(ended))
            if ended:
                return
            time.sleep(POLL_INTERVAL_S)


def _chosen(workflow: Mapping[str, Any], wanted: str, *, follow: bool) -> list[LoggedNode]:
    nodes = logged_nodes(workflow)
    if not wanted:
        return nodes
    names = [node.name for node in nodes]
    fitting = nodes_named(names, wanted)
    if not fitting and not follow:
        close = get_close_matches(wanted, names, n=1)
        raise MissingError(
            f"no node {wanted!r} with a log in {workflow['metadata']['name']}",
            hint=f"did you mean {close[0]}?" if close else f"nodes are {', '.join(names) or 'none yet'}",
        )
    return [node for node in nodes if node.name in fitting]


def _new_lines(
    reader: LogReader,
    node: LoggedNode,
    pods: Mapping[str, str],
    shown: dict[str, int],
    done: set[str],
    *,
    last_look: bool,
) -> Iterator[LogLine]:
    """Yield the lines of `node` that have not been `shown`, only whole ones while it runs, and note when it is `done`."""
    try:
        text = reader.read(node, pods)
    except ClusterError as error:
        # A container that has just been made, or has just ended, is refused for a moment.
        if last_look:
            yield LogLine(node.name, f"(no log: {error.line})", missing=True)
        return
    whole = text if node.node.phase.fulfilled or last_look else text[: text.rfind("\n") + 1]
    lines = whole.splitlines()
    for line in lines[shown.get(node.id, 0) :]:
        yield LogLine(node.name, line)
    shown[node.id] = len(lines)
    if node.node.phase.fulfilled:
        done.add(node.id)
