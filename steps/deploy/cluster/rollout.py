"""Bring manifests to the cluster, wait until the version answers, and put back what was there if it does not."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from steps.deploy.cluster.api import Api, Document
from steps.deploy.cluster.pods import alive, explain, explain_absence, ready, refuse_hopeless, waits
from steps.deploy.cluster.record import Record
from steps.deploy.cluster.settings import DEPLOYED, INSTANCE, MANAGED_BY, PORT, TRACK
from steps.deploy.conversation import REQUESTS, Conversation, Golden, converse
from steps.errors import InputError, StepError, TemporaryError
from steps.registry import Version

POLL_S: Final = 1.0
PUT_BACK_S: Final = 60
"""Longest wait for what was put back: it still serves, unless it was gone before."""

LEAVE_S: Final = 60
"""Longest wait for servers that are removed to get no more requests."""

MAKE_WAY_S: Final = 90
"""Longest wait for what must be gone before something else is made. A server may take 35 s to end."""

WORKLOADS: Final = ("Deployment", "InferenceService")

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One change of a service.

    Attributes:
        api: The cluster.
        name: The service.
        version: The version that must answer.
        golden: What it must answer.
        manifests: All that the service is made of afterwards.
        deployed: Label of the pods that must answer.
        track: `stable` or `canary`.
        before: What served before, None where nothing did.
        servers: How many of them there must be.
        progress: Tells how far it is.
    """

    api: Api
    name: str
    version: Version
    golden: Golden
    manifests: tuple[Manifest, ...]
    deployed: str
    track: str
    before: Record | None
    servers: int
    progress: Callable[[int, int, str], None]

    def run(self, timeout_s: float) -> tuple[Conversation, str]:
        """Make the change and return what the version said, and where the service is reached, if it says so itself.

        Raises:
            StepError: If the version does not answer as it should in time. What was there is put back first, also when
                this process is told to stop.
        """
        self._refuse_strangers()
        try:
            self._make_way(self._was, self.manifests)
            self._apply(self.manifests)
            conversation = self._wait(time.monotonic() + timeout_s)
        except StepError as error:
            raise type(error)(f"{error.message}\n{self._put_back()}", hint=error.hint) from None
        except BaseException:
            self.progress(1, 1, "stopped: putting back what served before")
            self.progress(1, 1, self._put_back())
            raise
        self._remove(self._left_over(), self.manifests)
        return conversation, self._address()

    def _refuse_strangers(self) -> None:
        """Touch nothing that somebody else made under these names."""
        for manifest in self.manifests:
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            found = self.api.find(kind, name)
            if found and not self._is_ours(found):
                raise InputError(
                    f"there is a {kind} {name} in namespace {self.api.namespace} that argosight did not make",
                    hint="deploy under another name with --service, or remove it first",
                )

    def _is_ours(self, found: Document) -> bool:
        owners = {(owner["kind"], owner["name"]) for owner in found["metadata"].get("ownerReferences", ())}
        made = found["metadata"].get("labels", {}).get(MANAGED_BY) == "argosight"
        return made or bool(owners & {_identity(manifest) for manifest in self._was})

    def _apply(self, manifests: tuple[Manifest, ...]) -> None:
        """Apply all, and leave the number of servers that an autoscaler has found, within its new bounds."""
        scalers = {
            one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == "HorizontalPodAutoscaler"
        }
        for manifest in manifests:
            bounds = scalers.get(manifest["metadata"]["name"])
            live = self.api.find("Deployment", manifest["metadata"]["name"]) if bounds else None
            if manifest["kind"] == "Deployment" and bounds and live:
                replicas = min(max(live["spec"]["replicas"], bounds["minReplicas"]), bounds["maxReplicas"])
                self.api.apply({**manifest, "spec": {**manifest["spec"], "replicas": replicas}})
            else:
                self.api.apply(manifest)

    def _wait(self, deadline: float) -> Conversation:
        asked: dict[str, Conversation] = {}
        waited: dict[str, list[str]] = {}
        told = -1
        while True:
            pods = self.api.list("Pod", {INSTANCE: self.name, TRACK: self.track})
            ours = [pod for pod in pods if pod["metadata"]["labels"].get(DEPLOYED) == self.deployed]
            refuse_hopeless(self.api, ours)
            waited |= {pod["metadata"]["name"]: found for pod in ours if (found := waits(pod))}
            for pod in ready(ours):
                if pod["metadata"]["name"] not in asked:
                    asked[pod["metadata"]["name"]] = self._ask(pod, first=not asked)
            old = [] if self._keeps_old_pods else [pod for pod in alive(pods) if pod not in ours]
            answering = sum(pod["metadata"]["name"] in asked for pod in ready(ours))
            if answering != told:
                self.progress(
                    min(answering, self.servers), self.servers + 1, f"{answering} of {self.servers} servers answer"
                )
                told = answering
            waits_for = self._service_waits_for()
            if answering >= self.servers and not old and not waits_for:
                return next(iter(asked.values()))
            if time.monotonic() > deadline:
                ours_waiting = [pod for pod in alive(ours) if pod not in ready(ours)]
                reason = waits_for
                if answering < self.servers:
                    reason = explain(self.api, ours_waiting, waited)
                    reason = reason or explain_absence(self.api, self.name, self.deployed)
                raise TemporaryError(
                    f"version {self.version.number} of {self.version.name!r} does not serve in time: "
                    f"{answering} of {self.servers} servers answer, {len(old)} old ones are left\n{reason}",
                    hint="give it more time with --ready-timeout, or mend what the pods wait for",
                )
            time.sleep(POLL_S)

    @property
    def _keeps_old_pods(self) -> bool:
        """Whether pods of other revisions may stay while we wait.

        Knative lets them go when nobody asks them any more; and those of another target go with what they belong to,
        which serves until the new ones answer.
        """
        other_target = any(name == self.name and kind in WORKLOADS for kind, name in self._left_over())
        return other_target or _is_knative(self.manifests)

    def _ask(self, pod: Document, *, first: bool) -> Conversation:
        requests = REQUESTS if first else 1
        return converse(self.api.line_to(pod, PORT), self.version, self.golden, requests=requests)

    def _service_waits_for(self) -> str:
        """Return what KServe still has to do before requests go to the new servers; empty if nothing."""
        if not any(manifest["kind"] == "InferenceService" for manifest in self.manifests):
            return ""
        found = self.api.find("InferenceService", self.name) or {}
        status = found.get("status", {})
        if status.get("observedGeneration") != found.get("metadata", {}).get("generation"):
            return "KServe has not looked at the change yet"
        faults = [
            f"{one['type']} is {one['status']}: {one.get('reason', '')} {one.get('message', '')}".rstrip()
            for one in status.get("conditions", ())
            if one["status"] != "True" and one.get("severity") != "Info"
        ]
        is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
        return "" if is_ready else "; ".join(faults) or "KServe says nothing yet"

    def _address(self) -> str:
        """Return where Knative says that the service is; the others are behind the Service that is ours."""
        if not _is_knative(self.manifests):
            return ""
        status = (self.api.find("InferenceService", self.name) or {}).get("status", {})
        return str((status.get("address") or {}).get("url") or status.get("url") or "")

    def _left_over(self) -> list[tuple[str, str]]:
        """Return kind and name of what the service was made of before and is no more."""
        kept = {_identity(manifest) for manifest in self.manifests}
        return [_identity(manifest) for manifest in self._was if _identity(manifest) not in kept]

    @property
    def _was(self) -> tuple[Manifest, ...]:
        return self.before.manifests if self.before else ()

    def _make_way(self, theirs: tuple[Manifest, ...], ours: tuple[Manifest, ...]) -> None:
        """Remove `theirs` first where they cannot stand beside `ours`, from Knative or to it.

        Knative makes a Service of the name that ours has, and KServe lets no InferenceService change its mode.
        """
        if not theirs or not ours or _is_knative(theirs) == _is_knative(ours):
            return
        objects = [_identity(manifest) for manifest in theirs]
        for kind, name in objects:
            self.api.delete(kind, name, wait_for_parts=True)
        deadline = time.monotonic() + MAKE_WAY_S
        while left := [f"{kind} {name}" for kind, name in objects if self.api.find(kind, name)]:
            if time.monotonic() > deadline:
                raise TemporaryError(
                    f"{', '.join(left)} is not gone after {MAKE_WAY_S} s", hint="does it wait for a finalizer?"
                )
            time.sleep(POLL_S)

    def _remove(self, objects: list[tuple[str, str]], kept: tuple[Manifest, ...]) -> None:
        """Remove `objects`, and wait until their servers get no requests: who goes back wants no answer of theirs."""
        for kind, name in objects:
            self.api.delete(kind, name)
        if not any(kind in WORKLOADS for kind, _ in objects) or _is_knative(kept):
            return
        marks = {manifest["metadata"]["labels"].get(DEPLOYED) for manifest in kept}
        deadline = time.monotonic() + LEAVE_S
        while others := [pod for pod in self._living_pods() if pod["metadata"]["labels"].get(DEPLOYED) not in marks]:
            if time.monotonic() > deadline:
                names = ", ".join(pod["metadata"]["name"] for pod in others)
                self.progress(1, 1, f"removed, but still there after {LEAVE_S} s: {names}")
                return
            time.sleep(POLL_S)

    def _living_pods(self) -> list[Document]:
        return alive(self.api.list("Pod", {INSTANCE: self.name}))

    def _put_back(self) -> str:
        """Undo the change, and say in words what serves now."""
        known = {_identity(manifest) for manifest in self._was}
        try:
            self._make_way(self.manifests, self._was)
            self._apply(self._was)
            self._remove([one for one in map(_identity, self.manifests) if one not in known], self._was)
            if not self.before:
                return "nothing served before: what was made is removed again"
            return self._wait_for_before(self.before, time.monotonic() + PUT_BACK_S)
        except StepError as error:
            return f"what served before could not be put back: {error.message}"

    def _wait_for_before(self, before: Record, deadline: float) -> str:
        number = before.stable.version
        while time.monotonic() < deadline:
            pods = self.api.list("Pod", {INSTANCE: self.name, DEPLOYED: before.stable.deployed})
            if ready(pods):
                return f"version {number}, which served before, is put back and ready"
            time.sleep(POLL_S)
        return f"version {number}, which served before, is put back, but no server of it is ready yet"


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _is_knative(manifests: tuple[Manifest, ...]) -> bool:
    return any("Knative" in manifest["metadata"].get("annotations", {}).values() for manifest in manifests)
