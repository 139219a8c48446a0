"""Trying again: whether and when a node with a `retryStrategy` gets another try."""

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.local.call import Call, Caller
from workflows.local.deadlines import total_left_s
from workflows.local.durations import now, seconds_of
from workflows.local.errors import ExpressionError
from workflows.local.expression import parse
from workflows.local.launcher import Launcher
from workflows.local.lineage import link
from workflows.local.node import Node, Phase
from workflows.local.template import Backoff, RetryStrategy, Template

NO_EXIT_CODE = "-1"
EXPIRED = "retry exceeded workflow deadline"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after the last of some tries: another after `wait_s` seconds, or no more, for the reason `message`."""

    again: bool
    message: str = ""
    wait_s: float = 0.0


class AttemptsProgress:
    """One look at the retry `node`, whose children are the tries so far."""

    def __init__(self, caller: Caller, call: Call, node: Node, template: Template, launcher: Launcher) -> None:
        self.caller = caller
        self.call = call
        self.node = node
        self.template = template
        self.launcher = launcher

    def advance(self) -> None:
        """Go on with the last try or begin another, and end the node with the last."""
        attempts = [self.caller.nodes[name] for name in self.node.children]
        number = len(attempts) - 1
        if not attempts or attempts[-1].phase.fulfilled:
            if attempts and not self._goes_on(attempts):
                return
            number += 1
        child = self.call.attempt(number, last_values(attempts[:number]))
        found = self.caller.call(child)
        if not found:
            return
        link(self.caller.nodes, self.node.name, child.name)
        if found.phase.fulfilled:
            self.advance()

    def _goes_on(self, attempts: list[Node]) -> bool:
        """Tell whether the time for another try has come; if there is to be none, end the node."""
        last, node = attempts[-1], self.node
        node.outputs = last.outputs
        left_s = total_left_s(self.template, node.started)
        if not last.phase.bad:
            verdict = Verdict(again=False)
        elif self.caller.is_expired(node.name):
            verdict = Verdict(again=False, message=EXPIRED)
        elif (left_s is not None and left_s <= 0) or self.launcher.misfit(self.template):
            # Another try would find no time, or the same machine.
            verdict = Verdict(again=False, message=last.message)
        else:
            verdict = judge(self.template.retry_strategy or RetryStrategy(), attempts)
        if not verdict.again:
            self.caller.finish(node, last.phase, verdict.message)
            return False
        node.message = verdict.message
        if verdict.wait_s > 0:
            self.caller.look_again(verdict.wait_s)
        return verdict.wait_s <= 0


def last_values(attempts: Sequence[Node]) -> dict[str, str]:
    """Return the tags that a try may use: which one it is, and how the one before ended."""
    values = {"retries": str(len(attempts))}
    if attempts:
        values |= {f"lastRetry.{name}": value for name, value in _last(attempts[-1]).items()}
    else:
        values |= {
            "lastRetry.exitCode": "0",
            "lastRetry.status": "",
            "lastRetry.duration": "0",
            "lastRetry.message": "",
        }
    return values


def judge(strategy: RetryStrategy, attempts: Sequence[Node]) -> Verdict:
    """Tell whether another try follows the last of `attempts`, which ended badly; the rules and their order are Argo's."""
    last = attempts[-1]
    wait_s = 0.0
    if strategy.backoff:
        wait_s = _wait_s(strategy.backoff, len(attempts))
        ended = last.finished or now()
        if strategy.backoff.max_duration:
            left_s = seconds_of(strategy.backoff.max_duration) - (ended - attempts[0].started).total_seconds()
            if left_s < wait_s:
                return Verdict(again=False, message="Backoff would exceed max duration limit")
        wait_s = max(0.0, wait_s - (now() - ended).total_seconds())
    policy = strategy.retry_policy or ("Always" if strategy.expression else "OnFailure")
    if (last.phase is Phase.FAILED and policy == "OnError") or (last.phase is Phase.ERROR and policy == "OnFailure"):
        return Verdict(again=False, message=last.message)
    if strategy.limit is not None and len(attempts) > int(strategy.limit):
        return Verdict(again=False, message=f"No more retries left; the last: {last.message}")
    if strategy.expression:
        return _ask(strategy.expression, last, wait_s)
    return Verdict(again=True, wait_s=wait_s, message=_backing_off(wait_s))


def _ask(expression: str, last: Node, wait_s: float) -> Verdict:
    try:
        again = parse(expression).holds({"lastRetry": _last(last)})
    except ExpressionError as error:
        return Verdict(again=False, message=error.message)
    if again:
        return Verdict(again=True, wait_s=wait_s, message=_backing_off(wait_s))
    return Verdict(again=False, message=f"retryStrategy.expression evaluated to false: {last.message}")


def _wait_s(backoff: Backoff, tries: int) -> float:
    factor = float(backoff.factor or 0)
    wait_s = seconds_of(backoff.duration) * (factor ** (tries - 1) if factor > 0 else 1)
    return min(wait_s, seconds_of(backoff.cap)) if backoff.cap else wait_s


def _backing_off(wait_s: float) -> str:
    return f"Backoff for {wait_s:.0f} s" if wait_s else ""


def _last(node: Node) -> dict[str, str]:
    return {
        "exitCode": node.outputs.exit_code or NO_EXIT_CODE,
        "status": str(node.phase),
        "duration": str(int(node.seconds)),
        "message": node.message,
    }
