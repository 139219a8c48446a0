"""What the text of a template may refer to, and whether it is there."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.local.errors import ExpressionError
from workflows.local.expression import parse

TAG: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
GLOBALS: Final = frozenset(
    f"workflow.{name}" for name in ("name", "namespace", "uid", "parameters.json", "creationTimestamp")
)
EXIT_GLOBALS: Final = frozenset(f"workflow.{name}" for name in ("status", "failures", "duration"))
STATES: Final = frozenset(
    {"Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"}
)
DEPENDENCY: Final = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9-]*)(?:\.([a-zA-Z]+))?")


def named(items: Iterable[Mapping[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    """Return Kubernetes-style list entries by name."""
    return {str(item.get("name")): item for item in items or ()}


def texts(part: Any) -> Iterator[str]:
    """Yield every text in a piece of a manifest."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for child in part.values():
            yield from texts(child)
    elif isinstance(part, list):
        for child in part:
            yield from texts(child)


@dataclass(frozen=True)
class Scope:
    """The names in reach of one template or task.

    Attributes:
        parameters: Parameters of the workflow.
        inputs: The template's inputs, as in the manifest.
        tasks: Templates of the tasks in reach, by task name.
        exiting: Whether this runs in the exit handler, where the run's outcome is known.
        item: Whether `item` is in reach.
    """

    parameters: Iterable[str]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exiting: bool = False
    item: bool = False

    def faults(self, part: Any) -> Iterator[str]:
        """Tell which `{{tags}}` in a piece of a manifest lead nowhere."""
        for text in texts(part):
            for tag in TAG.findall(text):
                fault = self._fault(tag.strip())
                if fault:
                    yield f"{{{{{tag}}}}}: {fault}"

    def expression_faults(self, source: str) -> Iterator[str]:
        """Tell what is wrong with an expression: outside the language, or a name that leads nowhere."""
        try:
            names = parse(source).names
        except ExpressionError as error:
            yield str(error)
            return
        for name in sorted(names):
            fault = self._fault(name)
            if fault:
                yield f"{name} in {source!r}: {fault}"

    def _fault(self, name: str) -> str:
        fault = "is nothing that both Argo and the local engine know"
        match name.split("."):
            case _ if name.startswith("="):
                fault = "expression tags are not supported; write what is meant in a step"
            case _ if name in GLOBALS:
                fault = ""
            case _ if name in EXIT_GLOBALS:
                fault = "" if self.exiting else "only known in the exit handler"
            case ["item", *_]:
                fault = "" if self.item else "only known in a task with withItems or withParam"
            case ["workflow", "parameters", parameter]:
                fault = "" if parameter in self.parameters else f"there is no parameter {parameter!r}"
            case ["inputs", ("parameters" | "artifacts") as kind, entry]:
                declared = named(self.inputs.get(kind))
                fault = "" if entry in declared else f"the template has no such input among its {kind}"
            case ["tasks", task, *_] if task not in self.tasks:
                fault = f"task {task!r} is not here, or does not come before"
            case ["tasks", _, "status"]:
                fault = ""
            case ["tasks", task, "outputs", ("parameters" | "artifacts") as kind, entry]:
                declared = named((self.tasks[task].get("outputs") or {}).get(kind))
                fault = "" if entry in declared else f"its template has no such output among its {kind}"
        return fault


def dependencies(task: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the tasks that `task` depends on, each with the states asked for."""
    found: dict[str, set[str]] = {str(name): set() for name in task.get("dependencies") or ()}
    for name, state in DEPENDENCY.findall(str(task.get("depends") or "")):
        found.setdefault(name, set()).update([state] if state else [])
    return found


def ancestors(name: str, tasks: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return every task that comes before `name`; `name` itself is among them if it waits for itself."""
    seen: set[str] = set()
    waiting = list(dependencies(tasks[name]))
    while waiting:
        task = waiting.pop()
        if task not in seen and task in tasks:
            seen.add(task)
            waiting.extend(dependencies(tasks[task]))
    return seen
