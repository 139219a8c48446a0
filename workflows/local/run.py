"""A run: what was submitted and how far it is. It is written after every change, so that a killed engine can go on."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workflows.local.durations import now
from workflows.local.errors import RunLookupError
from workflows.local.machine import Loan, Machine
from workflows.local.node import Node, NodeType, Phase

FILE = "run.json"
MANIFEST = "manifest.yaml"
STOPPED = "Stopped"
INTERRUPTED = "Interrupted"
LEAVES = {NodeType.POD, NodeType.SKIPPED}


class Run(BaseModel):
    """The state of a run. Node names are unique; the first node is called like the run."""

    model_config = ConfigDict(extra="forbid")

    name: str
    workflow: str
    """Name of the template that it was made of."""
    uid: str
    parameters: dict[str, str]
    working_folder: str
    """Where it was submitted: relative paths in parameters start here."""
    created: datetime = Field(default_factory=now)
    started: datetime = Field(default_factory=now)
    """When the current attempt began."""
    finished: datetime | None = None
    phase: str = Phase.PENDING
    """Pending, Running, Succeeded, Failed, Error, or Stopped by a person."""
    message: str = ""
    attempt: int = 1
    nodes: dict[str, Node] = Field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long the current attempt took, or has been taking."""
        return ((self.finished or now()) - self.started).total_seconds()

    @property
    def culprit(self) -> Node | None:
        """The node whose failure made the run fail: a process, if there is one, and the first of several."""
        bad = [node for node in self.nodes.values() if node.phase.bad and self._matters(node)]
        bad.sort(key=lambda node: (node.type not in LEAVES, self._is_followed(node), node.finished or node.started))
        return bad[0] if bad else None

    def _matters(self, node: Node) -> bool:
        """Tell whether everything that called `node` failed too: nobody put up with its failure, no other try did better."""
        callers = [node.boundary, *(other.name for other in self.nodes.values() if node.name in other.children)]
        return all(
            self.nodes[name].phase.bad
            for name in callers
            if name in self.nodes and (name == node.boundary or self.nodes[name].type is NodeType.RETRY)
        ) and (not node.boundary or self._matters(self.nodes[node.boundary]))

    def _is_followed(self, node: Node) -> bool:
        return any(self.nodes[name].phase.completed for name in node.children if name in self.nodes)

    def are_settled(self, nodes: Sequence[Node]) -> bool:
        """Tell whether nothing more comes of `nodes`: they have ended, and are not tried again."""
        retried = {name for one in self.nodes.values() if _goes_on(one) for name in one.children}
        return all(node.phase.fulfilled and node.name not in retried for node in nodes)

    def save(self, folder: Path, *, unless: str = "") -> str:
        """Write the state into `folder`, whole or not at all, unless it is the text `unless`; return its text."""
        text = self.model_dump_json(indent=1, by_alias=True, exclude_defaults=True)
        if text != unless:
            partial = folder / f".{FILE}.{os.getpid()}"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / FILE)
        return text


def _goes_on(node: Node) -> bool:
    return node.type is NodeType.RETRY and not node.phase.fulfilled


def load_run(folder: Path, machine: Machine | None = None) -> Run:
    """Read the state of the run in `folder`; with `machine`, one whose engine is gone is `Interrupted`.

    Raises:
        RunLookupError: If it cannot be read.
    """
    try:
        run = Run.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise RunLookupError(f"{folder / FILE} cannot be read: {error}") from None
    if machine and run.phase in {Phase.PENDING, Phase.RUNNING}:
        loan = lend_run(machine, run.name)
        if loan:
            loan.release()
            run.phase = INTERRUPTED
    return run


def lend_run(machine: Machine, name: str) -> Loan | None:
    """Return the right to change the run `name`, or None while another engine has it."""
    return machine.lend(f"run-{name}")
