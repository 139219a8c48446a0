"""The graph of a DAG's tasks: who waits for whom, and when a task may run."""

import re
from collections.abc import Mapping
from functools import cached_property

from workflows.local.errors import ExpressionError, ManifestError
from workflows.local.expression import Expression, parse
from workflows.local.template import DAG, Task

REFERENCE = re.compile(r"(?<![\w.-])([A-Za-z0-9][-A-Za-z0-9]*)(?:\.([A-Za-z]+))?")
RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
ITEMS_ONLY = {"AnySucceeded": "Succeeded", "AllFailed": "Failed"}
"""Results that only tasks with items have, and what to write for another."""


class Graph:
    """The tasks of one DAG, checked: every dependency exists and there is no cycle.

    Raises:
        ManifestError: If they do not fit together; it names the task.
    """

    def __init__(self, dag: DAG) -> None:
        self.tasks = {task.name: task for task in dag.tasks}
        if len(self.tasks) != len(dag.tasks):
            raise ManifestError("two tasks have the same name")
        self._check_style(dag)
        self.dependencies: dict[str, list[str]] = {}
        self.logic: dict[str, Expression | None] = {}
        for task in dag.tasks:
            self.dependencies[task.name], self.logic[task.name] = self._read(task)
        self.order = self._sort()
        self.targets = self._targets(dag)

    @cached_property
    def ancestors(self) -> dict[str, list[str]]:
        """For each task all that run before it, in an order in which they can run."""
        above: dict[str, set[str]] = {}
        for name in self.order:
            above[name] = {one for direct in self.dependencies[name] for one in {direct, *above[direct]}}
        return {name: [one for one in self.order if one in above[name]] for name in self.order}

    def may_run(self, name: str, results: Mapping[str, Mapping[str, bool]]) -> bool:
        """Tell whether task `name` runs, given the results (`Succeeded` …) of every task that it waits for."""
        logic = self.logic[name]
        return logic is None or logic.holds({"tasks": results})

    def _check_style(self, dag: DAG) -> None:
        with_depends = [task.name for task in dag.tasks if task.depends]
        for task in dag.tasks:
            if with_depends and task.dependencies:
                raise ManifestError(
                    f"task {task.name!r}, field dependencies: task {with_depends[0]!r} uses depends",
                    hint="a DAG uses either depends or dependencies",
                )
            if with_depends and task.continue_on:
                raise ManifestError(
                    f"task {task.name!r}, field continueOn: this DAG uses depends",
                    hint=f"write '{task.name}.Succeeded || {task.name}.Failed' where it is waited for",
                )
            if with_depends and task.name[0].isdigit():
                raise ManifestError(f"task {task.name!r}: a name in a DAG that uses depends starts with a letter")

    def _read(self, task: Task) -> tuple[list[str], Expression | None]:
        source = task.depends or " && ".join(task.dependencies)
        if not source.strip():
            return [], None
        found: dict[str, None] = {}

        def spell(reference: re.Match[str]) -> str:
            name, result = reference.groups()
            if name not in self.tasks:
                raise ManifestError(
                    f"task {task.name!r}, field {'depends' if task.depends else 'dependencies'}: no task {name!r}",
                    hint=f"tasks here are {', '.join(self.tasks)}",
                )
            if result and result not in RESULTS:
                raise ManifestError(
                    f"task {task.name!r}, field depends: {name}.{result} is unknown",
                    hint=f"a task has the results {', '.join(RESULTS)}",
                )
            if result in ITEMS_ONLY and not self.tasks[name].expands:
                raise ManifestError(
                    f"task {task.name!r}, field depends: {name}.{result}, but {name!r} has no items",
                    hint=f"write {name}.{ITEMS_ONLY[result]}",
                )
            found[name] = None
            results = [result] if result else self._good_enough(name)
            return "(" + " || ".join(f"tasks['{name}'].{one}" for one in results) + ")"

        spelled = REFERENCE.sub(spell, source)
        try:
            return list(found), parse(spelled)
        except ExpressionError:
            raise ManifestError(
                f"task {task.name!r}, field depends: cannot read {source!r}", hint="join tasks with &&, ||, ! and ()"
            ) from None

    def _good_enough(self, name: str) -> list[str]:
        """Return the results of task `name` that a bare mention of it asks for."""
        goes_on = self.tasks[name].continue_on
        return [
            "Succeeded",
            "Skipped",
            "Daemoned",
            *(["Errored"] if goes_on and goes_on.error else []),
            *(["Failed"] if goes_on and goes_on.failed else []),
        ]

    def _sort(self) -> list[str]:
        order: list[str] = []
        visiting: list[str] = []

        def visit(name: str) -> None:
            if name in order:
                return
            if name in visiting:
                raise ManifestError(f"tasks wait for each other: {' > '.join([*visiting, name])}")
            visiting.append(name)
            for dependency in self.dependencies[name]:
                visit(dependency)
            visiting.pop()
            order.append(name)

        for name in self.tasks:
            visit(name)
        return order

    def _targets(self, dag: DAG) -> list[str]:
        if dag.target:
            return dag.target.split()
        waited_for = {dependency for names in self.dependencies.values() for dependency in names}
        return sorted(name for name in self.tasks if name not in waited_for)
