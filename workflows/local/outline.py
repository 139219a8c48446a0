"""A run as a tree of lines: what a person sees of its nodes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflows.local.node import Node, NodeType, Phase
from workflows.local.run import Run

HIDDEN = {NodeType.STEP_GROUP}
TRY = re.compile(r"\(\d+\)$")
"""What Argo adds to the name of a node that is one try of several."""


@dataclass(frozen=True, slots=True)
class Line:
    """One node: how deep it is, and what to say of it."""

    depth: int
    node: Node
    label: str
    tries: int = 1


def outline(run: Run) -> Iterator[Line]:
    """Yield a line for each node that means something to a person, callers before what they called."""
    children: dict[str, list[Node]] = {}
    for node in run.nodes.values():
        parent = _parent(node, run)
        if parent != node.name:
            children.setdefault(parent, []).append(node)

    def descend(node: Node, depth: int) -> Iterator[Line]:
        below = children.get(node.name, [])
        if node.type is NodeType.RETRY:
            yield Line(depth, _as_retried(node, below), node.display_name, max(1, len(below)))
            if below and below[-1].type is not NodeType.POD:
                for child in children.get(below[-1].name, []):
                    yield from descend(child, depth + 1)
            return
        if node.type not in HIDDEN:
            yield Line(depth, node, node.display_name)
        for child in below:
            yield from descend(child, depth + (node.type not in HIDDEN))

    for node in run.nodes.values():
        if not node.boundary and node.name in {run.name, f"{run.name}.onExit"}:
            yield from descend(node, 0)


def short_name(run: Run, node: Node) -> str:
    """Return the name of `node` within its run, such as `train.cpu`, as `argosight logs` takes it."""
    if node.folder:
        return node.folder
    return node.name.removeprefix(run.name).lstrip(".") or node.display_name


def nodes_named(names: Sequence[str], wanted: str) -> list[str]:
    """Return those of `names` that `wanted` names: in full, by their beginning, or by their end, whichever try it is."""
    return (
        [one for one in names if one == wanted]
        or [one for one in names if one.startswith(wanted)]
        or [one for one in names if TRY.sub("", one).endswith(f".{wanted}")]
    )


def _parent(node: Node, run: Run) -> str:
    """Return the name of the node under which `node` is shown; its own if it is at the top."""
    head = node.name.rpartition("(")[0]
    while head:  # an item may hold parentheses too
        owner = run.nodes.get(head)
        if owner and owner.type in {NodeType.RETRY, NodeType.TASK_GROUP} and node.name in owner.children:
            return head
        head = head.rpartition("(")[0]
    return node.boundary or node.name


def _as_retried(node: Node, tries: list[Node]) -> Node:
    """Return `node` with what its current try shows, so that the tries need no lines of their own."""
    last = tries[-1] if tries else node
    if node.phase.fulfilled:
        kept = {"reused": True, "started": last.started, "finished": last.finished} if last.reused else {}
        return node.model_copy(update=kept)
    phase = last.phase if last.phase in {Phase.PENDING, Phase.RUNNING} else node.phase
    return node.model_copy(
        update={
            "phase": phase,
            "message": node.message or last.message,
            "progress": last.progress,
            "progress_words": last.progress_words,
        }
    )
