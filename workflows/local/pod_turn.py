"""Pod nodes: admitted when there is what they need, ended when their time is over."""

import hashlib

from workflows.local.call import EXPIRED, LOOK_S, Call, Caller
from workflows.local.deadlines import pending_left_s, running_left_s
from workflows.local.durations import now
from workflows.local.launcher import Launcher
from workflows.local.node import Node, Phase
from workflows.local.template import Template

DEADLINE = "Pod was active on the node longer than the specified deadline"


class PodProgress:
    """One look at the pod `node`, made from `template`, whose inputs are known."""

    def __init__(self, caller: Caller, call: Call, node: Node, template: Template, launcher: Launcher) -> None:
        self.caller = caller
        self.call = call
        self.node = node
        self.template = template
        self.launcher = launcher

    def advance(self) -> None:
        """Start the process if it may, and end it if it has to."""
        if self.node.phase is Phase.PENDING:
            self._admit()
        if self.node.phase is not Phase.RUNNING:
            return
        if self.caller.is_expired(self.node.name):
            self.launcher.stop(self.node.name, EXPIRED)
            return
        left_s = running_left_s(self.template, self.node, self.caller.nodes[self.call.base].started)
        if left_s is None:
            return
        if left_s > 0:
            self.caller.look_again(left_s)
        else:
            self.launcher.stop(self.node.name, DEADLINE)

    def _admit(self) -> None:
        node = self.node
        if all(one.digest or one.raw or not one.s3 for one in self.template.inputs.artifacts):
            node.digest = hashlib.sha256(self.template.as_json().encode()).hexdigest()
        earlier = self.launcher.recall(node) if node.digest else None
        if earlier:
            node.started, node.outputs, node.reused = earlier.started, earlier.outputs, True
            node.began, node.process_s = earlier.began, earlier.process_s
            self.caller.finish(node, Phase.SUCCEEDED, earlier.message)
            node.finished = earlier.finished
            return
        misfit = self.launcher.misfit(self.template)
        if misfit:
            # Waiting would not help, so the node ends now as it would on Argo when its time is over.
            limited = self.template.timeout or self.template.pending_timeout
            self.caller.finish(node, Phase.FAILED, f"timeout: {misfit}" if limited else misfit)
            return
        node.message = self.launcher.admit(node, self.template, capture=self.call.capture)
        if node.message:
            wait(self.caller, self.call, node, self.template)
            return
        node.phase, node.began = Phase.RUNNING, now()


def wait(caller: Caller, call: Call, node: Node, template: Template) -> None:
    """Let `node` be Pending a while longer, or end it if it has been for too long."""
    left_s = pending_left_s(template, node, caller.nodes[call.base].started)
    if left_s is not None and left_s <= 0:
        caller.finish(node, Phase.FAILED, f"timeout: {node.message}")
    else:
        caller.look_again(LOOK_S if left_s is None else left_s)
