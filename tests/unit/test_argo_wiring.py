"""Wiring: what is wired, what is offered, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from hera.workflows import DAG, ClusterWorkflowTemplate
from pydantic import Field

from steps.contract import Artifact, Model, Step
from tests.factories_argo import MAKE, SITE, USE, MakeOutputs, Options, UseOutputs, small_workflow
from workflows.argo.wiring import As, Wiring, WiringError, kept


class OtherInputs(Model):
    """Do something else."""

    thing: Annotated[Path, Artifact()]
    """The thing."""

    count: int = Field(default=4, ge=1)
    """How often."""


OTHER = Step(name="other", image="core", inputs=OtherInputs, outputs=UseOutputs, entry="x:y", example="")


@pytest.fixture
def wiring() -> Iterator[Wiring]:
    with ClusterWorkflowTemplate(name="w", entrypoint="main"), DAG(name="main"):
        yield Wiring(SITE, Options)


def test_wire_is_refused_when_misspelt(wiring: Wiring) -> None:
    make = wiring.call(MAKE)
    with pytest.raises(WiringError, match=r"unknown wires \['thng'\], missing wires \['thing'\]\n  hint: .*thing"):
        wiring.call(USE, thng=make.get_artifact("thing"))


def test_artifact_is_refused_when_wired_to_a_parameter(wiring: Wiring) -> None:
    make = wiring.call(MAKE)
    with pytest.raises(WiringError, match="'size'"):
        wiring.call(USE, thing=make.get_artifact("thing"), size=make.get_artifact("thing"))


def test_task_comes_after_those_it_is_wired_from(wiring: Wiring) -> None:
    make = wiring.call(MAKE)
    again = wiring.call(MAKE, As(name="again"))
    use = wiring.call(USE, As(after=(again,)), thing=make.get_artifact("thing"), size=make.get_parameter("size"))
    assert use.depends == "make && again"


def test_unwired_parameters_are_offered_once_with_required_ones_first(wiring: Wiring) -> None:
    make = wiring.call(MAKE)
    wiring.call(USE, thing=make.get_artifact("thing"))
    assert [parameter.name for parameter in wiring.parameters()] == ["source", "use", "count", "loud"]


def test_offered_parameter_carries_the_contracts_words() -> None:
    offered = {p["name"]: p for p in small_workflow().to_dict()["spec"]["arguments"]["parameters"]}
    assert offered["count"] == {"name": "count", "description": "How many. Range: >= 1.", "value": "3"}
    assert offered["loud"]["enum"] == ["true", "false"]
    assert "value" not in offered["source"]


def test_steps_that_disagree_are_refused_when_no_owner_is_named(wiring: Wiring) -> None:
    make = wiring.call(MAKE)
    with pytest.raises(WiringError, match=r"parameter 'count': 'make' says .*'3'.*'other' says .*'4'.*\n  hint: "):
        wiring.call(OTHER, thing=make.get_artifact("thing"))


@pytest.mark.parametrize("how", ["owner", "option"])
def test_disagreement_is_settled_when_somebody_speaks_for_the_parameter(how: str) -> None:
    class Counted(Options):
        """Options that speak for `count`."""

        count: int = 5
        """As many as the workflow says."""

    settled = Wiring(SITE, Options, owners={"count": OTHER}) if how == "owner" else Wiring(SITE, Counted)
    with ClusterWorkflowTemplate(name="w", entrypoint="main"), DAG(name="main"):
        make = settled.call(MAKE)
        settled.call(OTHER, thing=make.get_artifact("thing"))
    count = next(p for p in settled.parameters() if p.name == "count")
    assert (count.value, count.description) == {
        "owner": ("4", "How often. Range: >= 1."),
        "option": ("5", "As many as the workflow says."),
    }[how]


def test_template_is_built_once_when_called_twice() -> None:
    with ClusterWorkflowTemplate(name="w", entrypoint="main") as workflow, DAG(name="main"):
        wiring = Wiring(SITE, Options)
        wiring.call(MAKE, As(name="one"))
        wiring.call(MAKE, As(name="two"))
    assert [t["name"] for t in workflow.to_dict()["spec"]["templates"]] == ["main", "make"]


def test_kept_artifact_is_optional_and_where_the_step_puts_it() -> None:
    spec = small_workflow().to_dict()["spec"]
    made = next(t for t in spec["templates"] if t["name"] == "make")
    output = next(a for a in made["outputs"]["artifacts"] if a["name"] == "thing")
    artifact = kept(MAKE, "thing")
    assert artifact.optional
    assert output["s3"]["key"] == artifact.key == "runs/{{workflow.name}}/make/thing.tgz"
    assert list(MakeOutputs.model_fields) == ["thing", "size"]
