"""From a wish to a change: which version, with which settings, made of what; then the record of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from steps.contract import duration_seconds
from steps.deploy.cluster.api import Api
from steps.deploy.cluster.deployment import (
    canary_manifest,
    canary_replicas,
    service,
    service_url,
    stable_manifests,
)
from steps.deploy.cluster.inference_service import inference_service, knative_canary
from steps.deploy.cluster.record import (
    Record,
    Served,
    happened,
    overruled,
    read_record,
    settings_of,
    with_settings,
    write_record,
)
from steps.deploy.cluster.rollout import Rollout
from steps.deploy.cluster.settings import CANARY, DEPLOYED, STABLE, TRACK, Settings, check, service_name
from steps.deploy.contract import DeployInputs
from steps.deploy.conversation import Conversation, Golden
from steps.deploy.registry import open_registry
from steps.errors import ParameterError
from steps.registry import Registry, Version

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A change, worked out before anything is touched.

    Attributes:
        api: The cluster.
        settings: The version that is to answer, and how it is served.
        version: That version.
        registry: Where it lies.
        before: What served before, None where nothing did.
        manifests: All that the service is made of afterwards.
        deployed: Label of the pods that are to answer.
    """

    api: Api
    settings: Settings
    version: Version
    registry: Registry
    before: Record | None
    manifests: tuple[Manifest, ...]
    deployed: str

    @property
    def inputs(self) -> DeployInputs:
        """What was asked for, with the settings that hold."""
        return self.settings.inputs

    @property
    def share(self) -> str:
        """What part of the requests the version gets, in words."""
        if not self.inputs.canary:
            return "all requests"
        counts = [one["spec"]["replicas"] for one in self.manifests if one["kind"] == "Deployment"]
        if len(counts) < 2:
            return f"{self.inputs.canary} % of the requests"
        share = 100 * counts[-1] / sum(counts)
        return f"{counts[-1]} of {sum(counts)} servers, so about {share:.0f} % of the connections"

    def carry_out(self, golden: Golden, progress: Callable[[int, int, str], None]) -> tuple[Conversation, str]:
        """Make the change, and return what the version said and where the service is reached."""
        canary, name = bool(self.inputs.canary), self.settings.name
        rollout = Rollout(
            api=self.api,
            name=name,
            version=self.version,
            golden=golden,
            manifests=self.manifests,
            deployed=self.deployed,
            track=CANARY if canary and self.settings.mode != "Knative" else STABLE,
            before=self.before,
            servers=self._servers(),
            progress=progress,
        )
        said, url = rollout.run(duration_seconds(self.inputs.ready_timeout))
        write_record(self.api, name, self._record())
        return said, url or service_url(name, self.api.namespace)

    def write(self, path: Path) -> None:
        """Write the manifests to a YAML file, for people."""
        path.write_text(yaml.safe_dump_all(self.manifests, sort_keys=False), encoding="utf-8")

    def _servers(self) -> int:
        """Return how many servers must answer before the change counts as done."""
        if self.inputs.canary and self.settings.mode == "deployment":
            replicas: int = self.manifests[-1]["spec"]["replicas"]
            return replicas
        return max(1, self.inputs.min_replicas)

    def _record(self) -> Record:
        served = Served(version=self.version.number, settings=settings_of(self.inputs), deployed=self.deployed)
        percent = self.inputs.canary
        what = "canary" if percent else self.inputs.change
        history = happened(self.before, what, self.version.number, percent or 100)
        if percent and self.before:
            changes = {"canary": served, "percent": percent, "manifests": self.manifests, "history": history}
            return self.before.model_copy(update=changes)
        return Record(stable=served, manifests=self.manifests, history=history)


def make_plan(inputs: DeployInputs, api: Api) -> Plan:
    """Work out what `inputs` mean for what serves now.

    Raises:
        ParameterError: If the target cannot do what is asked, or there is no canary to promote, or nothing to go back from.
        RegistryError: If there is no such model or version.
    """
    before = read_record(api, service_name(inputs))
    inputs = settle(inputs, before)
    registry = open_registry(inputs)
    check(inputs)
    version = _wanted(inputs, before, registry)
    settings = Settings(inputs, version.number, version.url)
    manifests = _manifests(settings, before, api)
    return Plan(api, settings, version, registry, before, manifests, _deployed_label(manifests))


