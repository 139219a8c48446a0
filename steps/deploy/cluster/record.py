"""What serves under a name, and what did: kept beside it in the cluster, so that the next deployment knows what to put back."""

from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from steps.contract import argo_name, as_text
from steps.deploy.cluster.api import Api
from steps.deploy.cluster.settings import INSTANCE, MANAGED_BY
from steps.deploy.contract import DeployInputs
from steps.errors import InputError

KEPT: Final = 20
_KEY: Final = "record.json"
_PASSING: Final = {
    "version",
    "canary",
    "change",
    "reason",
    "keep_settings",
    "first_registry",
    "ready_timeout",
    "namespace",
    "service",
}
"""Inputs that say what to do now, not how the service is."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Served(_Document):
    """A version that was asked and answered."""

    version: int
    settings: dict[str, str]
    """Flags of `deploy` that it was deployed with."""

    deployed: str
    """What its pods are labelled with."""


class Event(_Document):
    """One change that succeeded."""

    change: str
    version: int
    percent: int = 100
    when: str


class Record(_Document):
    """State of one service."""

    stable: Served
    canary: Served | None = None
    percent: int = 0
    manifests: tuple[dict[str, Any], ...]
    """All that was applied, to be applied again if the next version does not answer."""

    history: tuple[Event, ...] = ()
    """The newest first."""


def settings_of(inputs: DeployInputs) -> dict[str, str]:
    """Return the part of `inputs` that a later deployment may take over, as text."""
    return {argo_name(name): as_text(value) for name, value in inputs.model_dump().items() if name not in _PASSING}


def with_settings(inputs: DeployInputs, settings: dict[str, str]) -> DeployInputs:
    """Return `inputs`, with the recorded `settings` for what is not given; those that are not known are left aside."""
    known = DeployInputs.model_fields
    recorded = {name.replace("-", "_"): text for name, text in settings.items() if name.replace("-", "_") in known}
    given = {name: as_text(getattr(inputs, name)) for name in inputs.model_fields_set}
    return DeployInputs.model_validate_strings({**recorded, **given})


def overruled(inputs: DeployInputs, settings: dict[str, str]) -> list[str]:
    """Return what is given in `inputs` and differs from the recorded `settings`, as flags."""
    names = [name for name in DeployInputs.model_fields if name in inputs.model_fields_set - _PASSING]
    given = {argo_name(name): as_text(getattr(inputs, name)) for name in names}
    known = {**settings_of(DeployInputs()), **settings}
    return [f"--{name}={text}" for name, text in given.items() if text.rstrip("/") != known[name].rstrip("/")]


def read_record(api: Api, name: str) -> Record | None:
    """Return the record of the service called `name`, None where it was never deployed.

    Raises:
        InputError: If somebody damaged it.
    """
    found = api.find("ConfigMap", _object_name(name))
    if not found:
        return None
    try:
        return Record.model_validate_json(found.get("data", {}).get(_KEY, ""))
    except ValidationError as error:
        raise InputError(
            f"ConfigMap {_object_name(name)} is damaged: {error.errors()[0]['msg']}",
            hint="delete it, and deploy anew: nothing that serves is touched by that",
        ) from None


def write_record(api: Api, name: str, record: Record) -> None:
    """Keep `record`."""
    labels = {INSTANCE: name, MANAGED_BY: "argosight"}
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": _object_name(name), "labels": labels},
            "data": {_KEY: record.model_dump_json(indent=1)},
        }
    )


def happened(record: Record | None, change: str, version: int, percent: int) -> tuple[Event, ...]:
    """Return the history with one event more."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    event = Event(change=change, version=version, percent=percent, when=now)
    return (event, *(record.history if record else ()))[:KEPT]


def _object_name(name: str) -> str:
    return f"{name}-deployed"
