"""What the scheduler asks of whatever runs processes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from workflows.local.node import Node
from workflows.local.template import Template


class Launcher(Protocol):
    """Starts and ends the processes of nodes, and has what they compete for."""

    def folder(self, name: str) -> Path:
        """Return the folder of the node called `name`; all tries of a node share it."""

    def recall(self, node: Node) -> Node | None:
        """Return the success of an earlier try with the same folder and digest, if its content is still there."""

    def lock(self, holder: str, mutexes: Sequence[str]) -> str:
        """Take all `mutexes` for the node `holder`, if it has not got them; return why not, or nothing."""

    def unlock(self, holder: str) -> None:
        """Give back what `holder` holds."""

    def misfit(self, template: Template) -> str:
        """Return why no node made from `template` can ever run here; nothing if one can, now or when others have ended."""

    def admit(self, node: Node, template: Template, *, capture: bool) -> str:
        """Start the process of `node`; return why it cannot be scheduled now, or nothing."""

    def stop(self, node: str, reason: str) -> None:
        """End the process of `node`; its end is reported like any other."""
