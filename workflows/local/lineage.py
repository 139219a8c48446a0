"""How nodes follow each other, and which phase that gives a DAG: Argo's own rules, quirks included."""

from collections import deque
from collections.abc import Mapping, Sequence

from workflows.local.node import Node, NodeType, Phase
from workflows.local.template import ContinueOn, Task


def link(nodes: Mapping[str, Node], parent: str, child: str) -> None:
    """Make `child` follow `parent`."""
    if child not in nodes[parent].children:
        nodes[parent].children.append(child)


def outbound(nodes: Mapping[str, Node], name: str) -> list[str]:
    """Return the names of the nodes that what comes after `name` follows."""
    node = nodes[name]
    match node.type:
        case NodeType.POD | NodeType.SKIPPED:
            return [name]
        case NodeType.RETRY:
            return node.children[-1:]
        case NodeType.TASK_GROUP:
            return [last for child in node.children for last in outbound(nodes, child)] or [name]
        case _:
            return [last for child in node.outbound for last in outbound(nodes, child)]


def continues(task: Task, phase: Phase) -> bool:
    """Tell whether `task` may end in `phase` without harm."""
    allowed = task.continue_on or ContinueOn()
    return (phase is Phase.FAILED and allowed.failed) or (phase is Phase.ERROR and allowed.error)


def dag_phase(nodes: Mapping[str, Node], dag: Node, targets: Sequence[Task], *, fail_fast: bool) -> Phase:
    """Return the phase of the node `dag`, decided by its `targets`.

    A target that was skipped or omitted takes the phase of the branch that led to it, a bad one before a good one.
    """
    branch_phases: dict[str, Phase] = {}
    names = {f"{dag.name}.{task.name}": task for task in targets}
    queue = deque((child, Phase.SUCCEEDED) for child in dag.children)
    seen = set(queue)
    while queue:
        name, branch = queue.popleft()
        node = nodes.get(name)
        if node is None or not node.phase.fulfilled:
            return Phase.RUNNING
        if node.phase.completed:
            branch = node.phase
        if name in names and not (name in branch_phases and branch_phases[name].bad):
            branch_phases[name] = branch
        followers = node.children
        if node.type in {NodeType.RETRY, NodeType.TASK_GROUP} and node.children:
            followers = nodes[node.children[-1]].children
        for step in ((follower, branch) for follower in followers):
            if step not in seen:
                seen.add(step)
                queue.append(step)
    result = Phase.SUCCEEDED
    for name, task in names.items():
        phase = branch_phases.get(name)
        if phase is None:
            result = Phase.RUNNING
            if not fail_fast:
                break
        elif phase.bad and not continues(task, phase):
            result = phase
            if fail_fast:
                break
    return result
