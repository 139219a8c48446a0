"""What DAGs and steps ask of the scheduler: to call a template, and to note what became of it."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from workflows.local.node import Node, NodeType, Phase
from workflows.local.template import Task
from workflows.local.values import Arguments

EXPIRED = "Step exceeded its deadline"
LOOK_S = 0.5
"""Seconds between two looks at what waits for a lock or a GPU."""


@dataclass(frozen=True, slots=True)
class Call:
    """A template to run under the node name `name`."""

    name: str
    display_name: str
    template: str
    arguments: Arguments
    boundary: str
    local_values: dict[str, str] = field(default_factory=dict)
    capture: bool = False
    """Whether something reads `outputs.result`."""
    number: int = -1
    """Which try this is, from 0, for a template that is tried again."""

    def attempt(self, number: int, values: dict[str, str]) -> "Call":
        """Return the call of try `number`."""
        return replace(
            self,
            name=f"{self.name}({number})",
            display_name=f"{self.display_name}({number})",
            local_values={**self.local_values, **values},
            number=number,
        )

    @property
    def base(self) -> str:
        """The name without the number of the try: all tries share a folder."""
        return self.name if self.number < 0 else self.name.removesuffix(f"({self.number})")


class Caller(Protocol):
    """The scheduler, as DAGs and steps see it."""

    nodes: dict[str, Node]
    global_values: dict[str, str]
    expansions: dict[str, tuple[Task, list[Task]]]
    """By node name: a task with its tags replaced, and what it stands for. Kept while the scheduler lives."""

    def call(self, call: Call) -> Node | None:
        """Advance the node of `call`, made if need be; None while there is no room for it."""

    def create(
        self,
        name: str,
        display_name: str,
        kind: NodeType,
        phase: Phase,
        *,
        boundary: str,
        template: str = "",
        message: str = "",
    ) -> Node:
        """Make a node."""

    def finish(self, node: Node, phase: Phase, message: str = "") -> None:
        """Mark a node as ended."""

    def is_result_read(self, template: str, task: str) -> bool:
        """Tell whether `template` reads the `outputs.result` of its `task`, such as `tasks.a`."""

    def is_expired(self, name: str) -> bool:
        """Tell whether the workflow has had its time, and the node `name` is none of the exit handler's."""

    def look_again(self, wait_s: float) -> None:
        """Ask for another look after `wait_s` seconds at the latest."""
