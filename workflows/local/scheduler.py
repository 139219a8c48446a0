"""The scheduler: looks at the nodes of a run and does what can be done next. It starts nothing itself."""

import re

from pydantic import ValidationError

from workflows.local.attempts import AttemptsProgress
from workflows.local.call import EXPIRED, LOOK_S, Call
from workflows.local.dag import DagProgress
from workflows.local.durations import now
from workflows.local.errors import LocalError
from workflows.local.graph import Graph
from workflows.local.launcher import Launcher
from workflows.local.manifest import Manifest
from workflows.local.mounts import mount_folders, relocate
from workflows.local.node import Node, NodeType, Phase
from workflows.local.pod_turn import PodProgress, wait
from workflows.local.run import STOPPED, Run
from workflows.local.steps import StepsProgress
from workflows.local.substitution import instantiate
from workflows.local.template import Task, Template
from workflows.local.values import Arguments, Parameter
from workflows.local.workflow_values import exit_values, pod_name, start_values

INTERRUPTED = "stopped"
SHOWABLE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]")
"""What Argo takes as a node's display name."""


class Scheduler:
    """Advances `run` by the rules of `manifest`. `advance` is to be called again whenever something happened."""

    def __init__(self, manifest: Manifest, run: Run, launcher: Launcher) -> None:
        self.spec = manifest.spec
        self.run = run
        self.launcher = launcher
        self.nodes = run.nodes
        self.global_values = start_values(manifest, run)
        self.expansions: dict[str, tuple[Task, list[Task]]] = {}
        self.wait_s: float | None = None
        """Seconds after which to look again, even if nothing happens; None: no need."""
        self.exit_name = f"{run.name}.onExit"
        self._arguments = Arguments(
            parameters=[Parameter(name=name, value=text) for name, text in run.parameters.items()]
        )
        self._instances: dict[str, Template] = {}
        self._graphs: dict[str, Graph] = {}
        self._stopped = False

    def advance(self) -> bool:
        """Do what can be done now; tell whether the run has ended."""
        self.wait_s = None if self.spec.active_deadline_seconds is None else LOOK_S
        if self._stopped:
            return self._wind_down()
        root = self._call_top(self.run.name, self.spec.entrypoint)
        if not root or not root.phase.fulfilled:
            return False
        phase, message = root.phase, root.message
        if self.spec.on_exit:
            if self.exit_name not in self.nodes:
                self.global_values |= exit_values(self.run, phase)
            last = self._call_top(self.exit_name, self.spec.on_exit)
            if not last or not last.phase.fulfilled:
                return False
            if phase is Phase.SUCCEEDED and last.phase.bad:
                phase, message = last.phase, f"exit handler: {last.message or last.phase}"
        self.run.phase, self.run.message, self.run.finished = str(phase), message, now()
        return True

    def stop(self) -> None:
        """Start nothing more, and end what runs."""
        self._stopped = True
        for node in self.nodes.values():
            if node.type is NodeType.POD and node.phase is Phase.RUNNING:
                self.launcher.stop(node.name, INTERRUPTED)

    def call(self, call: Call) -> Node | None:
        """Advance the node of `call`, made if need be; None while there is no room for it."""
        node = self.nodes.get(call.name)
        if node and node.phase.fulfilled:
            return node
        try:
            template = self._instance(call)
        except (LocalError, ValidationError) as error:
            return self._refuse(call, node, str(error))
        if node is None and not self._has_room(call, template):
            self.look_again(LOOK_S)
            return None
        if self.is_expired(call.name) and (node is None or node.phase is Phase.PENDING):
            node = node or self._create(call, template)
            self.finish(node, Phase.FAILED, EXPIRED)
            return node
        node = node or self._create(call, template)
        if node.phase.fulfilled or not self._holds_locks(call, node, template):
            return node
        if node.type is NodeType.RETRY:
            node.phase = Phase.RUNNING
            AttemptsProgress(self, call, node, template, self.launcher).advance()
        elif template.dag:
            node.phase = Phase.RUNNING
            DagProgress(self, node, template, self._graph(node, template)).advance()
        elif template.steps is not None:
            node.phase = Phase.RUNNING
            StepsProgress(self, node, template).advance()
        else:
            PodProgress(self, call, node, template, self.launcher).advance()
        return node

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
        node = Node(
            name=name,
            display_name=display_name,
            type=kind,
            phase=phase,
            boundary=boundary,
            template=template,
            message=message,
        )
        if phase.fulfilled:
            node.finished = node.started
        self.nodes[name] = node
        return node

    def finish(self, node: Node, phase: Phase, message: str = "") -> None:
        """Mark a node as ended."""
        node.finish(phase, message)
        self.launcher.unlock(node.name)

    def is_result_read(self, template: str, task: str) -> bool:
        """Tell whether `template` reads the `outputs.result` of its `task`, such as `tasks.a`."""
        kind, name = task.split(".", 1)
        text = self.spec.template(template).as_json()
        return f"{task}.outputs.result" in text or f"{kind}['{name}'].outputs.result" in text

    def is_expired(self, name: str) -> bool:
        """Tell whether the workflow has had its time, and the node `name` is none of the exit handler's."""
        limit_s = self.spec.active_deadline_seconds
        return limit_s is not None and self.run.seconds > limit_s and not name.startswith(self.exit_name)

    def look_again(self, wait_s: float) -> None:
        """Ask for another look after `wait_s` seconds at the latest."""
        self.wait_s = min(max(wait_s, 0.0), LOOK_S if self.wait_s is None else self.wait_s)

    def _call_top(self, name: str, template: str) -> Node | None:
        return self.call(Call(name, name, template, self._arguments, boundary=""))

    def _create(self, call: Call, template: Template) -> Node:
        kind = {"dag": NodeType.DAG, "steps": NodeType.STEPS}.get(template.kind, NodeType.POD)
        if template.retry_strategy and call.number < 0:
            kind = NodeType.RETRY
        node = self.create(call.name, call.display_name, kind, Phase.PENDING, boundary=call.boundary)
        node.template, node.inputs = template.name, template.inputs
        if kind is NodeType.POD:
            node.folder = self.launcher.folder(call.base).name
        if template.annotations.display_name and call.number < 0:
            self._show(node, template.annotations.display_name)
        return node

    def _show(self, node: Node, name: str) -> None:
        """Show `node` under the `name` that its template wants; an odd one is an error, as in Argo."""
        if SHOWABLE.fullmatch(name):
            node.display_name = name
            return
        caller = self.nodes.get(node.boundary)
        where = f"task '{node.name}' errored: " if caller and caller.type is NodeType.DAG else ""
        self.finish(node, Phase.ERROR, f"{where}displayName must match the regex ^{SHOWABLE.pattern}$")

    def _holds_locks(self, call: Call, node: Node, template: Template) -> bool:
        """Return whether `node` has the locks that it needs; if not, it waits for them."""
        mutexes = [mutex.name for mutex in template.synchronization.mutexes]
        if not mutexes or call.number >= 0:
            return True
        node.message = self.launcher.lock(call.name, mutexes)
        if node.message:
            wait(self, call, node, template)
        return not node.message

    def _instance(self, call: Call) -> Template:
        if call.name not in self._instances:
            raw = self.spec.template(call.template)
            moved = relocate(raw, mount_folders(raw, self.spec.volumes, self.launcher.folder(call.base)))
            names = {"node.name": call.name, "pod.name": pod_name(self.run.name, call.name, call.template)}
            values = {**names, **call.local_values}
            self._instances[call.name] = instantiate(moved, call.arguments, self.global_values, values)
        return self._instances[call.name]

    def _graph(self, node: Node, template: Template) -> Graph:
        # By node, not by template: the conditions in it have this node's inputs.
        if node.name not in self._graphs and template.dag:
            self._graphs[node.name] = Graph(template.dag)
        return self._graphs[node.name]

    def _refuse(self, call: Call, node: Node | None, message: str) -> Node:
        node = node or self.create(
            call.name, call.display_name, NodeType.SKIPPED, Phase.PENDING, boundary=call.boundary
        )
        node.template = call.template
        self.finish(node, Phase.ERROR, message)
        return node

    def _has_room(self, call: Call, template: Template) -> bool:
        active = [node for node in self.nodes.values() if node.phase in {Phase.PENDING, Phase.RUNNING}]
        pods = sum(node.type is NodeType.POD for node in active)
        is_pod = template.dag is None and template.steps is None
        if is_pod and self.spec.parallelism is not None and pods >= self.spec.parallelism:
            return False
        limit = self.spec.template(self.nodes[call.boundary].template).parallelism if call.boundary else None
        counted = {NodeType.POD, NodeType.DAG, NodeType.STEPS}
        siblings = sum(node.boundary == call.boundary and node.type in counted for node in active)
        return limit is None or call.number >= 0 or siblings < limit

    def _wind_down(self) -> bool:
        """End what has no process, and everything once no process is left."""
        running = False
        for node in self.nodes.values():
            if node.type is NodeType.POD and node.phase is Phase.PENDING:
                self.finish(node, Phase.FAILED, INTERRUPTED)
            running |= node.type is NodeType.POD and node.phase is Phase.RUNNING
        if running:
            return False
        for node in self.nodes.values():
            if not node.phase.fulfilled:
                self.finish(node, Phase.FAILED, INTERRUPTED)
        self.run.phase, self.run.message, self.run.finished = STOPPED, "stopped by a person", now()
        return True
