"""How long a node may still take: `timeout`, `pendingTimeout` and `activeDeadlineSeconds`."""

from datetime import datetime

from workflows.local.durations import now, seconds_of
from workflows.local.node import Node
from workflows.local.template import Template


def pending_left_s(template: Template, node: Node, since: datetime) -> float | None:
    """Return the seconds that `node` may still be Pending; None: for ever. `timeout` counts from `since`, over all tries."""
    limits = [_left_s(seconds_of(template.timeout, bare=False), since)] if template.timeout else []
    if template.pending_timeout:
        limits.append(_left_s(seconds_of(template.pending_timeout, bare=False), node.started))
    return min(limits, default=None)


def total_left_s(template: Template, since: datetime) -> float | None:
    """Return the seconds that all tries together, the first of which began at `since`, may still take; None: for ever."""
    return _left_s(seconds_of(template.timeout, bare=False), since) if template.timeout else None


def running_left_s(template: Template, node: Node, since: datetime) -> float | None:
    """Return the seconds that the process of `node` may still run; None: for ever."""
    limits = [_left_s(seconds_of(template.timeout, bare=False), since)] if template.timeout else []
    if template.active_deadline_seconds:
        limits.append(_left_s(float(template.active_deadline_seconds), node.began or node.started))
    return min(limits, default=None)


def _left_s(limit_s: float, since: datetime) -> float:
    return limit_s - (now() - since).total_seconds()
