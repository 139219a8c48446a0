"""Going through a run again without starting anything: which finished nodes stay what they are if parameters change."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workflows.local.durations import now
from workflows.local.errors import SubmissionError
from workflows.local.manifest import Manifest
from workflows.local.node import Node
from workflows.local.outline import short_name
from workflows.local.pods import Pods
from workflows.local.run import Run
from workflows.local.scheduler import Scheduler
from workflows.local.template import Template


def refuse_settled(manifest: Manifest, run: Run, pods: Pods, changes: Mapping[str, str]) -> None:
    """Refuse `changes` to the parameters of `run` that a node which has succeeded would have to run again for.

    Raises:
        SubmissionError: If there is one; it names each parameter with such a node.
    """
    changed = {name: value for name, value in changes.items() if run.parameters.get(name) != value}
    if not changed:
        return
    before = _kept(manifest, run, pods, {})
    faults = [
        _fault(run, {name: value}, lost)
        for name, value in changed.items()
        if (lost := before - _kept(manifest, run, pods, {name: value}))
    ]
    if not faults and (lost := before - _kept(manifest, run, pods, changed)):
        faults = [_fault(run, changed, lost)]
    if faults:
        raise SubmissionError(
            "; ".join(faults),
            hint="`argosight retry` changes what no finished node has read; for other values start a run of its own",
        )


def _fault(run: Run, changed: Mapping[str, str], lost: set[str]) -> str:
    values = " and ".join(f"{name}={value!r}" for name, value in changed.items())
    reader = next(short_name(run, node) for node in run.nodes.values() if node.folder in lost)
    had = " and ".join(repr(run.parameters.get(name, "")) for name in changed)
    return f"{values} cannot be changed: {reader} has finished with {had}"


def _kept(manifest: Manifest, run: Run, pods: Pods, changes: Mapping[str, str]) -> set[str]:
    """Return the folders of the nodes whose success is kept if `run` goes on with `changes`."""
    again = run.model_copy(
        update={"parameters": {**run.parameters, **changes}, "nodes": {}, "started": now(), "finished": None}
    )
    replay = _Replay(run, pods)
    scheduler = Scheduler(manifest, again, replay)
    seen: dict[str, str] = {}
    while not scheduler.advance():
        replay.end(scheduler)
        phases = {node.name: str(node.phase) for node in again.nodes.values()}
        if phases == seen:
            break
        seen = phases
    return replay.kept


class _Replay:
    """Starts nothing: a node that is kept is kept, any other ends as it did, and what never ran stays Pending."""

    def __init__(self, run: Run, pods: Pods) -> None:
        self.kept: set[str] = set()
        self._past = run.nodes
        self._pods = pods
        self._admitted: list[str] = []

    def end(self, scheduler: Scheduler) -> None:
        """End what was admitted as it ended before."""
        for name in self._admitted:
            node, past = scheduler.nodes[name], self._past[name]
            node.outputs = past.outputs
            scheduler.finish(node, past.phase, past.message)
            node.started, node.finished = past.started, past.finished
        self._admitted.clear()

    def folder(self, name: str) -> Path:
        """Return the folder that the node called `name` has."""
        return self._pods.folder(name)

    def recall(self, node: Node) -> Node | None:
        """Return the success that is kept, and note it."""
        found = self._pods.recall(node)
        if found:
            self.kept.add(node.folder)
        return found

    def misfit(self, template: Template) -> str:
        """Return why this machine can never run `template`."""
        return self._pods.misfit(template)

    def lock(self, _holder: str, _mutexes: Sequence[str]) -> str:
        """Take nothing: nobody else sees this."""
        return ""

    def unlock(self, _holder: str) -> None:
        """Give nothing back."""

    def admit(self, node: Node, _template: Template, *, capture: bool) -> str:  # noqa: ARG002
        """Note a node that failed before; nothing else begins."""
        past = self._past.get(node.name)
        if not past or not past.phase.bad:
            return "not replayed"
        self._admitted.append(node.name)
        return ""

    def stop(self, _node: str, _reason: str) -> None:
        """Stop nothing: nothing runs."""
