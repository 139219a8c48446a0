"""Steps nodes: groups one after the other, the steps of a group side by side."""

from workflows.local.call import Call, Caller
from workflows.local.errors import LocalError
from workflows.local.lineage import continues, link, outbound
from workflows.local.node import Node, NodeType, Phase
from workflows.local.scope import Scope
from workflows.local.tasks import expand, holds, resolve
from workflows.local.template import StepGroup, Task, Template


class StepsProgress:
    """One look at the steps `node`, made from `template`, whose inputs are known."""

    def __init__(self, caller: Caller, node: Node, template: Template) -> None:
        self.caller = caller
        self.nodes = caller.nodes
        self.node = node
        self.template = template
        self._scope = Scope(template)

    def advance(self) -> None:
        """Call what can be called, and end the node when the last group, or a bad one, has ended."""
        groups = self.template.steps or []
        for number, group in enumerate(groups):
            node = self._group_node(number)
            if not node.phase.fulfilled:
                self._advance_group(node, group)
            if not node.phase.fulfilled:
                return
            if node.phase.bad:
                self._leave(number)
                self.caller.finish(self.node, Phase.FAILED, node.message)
                return
            try:
                for step in group.root:
                    self._add_outputs(node, step)
            except LocalError as error:
                self.caller.finish(self.node, Phase.ERROR, error.message)
                return
        self._leave(len(groups) - 1)
        try:
            self.node.outputs = self._scope.outputs(self.template.outputs)
        except LocalError as error:
            self.caller.finish(self.node, Phase.ERROR, f"unable to resolve outputs from scope: {error.message}")
            return
        self.caller.finish(self.node, Phase.SUCCEEDED)

    def _group_node(self, number: int) -> Node:
        name = f"{self.node.name}[{number}]"
        if name not in self.nodes:
            self.caller.create(name, f"[{number}]", NodeType.STEP_GROUP, Phase.RUNNING, boundary=self.node.name)
            for parent in [self.node.name] if number == 0 else self._lasts(number - 1):
                link(self.nodes, parent, name)
        return self.nodes[name]

    def _lasts(self, number: int) -> list[str]:
        """Return the nodes that what comes after group `number` follows."""
        name = f"{self.node.name}[{number}]"
        if name not in self.nodes:
            return []
        return [last for child in self.nodes[name].children for last in outbound(self.nodes, child)] or [name]

    def _leave(self, number: int) -> None:
        self.node.outbound = [name for name in self._lasts(number) if name in self.nodes]

    def _advance_group(self, group_node: Node, group: StepGroup) -> None:
        try:
            resolved = [resolve(step, self._scope, self.caller.global_values) for step in group.root]
            steps = [(step.name, one) for step in resolved for one in self._expand(group_node, step)]
        except (LocalError, ValueError) as error:
            self.caller.finish(group_node, Phase.ERROR, error.message if isinstance(error, LocalError) else str(error))
            return
        for origin, step in steps:
            self._advance_step(group_node, step, origin)
        by_name = {f"{group_node.name}.{step.name}": step for _, step in steps}
        children = {name: self.nodes.get(name) for name in group_node.children}
        if len(children) < len(by_name) or any(not child or not child.phase.fulfilled for child in children.values()):
            return
        for name, child in children.items():
            if not child or not child.phase.bad or continues(by_name[name], child.phase):
                continue
            if child.phase is Phase.ERROR:
                message = f"step group deemed errored due to child {child.name} error: {child.message}"
                self.caller.finish(group_node, Phase.ERROR, message)
            else:
                self.caller.finish(group_node, Phase.FAILED, f"child '{child.display_name}' failed")
            return
        self.caller.finish(group_node, Phase.SUCCEEDED)

    def _expand(self, group_node: Node, step: Task) -> list[Task]:
        """Return what `step` stands for; an empty list of items is a skipped step."""
        steps = expand(step)
        if not steps:
            self._skip(group_node, step, Phase.SKIPPED, "Skipped, empty params")
        return steps

    def _advance_step(self, group_node: Node, step: Task, origin: str) -> None:
        name = f"{group_node.name}.{step.name}"
        if name not in self.nodes:
            try:
                runs = holds(step.when)
            except LocalError as error:
                self._skip(group_node, step, Phase.ERROR, error.message)
                return
            if not runs:
                self._skip(group_node, step, Phase.SKIPPED, f"when '{step.when}' evaluated false")
                return
        link(self.nodes, group_node.name, name)
        self.caller.call(
            Call(
                name=name,
                display_name=step.name,
                template=step.template,
                arguments=step.arguments,
                boundary=self.node.name,
                local_values={"steps.name": step.name},
                capture=self.caller.is_result_read(self.node.template, f"steps.{origin}"),
            )
        )

    def _skip(self, group_node: Node, step: Task, phase: Phase, message: str) -> None:
        name = f"{group_node.name}.{step.name}"
        if name not in self.nodes:
            self.caller.create(
                name,
                step.name,
                NodeType.SKIPPED,
                phase,
                boundary=self.node.name,
                template=step.template,
                message=message,
            )
            link(self.nodes, group_node.name, name)

    def _add_outputs(self, group_node: Node, step: Task) -> None:
        name = f"{group_node.name}.{step.name}"
        if name in self.nodes:
            self._scope.add(f"steps.{step.name}", self.nodes[name], self.nodes)
            return
        expanded = [self.nodes[child] for child in group_node.children if child.startswith(f"{name}(")]
        if expanded:
            self._scope.add_group(f"steps.{step.name}", expanded)
