from workflows.local.lineage import dag_phase, outbound
from workflows.local.node import Node, NodeType, Phase
from workflows.local.template import Task

S, F, E, K = Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR, Phase.SKIPPED
OMITTED = Phase.OMITTED


def nodes(**spec: tuple[Phase, list[str]]) -> dict[str, Node]:
    """Return nodes `d.NAME` by phase and followers, and the DAG `d` that starts with `a`."""
    found = {
        f"d.{name}": Node(
            name=f"d.{name}",
            display_name=name,
            type=NodeType.POD,
            phase=phase,
            children=[f"d.{one}" for one in children],
        )
        for name, (phase, children) in spec.items()
    }
    dag = Node(name="d", display_name="d", type=NodeType.DAG, phase=Phase.RUNNING, children=["d.a"])
    return {"d": dag, **found}


def phase_of(found: dict[str, Node], *targets: Task, fail_fast: bool = True) -> Phase:
    return dag_phase(found, found["d"], targets, fail_fast=fail_fast)


def task(name: str, **more: object) -> Task:
    return Task.model_validate({"name": name, "template": "t", **more})


def test_dag_runs_when_anything_in_it_does() -> None:
    assert phase_of(nodes(a=(S, ["b"]), b=(Phase.PENDING, [])), task("b")) is Phase.RUNNING
    assert phase_of(nodes(a=(S, ["b"])), task("b")) is Phase.RUNNING


def test_omitted_target_inherits_when_its_branch_failed() -> None:
    assert phase_of(nodes(a=(F, ["b"]), b=(OMITTED, ["c"]), c=(OMITTED, [])), task("c")) is F
    assert phase_of(nodes(a=(E, ["b"]), b=(OMITTED, [])), task("b")) is E


def test_skipped_target_inherits_when_its_branch_failed() -> None:
    assert phase_of(nodes(a=(F, ["b"]), b=(K, [])), task("b")) is F
    assert phase_of(nodes(a=(S, ["b"]), b=(K, [])), task("b")) is S


def test_bad_branch_wins_when_several_lead_to_a_target() -> None:
    found = nodes(a=(S, ["b", "c"]), b=(F, ["e"]), c=(S, ["e"]), e=(OMITTED, []))
    assert phase_of(found, task("e")) is F


def test_target_that_ran_counts_for_itself_when_its_branch_failed() -> None:
    assert phase_of(nodes(a=(F, ["b"]), b=(S, [])), task("b")) is S


def test_failed_target_is_put_up_with_when_it_continues() -> None:
    assert phase_of(nodes(a=(F, [])), task("a", continueOn={"failed": True})) is S
    assert phase_of(nodes(a=(E, [])), task("a", continueOn={"failed": True})) is E


def test_way_goes_on_behind_the_last_try_when_retried() -> None:
    found = nodes(a=(S, ["a(0)", "a(1)"]), b=(S, []))
    found["d.a"].type = NodeType.RETRY
    found["d.a"].children = ["d.a(0)", "d.a(1)"]
    for number, phase, children in ((0, F, []), (1, S, ["d.b"])):
        name = f"d.a({number})"
        found[name] = Node(name=name, display_name=name, type=NodeType.POD, phase=phase, children=children)
    assert phase_of(found, task("b")) is S
    assert outbound(found, "d.a") == ["d.a(1)"]


def test_outbound_nodes_are_the_inner_ends_when_a_dag_is_nested() -> None:
    found = nodes(a=(S, []), b=(S, []))
    found["d"].outbound = ["d.a", "d.b"]
    assert outbound(found, "d") == ["d.a", "d.b"]
