"""DAG nodes: tasks are called as soon as what they wait for has ended."""

from workflows.local.call import Call, Caller
from workflows.local.errors import ExpressionError, LocalError
from workflows.local.graph import Graph
from workflows.local.lineage import dag_phase, link, outbound
from workflows.local.node import Node, NodeType, Phase
from workflows.local.scope import Scope
from workflows.local.tasks import expand, holds, resolve
from workflows.local.template import Task, Template

OMITTED = "omitted: depends condition not met"
EMPTY = "Skipped, empty params"


class DagProgress:
    """One look at the DAG `node`, made from `template`, whose inputs are known."""

    def __init__(self, caller: Caller, node: Node, template: Template, graph: Graph) -> None:
        self.caller = caller
        self.nodes = caller.nodes
        self.node = node
        self.template = template
        self.graph = graph
        self._visited: set[str] = set()

    def advance(self) -> None:
        """Call what can be called, and end the DAG when everything has ended."""
        for name in self.graph.targets:
            self._visit(name)
        targets = [self.graph.tasks[name] for name in self.graph.targets]
        fail_fast = self.template.dag.fail_fast if self.template.dag else True
        phase = dag_phase(self.nodes, self.node, targets, fail_fast=fail_fast)
        if phase is Phase.RUNNING:
            return
        self.node.outbound = [
            last
            for name in self.graph.targets
            if self._name(name) in self.nodes
            for last in outbound(self.nodes, self._name(name))
        ]
        if phase is Phase.SUCCEEDED:
            try:
                self.node.outputs = self._scope(self.graph.order).outputs(self.template.outputs)
            except LocalError as error:
                self.caller.finish(self.node, Phase.ERROR, f"unable to resolve outputs from scope: {error.message}")
                return
        self.caller.finish(self.node, phase, self.node.message)

    def _name(self, task: str) -> str:
        return f"{self.node.name}.{task}"

    def _scope(self, tasks: list[str]) -> Scope:
        scope = Scope(self.template)
        for task in tasks:
            if self._name(task) in self.nodes:
                scope.add(f"tasks.{task}", self.nodes[self._name(task)], self.nodes)
        return scope

    def _visit(self, task: str) -> None:
        """Call `task` if it is its turn, after looking at what it waits for."""
        if task in self._visited:
            return
        self._visited.add(task)
        name = self._name(task)
        node = self.nodes.get(name)
        if node and node.phase.fulfilled:
            return
        for dependency in self.graph.dependencies[task]:
            self._visit(dependency)
        if not node:
            results = {}
            for dependency in self.graph.dependencies[task]:
                found = self.nodes.get(self._name(dependency))
                if not found or not found.phase.fulfilled:
                    return
                results[dependency] = self._results(found)
            if not self._may_run(task, results):
                return
        try:
            scope = self._scope(self.graph.ancestors[task])
        except LocalError as error:
            self._create_skipped(task, Phase.ERROR, error.message)
            self.node.message = f"task {self.node.name!r} errored: {error.message}"
            return
        try:
            resolved = resolve(self.graph.tasks[task], scope, self.caller.global_values)
            tasks = expand(resolved)
        except (LocalError, ValueError) as error:
            self._create_skipped(task, Phase.ERROR, error.message if isinstance(error, LocalError) else str(error))
            return
        self._call_all(task, resolved, tasks)

    def _may_run(self, task: str, results: dict[str, dict[str, bool]]) -> bool:
        try:
            runs = self.graph.may_run(task, results)
        except ExpressionError as error:
            self._create_skipped(task, Phase.ERROR, str(error))
            return False
        if not runs:
            self._create_skipped(task, Phase.OMITTED, OMITTED)
        return runs

    def _call_all(self, task: str, resolved: Task, tasks: list[Task]) -> None:
        """Call each of `tasks`, what `task` stands for; where it has items, under a node of their own."""
        group = None
        if resolved.expands:
            if not tasks:
                self._create_skipped(task, Phase.SKIPPED, EMPTY)
                return
            group = self.nodes.get(self._name(task))
            if group is None:
                self._follow(task, self._name(task))
                group = self.caller.create(
                    self._name(task),
                    task,
                    NodeType.TASK_GROUP,
                    Phase.RUNNING,
                    boundary=self.node.name,
                    template=resolved.template,
                )
        for one in tasks:
            name = self._name(one.name)
            if name not in self.nodes:
                if group:
                    link(self.nodes, group.name, name)
                else:
                    self._follow(task, name)
                if not self._condition_holds(one, name):
                    continue
            self._call(one, name, task)
        if group:
            children = [self.nodes.get(self._name(one.name)) for one in tasks]
            if all(child and child.phase.fulfilled for child in children):
                bad = [child.phase for child in children if child and child.phase.bad]
                self.caller.finish(group, bad[-1] if bad else Phase.SUCCEEDED)

    def _condition_holds(self, one: Task, name: str) -> bool:
        try:
            runs, phase, message = holds(one.when), Phase.SKIPPED, f"when '{one.when}' evaluated false"
        except LocalError as error:
            runs, phase, message = False, Phase.ERROR, error.message
        if not runs:
            self.caller.create(
                name,
                one.name,
                NodeType.SKIPPED,
                phase,
                boundary=self.node.name,
                template=one.template,
                message=message,
            )
        return runs

    def _call(self, one: Task, name: str, task: str) -> None:
        self.caller.call(
            Call(
                name=name,
                display_name=one.name,
                template=one.template,
                arguments=one.arguments,
                boundary=self.node.name,
                local_values={"tasks.name": one.name},
                capture=self.caller.is_result_read(self.node.template, f"tasks.{task}"),
            )
        )

    def _follow(self, task: str, name: str) -> None:
        """Make the node `name` follow what `task` waited for."""
        dependencies = self.graph.dependencies[task]
        if not dependencies:
            link(self.nodes, self.node.name, name)
        for dependency in dependencies:
            for last in outbound(self.nodes, self._name(dependency)):
                link(self.nodes, last, name)

    def _create_skipped(self, task: str, phase: Phase, message: str) -> None:
        name = self._name(task)
        self.caller.create(
            name,
            task,
            NodeType.SKIPPED,
            phase,
            boundary=self.node.name,
            template=self.graph.tasks[task].template,
            message=message,
        )
        self._follow(task, name)

    def _results(self, node: Node) -> dict[str, bool]:
        children = [self.nodes[name] for name in node.children] if node.type is NodeType.TASK_GROUP else []
        return {
            "Succeeded": node.phase is Phase.SUCCEEDED,
            "Failed": node.phase is Phase.FAILED,
            "Errored": node.phase is Phase.ERROR,
            "Skipped": node.phase is Phase.SKIPPED,
            "Omitted": node.phase is Phase.OMITTED,
            "Daemoned": False,
            "AnySucceeded": any(child.phase is Phase.SUCCEEDED for child in children),
            "AllFailed": bool(children) and all(child.phase is Phase.FAILED for child in children),
        }
