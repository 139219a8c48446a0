from datetime import timedelta
from typing import Any

import pytest

from workflows.local.attempts import judge, last_values
from workflows.local.durations import now
from workflows.local.node import Node, NodeType, Phase
from workflows.local.template import RetryStrategy


def tries(*phases: Phase, code: str = "1", took_s: float = 1) -> list[Node]:
    nodes = []
    for number, phase in enumerate(phases):
        node = Node(name=f"n({number})", display_name="n", type=NodeType.POD, phase=Phase.RUNNING)
        node.started = now() - timedelta(seconds=took_s)
        node.finish(phase, "why")
        node.outputs = node.outputs.model_copy(update={"exit_code": code})
        nodes.append(node)
    return nodes


@pytest.mark.parametrize(
    ("strategy", "attempts", "again"),
    [
        ({}, tries(Phase.FAILED), True),
        ({}, tries(Phase.ERROR), False),
        ({"retryPolicy": "OnError"}, tries(Phase.FAILED), False),
        ({"retryPolicy": "OnError"}, tries(Phase.ERROR), True),
        ({"retryPolicy": "Always"}, tries(Phase.ERROR), True),
        ({"limit": 1}, tries(Phase.FAILED), True),
        ({"limit": "1"}, tries(Phase.FAILED, Phase.FAILED), False),
        ({"limit": 0}, tries(Phase.FAILED), False),
        ({"expression": "asInt(lastRetry.exitCode) == 75"}, tries(Phase.FAILED, code="75"), True),
        ({"expression": "asInt(lastRetry.exitCode) == 75"}, tries(Phase.FAILED, code="2"), False),
        ({"expression": "lastRetry.status == 'Error'"}, tries(Phase.ERROR), True),
        ({"expression": "lastRetry.nothing.x == '1'"}, tries(Phase.FAILED), False),
        ({"limit": 9, "backoff": {"duration": "10s", "maxDuration": "5s"}}, tries(Phase.FAILED), False),
        ({"limit": 9, "backoff": {"duration": "1s", "maxDuration": "5s"}}, tries(Phase.FAILED, took_s=9), False),
    ],
)
def test_another_try_follows_when_the_strategy_says_so(
    strategy: dict[str, Any], attempts: list[Node], again: bool
) -> None:
    verdict = judge(RetryStrategy.model_validate(strategy), attempts)
    assert verdict.again is again
    assert again or verdict.message


@pytest.mark.parametrize(("count", "wait_s"), [(1, 10), (2, 20), (3, 40), (4, 60)])
def test_wait_grows_when_tries_add_up(count: int, wait_s: float) -> None:
    strategy = RetryStrategy.model_validate({"backoff": {"duration": "10", "factor": 2, "cap": "1m"}})
    assert judge(strategy, tries(*[Phase.FAILED] * count)).wait_s == pytest.approx(wait_s, abs=2)


def test_first_try_has_tags_when_there_was_none_before() -> None:
    assert last_values([])["retries"] == "0"
    assert last_values(tries(Phase.FAILED, code="75"))["lastRetry.exitCode"] == "75"
