"""Small steps, sites and manifests."""

import copy
from pathlib import Path
from typing import Annotated, Any

from hera.workflows import DAG, ClusterWorkflowTemplate
from pydantic import Field

from steps.contract import Artifact, Internal, Model, Step
from workflows.argo.manifest import conduct
from workflows.argo.site import Site
from workflows.argo.template import DESCRIPTION
from workflows.argo.wiring import As, Wiring, kept, option

SITE = Site.model_validate(
    {
        "registry": "registry.test/team",
        "tag": "1.0",
        "service-account": "runner",
        "store-secret": "store",
        "user": 1234,
        "run-deadline": "1h",
        "keep-succeeded": "2h",
        "keep-failed": "3h",
        "sizes": {
            "small": {"cpu": "100m", "memory": "64Mi", "memory-limit": "128Mi"},
            "gpu": {"cpu": "1", "memory": "1Gi", "memory-limit": "2Gi", "shared-memory": "1Gi", "gpus": 1},
        },
        "gpu": {"node-selector": {"accelerator": "test"}, "tolerations": [{"key": "gpu", "effect": "NoSchedule"}]},
    }
)


class MakeInputs(Model):
    """Make a thing."""

    source: str
    """Where from."""

    count: int = Field(default=3, ge=1)
    """How many."""

    loud: bool = False
    """Whether to shout."""

    limit: Annotated[int, Internal()] = 9
    """A machine limit."""


class MakeOutputs(Model):
    """What `make` leaves behind."""

    thing: Annotated[Path, Artifact()]
    """The thing."""

    size: int
    """Its size."""


class UseInputs(Model):
    """Use a thing."""

    thing: Annotated[Path, Artifact()]
    """The thing."""

    size: Annotated[int, Internal()] = 0
    """Its size."""

    count: int = Field(default=3, ge=1)
    """How many."""


class TellInputs(Model):
    """Tell of a thing, if there is one."""

    thing: Annotated[Path | None, Artifact(optional=True)] = None
    """The thing."""

    status: Annotated[str, Internal()] = "Succeeded"
    """How it went."""


class UseOutputs(Model):
    """What `use` leaves behind."""

    report: Annotated[Path, Artifact(file="html")]
    """A page."""


class Options(Model):
    """Make a thing and use it."""

    use: bool = True
    """Whether to use it."""


MAKE = Step(name="make", image="core", inputs=MakeInputs, outputs=MakeOutputs, entry="x:y", example="--source=a")
USE = Step(name="use", image="train", inputs=UseInputs, outputs=UseOutputs, entry="x:y", example="", size="gpu")
TELL = Step(name="tell", image="core", inputs=TellInputs, outputs=UseOutputs, entry="x:y", example="")


def small_workflow(site: Site = SITE) -> ClusterWorkflowTemplate:
    """Return a workflow with every kind of part that ours have."""
    wiring = Wiring(site, Options)
    with ClusterWorkflowTemplate(
        name="small",
        entrypoint="main",
        on_exit="exit",
        **conduct(site, title="Small", options=Options, version="1.2.3"),
    ) as workflow:
        with DAG(name="main", annotations={DESCRIPTION: "The way."}):
            make = wiring.call(MAKE)
            asked = As(when=f"'{option('use')}' == 'true'")
            wiring.call(USE, asked, thing=make.get_artifact("thing"), size=make.get_parameter("size"))
        with DAG(name="exit", annotations={DESCRIPTION: "The end."}):
            told = As(name="last", template="tell-last", size="gpu")
            wiring.call(TELL, told, thing=kept(MAKE, "thing"), status="{{workflow.status}}")
        workflow.arguments = wiring.parameters()
    return workflow


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of `document` with `value` at `path`; list entries are named, `...` deletes.

    Example: `spec.templates.main.dag.tasks.use.when`.
    """
    result = copy.deepcopy(document)
    *way, last = path.split(".")
    place: Any = result
    for part in way:
        place = next(item for item in place if item["name"] == part) if isinstance(place, list) else place[part]
    if isinstance(place, list):
        index = next((n for n, item in enumerate(place) if item["name"] == last), len(place))
        place[index : index + 1] = [] if value is ... else [value]
    elif value is ...:
        del place[last]
    else:
        place[last] = value
    return result
