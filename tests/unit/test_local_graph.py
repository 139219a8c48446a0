import pytest

from workflows.local.errors import ManifestError
from workflows.local.graph import RESULTS, Graph
from workflows.local.template import DAG


def graph(*tasks: dict[str, object], **dag: object) -> Graph:
    return Graph(DAG.model_validate({"tasks": [{"template": "t", **task} for task in tasks], **dag}))


def results(**phases: str) -> dict[str, dict[str, bool]]:
    return {name: {result: result == phase for result in RESULTS} for name, phase in phases.items()}


@pytest.mark.parametrize(
    ("depends", "phases", "runs"),
    [
        ("a", {"a": "Succeeded"}, True),
        ("a", {"a": "Skipped"}, True),
        ("a", {"a": "Failed"}, False),
        ("a", {"a": "Omitted"}, False),
        ("a.Failed", {"a": "Failed"}, True),
        ("a.Failed || a.Errored", {"a": "Errored"}, True),
        ("!a.Succeeded", {"a": "Failed"}, True),
        ("a && b", {"a": "Succeeded", "b": "Failed"}, False),
        ("(a || b) && b.Omitted", {"a": "Succeeded", "b": "Omitted"}, True),
        ("i.AnySucceeded && !i.AllFailed", {"i": "AnySucceeded"}, True),
    ],
)
def test_task_runs_when_its_depends_hold(depends: str, phases: dict[str, str], runs: bool) -> None:
    one = graph({"name": "a"}, {"name": "b"}, {"name": "i", "withItems": ["x"]}, {"name": "c", "depends": depends})
    assert one.may_run("c", results(**phases)) is runs


def test_results_of_groups_are_refused_when_a_task_has_no_items() -> None:
    with pytest.raises(ManifestError, match="'a' has no items") as caught:
        graph({"name": "a"}, {"name": "c", "depends": "a.AnySucceeded"})
    assert caught.value.hint == "write a.Succeeded"


def test_dash_is_part_of_a_name_when_in_depends() -> None:
    one = graph({"name": "a-b"}, {"name": "c", "depends": "a-b.Succeeded && a-b"})
    assert one.dependencies["c"] == ["a-b"]


def test_continue_on_widens_what_is_good_enough_when_waited_for() -> None:
    one = graph({"name": "a", "continueOn": {"failed": True}}, {"name": "b", "dependencies": ["a"]})
    assert one.may_run("b", results(a="Failed"))
    assert not one.may_run("b", results(a="Errored"))


def test_targets_are_the_leaves_when_none_is_named() -> None:
    tasks: tuple[dict[str, object], ...] = ({"name": "z"}, {"name": "a"}, {"name": "m", "depends": "z"})
    assert graph(*tasks).targets == ["a", "m"]
    assert graph(*tasks, target="z a").targets == ["z", "a"]


def test_ancestors_come_in_order_when_asked_for() -> None:
    one = graph({"name": "c", "depends": "b"}, {"name": "b", "depends": "a"}, {"name": "a"})
    assert one.ancestors == {"a": [], "b": ["a"], "c": ["a", "b"]}


@pytest.mark.parametrize(
    ("tasks", "fault"),
    [
        ([{"name": "a", "depends": "b"}], "no task 'b'"),
        ([{"name": "a", "dependencies": ["b"]}], "no task 'b'"),
        ([{"name": "a"}, {"name": "b", "depends": "a.Done"}], "a.Done is unknown"),
        ([{"name": "a"}, {"name": "b", "depends": "a &&"}], "cannot read"),
        ([{"name": "a"}, {"name": "a"}], "same name"),
        ([{"name": "a", "depends": "b"}, {"name": "b", "depends": "a"}], "a > b > a"),
        ([{"name": "a"}, {"name": "b", "depends": "a"}, {"name": "c", "dependencies": ["a"]}], "uses depends"),
        ([{"name": "a", "continueOn": {"failed": True}}, {"name": "b", "depends": "a"}], "continueOn"),
        ([{"name": "1a"}, {"name": "b", "depends": "1a"}], "starts with a letter"),
    ],
)
def test_graph_is_refused_when_tasks_do_not_fit(tasks: list[dict[str, object]], fault: str) -> None:
    with pytest.raises(ManifestError, match=fault):
        graph(*tasks)