def settle(inputs: DeployInputs, before: Record | None) -> DeployInputs:
    """Return `inputs` with the settings that hold: those that are given, or those of `before`, as the change wants it.

    Raises:
        ParameterError: If there is nothing to change, or something is given that the change would pass over.
    """
    if inputs.change == "deploy":
        first = {"deploy-target": "deployment", "registry": inputs.first_registry}
        kept = before.stable.settings if before else first
        return with_settings(inputs, kept) if inputs.keep_settings else inputs
    if not before:
        raise ParameterError(
            f"--change={inputs.change}: nothing is deployed under the name {service_name(inputs)!r}",
            hint="deploy it first: argosight deploy MODEL; see --namespace and --service",
        )
    if inputs.change == "rollback":
        _refuse_overruled(inputs, before.stable.settings)
        return with_settings(inputs, before.stable.settings).model_copy(update={"canary": 0})
    if not before.canary:
        raise ParameterError(
            f"--change=promote: version {before.stable.version} has all requests, there is no canary",
            hint="start one: argosight deploy MODEL --canary 10",
        )
    kept = {**before.canary.settings, **{name: before.stable.settings[name] for name in _SIZE}}
    _refuse_overruled(inputs, kept)
    if inputs.version not in (0, before.canary.version):
        raise ParameterError(
            f"--version={inputs.version}: the canary is version {before.canary.version}",
            hint=f"to deploy the other to all: argosight deploy MODEL --version={inputs.version}",
        )
    return with_settings(inputs, kept).model_copy(update={"canary": 0, "version": before.canary.version})


def _refuse_overruled(inputs: DeployInputs, kept: dict[str, str]) -> None:
    given = overruled(inputs, kept) + ([f"--canary={inputs.canary}"] if inputs.canary else [])
    if given:
        raise ParameterError(
            f"{' '.join(given)}: --change={inputs.change} keeps what is deployed under {service_name(inputs)!r} as it is",
            hint="leave it out; to serve with other settings: argosight deploy MODEL with them",
        )


_SIZE = ("min-replicas", "max-replicas")


def _wanted(inputs: DeployInputs, before: Record | None, registry: Registry) -> Version:
    if inputs.version or inputs.change != "rollback" or not before:
        return registry.resolve(inputs.model_name, inputs.version)
    stable = registry.resolve(inputs.model_name, before.stable.version)
    # To go back from a canary is to let the others have all requests again.
    return stable if before.canary else registry.before(stable)


def _manifests(settings: Settings, before: Record | None, api: Api) -> tuple[Manifest, ...]:
    percent, mode = settings.inputs.canary, settings.mode
    if not percent:
        if mode == "deployment":
            return tuple(stable_manifests(settings))
        beside = (service(settings),) if mode == "Standard" else ()  # Knative makes a Service of that name itself.
        return (*beside, inference_service(settings, fresh=_fresh(mode)))
    if not before:
        raise ParameterError(
            f"--canary={percent}: nothing serves yet that could keep the other {100 - percent} %",
            hint="deploy a version to all first",
        )
    if _mode_of(before) != mode:
        raise ParameterError(
            f"--canary={percent}: what serves is of another kind, {_mode_of(before)}, not {mode}",
            hint="a canary is of the same target; leave --deploy-target out to keep it",
        )
    stable = [one for one in before.manifests if one["metadata"]["labels"].get(TRACK) != CANARY]
    if mode == "deployment":
        live = api.find("Deployment", settings.name) or stable[1]
        count = canary_replicas(live["spec"]["replicas"], percent)
        return (*stable, canary_manifest(settings, count))
    return (knative_canary(settings, percent, fresh=_fresh(mode)),)


def _fresh(mode: str) -> str:
    return str(time.time_ns()) if mode == "Knative" else ""


def _mode_of(record: Record) -> str:
    settings = record.stable.settings
    return settings["kserve-mode"] if settings["deploy-target"] == "kserve" else settings["deploy-target"]


def _deployed_label(manifests: tuple[Manifest, ...]) -> str:
    """Return what marks the pods that the change makes: those of the last manifest that has pods."""
    last = next(one for one in reversed(manifests) if one["kind"] in ("Deployment", "InferenceService"))
    return str(last["metadata"]["labels"][DEPLOYED])
