"""Releasing templates: what would change, what is refused, and doing it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from typing import Any

import yaml

from workflows.argo.manifest import DIGEST, VERSION_LABEL
from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError, MissingError
from workflows.cluster.specs import leftovers, settle, settled_digest
from workflows.cluster.templates import ALIAS_LABEL, API, CRON, DIGEST_LABEL, TEMPLATE, Template, versioned_name

OWN_LABELS = (ALIAS_LABEL, VERSION_LABEL, DIGEST_LABEL)


class RefusedError(ClusterError):
    """A released version would change."""


class Act(StrEnum):
    """What a release does to one object."""

    CREATED = "created"
    CHANGED = "changed"
    LABELLED = "labelled"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """One object of a release, held against the cluster.

    Attributes:
        act: What the release does to it.
        document: The object as it shall be.
        live: The object as it is; None if it is not there.
        wanted: The spec as the API server would store it.
    """

    act: Act
    document: Mapping[str, Any]
    live: Mapping[str, Any] | None
    wanted: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Kind and name, as `kubectl` takes them."""
        return f"{self.document['kind'].lower()}/{self.document['metadata']['name']}"

    @property
    def move(self) -> str:
        """From which version to which an alias goes; empty for what is no alias, or stays."""
        before, after = (_version(one) for one in (self.live, self.document))
        return f": {before or 'no version'} → {after}" if self.act is Act.CHANGED and before != after else ""

    def diff(self) -> list[str]:
        """Return how the spec changes, as lines of a unified diff of the YAML; none if it does not."""
        before = _lines(settle(self.live["spec"])) if self.live else []
        return list(unified_diff(before, _lines(self.wanted), f"{self.title} (cluster)", self.title, lineterm=""))


def plan(
    cluster: Cluster, templates: Iterable[Template], schedules: Iterable[Mapping[str, Any]], namespace: str
) -> list[Change]:
    """Return what releasing would do, versions first; nothing is changed.

    The API server is asked what it would store, so that its defaults count on both sides, and the spec that is live is
    compared field by field: it does not matter who applied it, nor what its labels claim.

    Raises:
        ClusterError: If the cluster does not answer, refuses, or does not take a template at all.
    """
    templates = list(templates)
    wanted = {template.alias: _as_stored(cluster, template) for template in templates}
    versions = [_version_change(cluster, template, wanted[template.alias]) for template in templates]
    aliases = [_alias_change(cluster, template, wanted[template.alias]) for template in templates]
    return [*versions, *aliases, *(_schedule_change(cluster, schedule, namespace) for schedule in schedules)]


def carry_out(cluster: Cluster, changes: Iterable[Change]) -> None:
    """Make the cluster what `changes` say, in their order.

    Raises:
        RefusedError: If a released version would change; then nothing is done at all.
        ConflictError: If somebody else released the same version a moment ago.
    """
    changes = list(changes)
    refused = [change for change in changes if change.act is Act.REFUSED]
    if refused:
        raise RefusedError(
            "\n".join(map(_refusal, refused)),
            hint="a released version never changes: raise VERSION in the workflow's module, or `revision` in config/site.yaml"
            " if only that file changed, and render. `argosight diff` shows the difference",
        )
    for change in changes:
        _carry_out(cluster, change)


def move_alias(cluster: Cluster, alias: str, version: str) -> Change:
    """Let `alias` be the released `version`, and return what that changed.

    Raises:
        MissingError: If the version is not in the cluster.
    """
    name = versioned_name(alias, version)
    released = cluster.get(API, TEMPLATE, name)
    if not released:
        raise MissingError(f"no version {version} of {alias} in the cluster", hint=_known_versions(cluster, alias))
    change = _alias_change(cluster, Template(alias, version, released), settle(released["spec"]))
    _carry_out(cluster, change)
    return change


def _as_stored(cluster: Cluster, template: Template) -> dict[str, Any]:
    document = template.named(template.name)
    # Under a name of its own, because the real one may be taken.
    metadata = {key: part for key, part in document["metadata"].items() if key != "name"}
    probe = {**document, "metadata": {**metadata, "generateName": "argosight-dry-run-"}}
    return settle(cluster.create(probe, dry_run=True)["spec"])


def _version_change(cluster: Cluster, template: Template, wanted: dict[str, Any]) -> Change:
    document = template.named(template.name)
    live = cluster.get(API, TEMPLATE, template.name)
    if not live:
        act = Act.CREATED
    elif settle(live["spec"]) != wanted:
        act = Act.REFUSED
    else:
        act = Act.UNCHANGED if _has_labels(live, document) else Act.LABELLED
    return Change(act, document, live, wanted)


def _alias_change(cluster: Cluster, template: Template, wanted: dict[str, Any]) -> Change:
    document = template.named(template.alias)
    live = cluster.get(API, TEMPLATE, template.alias)
    if not live:
        act = Act.CREATED
    elif settle(live["spec"]) == wanted and _has_labels(live, document):
        act = Act.UNCHANGED
    else:
        act = Act.CHANGED
    return Change(act, document, live, wanted)


def _schedule_change(cluster: Cluster, schedule: Mapping[str, Any], namespace: str) -> Change:
    document = {**schedule, "metadata": {**schedule["metadata"], "namespace": namespace}}
    live = cluster.get(API, CRON, document["metadata"]["name"], namespace)
    # Fields that are not ours stay: somebody may have suspended it.
    wanted = settle(cluster.apply(document, dry_run=True)["spec"])
    act = Act.CREATED if not live else Act.UNCHANGED if settle(live["spec"]) == wanted else Act.CHANGED
    return Change(act, document, live, wanted)


def _carry_out(cluster: Cluster, change: Change) -> None:
    match change.act:
        case Act.CREATED if change.document["kind"] == TEMPLATE:
            # Not applied: of two who release the same version at once, one must be told.
            cluster.create(change.document)
        case Act.CREATED | Act.CHANGED | Act.LABELLED:
            stored = cluster.apply(change.document)
            rest = leftovers(settle(stored["spec"]), change.wanted)
            if rest and change.document["kind"] == TEMPLATE:
                # Fields that another client applied stay with a server-side apply; an alias is its version, no more.
                cluster.patch(API, TEMPLATE, change.document["metadata"]["name"], "", {"spec": rest})


def _has_labels(live: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    labels = live["metadata"].get("labels", {})
    digest = live["metadata"].get("annotations", {}).get(DIGEST)
    wanted = document["metadata"]
    return digest == wanted["annotations"][DIGEST] and all(labels.get(n) == wanted["labels"][n] for n in OWN_LABELS)


def _version(document: Mapping[str, Any] | None) -> str:
    return str(((document or {}).get("metadata") or {}).get("labels", {}).get(VERSION_LABEL, ""))


def _refusal(change: Change) -> str:
    live = change.live or {}
    there, here = settled_digest(live["spec"]), settled_digest(change.wanted)
    return f"{change.title} is in the cluster with another spec: {there[:19]}… there, {here[:19]}… here"


def _known_versions(cluster: Cluster, alias: str) -> str:
    found = cluster.list(API, TEMPLATE, selector=f"{ALIAS_LABEL}={alias}")
    names = {one["metadata"]["name"]: one["metadata"]["labels"].get(VERSION_LABEL, "") for one in found}
    versions = sorted(version for name, version in names.items() if name != alias)
    return f"versions are {', '.join(versions)}" if versions else "none is released: `argosight release`"


def _lines(spec: Mapping[str, Any]) -> list[str]:
    return yaml.safe_dump(dict(spec), allow_unicode=True, width=120).splitlines()
