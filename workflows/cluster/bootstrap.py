"""Installing argosight in a cluster: a kustomize overlay, Secrets, the controller's setting, the store, the templates.

Every step looks first and changes only what differs, so that it can be run again at any time.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from workflows.cluster.bucket import connect_store, set_up_bucket, store_refusals
from workflows.cluster.change import Act, Change, apply
from workflows.cluster.client import Cluster
from workflows.cluster.controller import restrict_executor
from workflows.cluster.errors import ClusterError, UnreachableError
from workflows.cluster.keys import (
    AWS_REGION,
    ENDPOINT,
    KEY,
    MINIO_SECRET,
    ROOT_PASSWORD,
    ROOT_USER,
    SECRET,
    Keys,
    administrator,
    secret_document,
    store_keys,
)
from workflows.cluster.kustomize import render
from workflows.cluster.repository import REPOSITORIES, pointed_at, repository_endpoint
from workflows.cluster.templates import Template, read_manifests, refuse_other_buckets
from workflows.cluster.tenant import is_minio, set_up_user
from workflows.cluster.tunnel import reach

OVERLAY: Final = "argosight.dev/overlay"
"""Annotation of the namespace, so that `bootstrap` can be called again without saying what it was."""
MINIO_DEADLINE_S: Final = 300


@dataclass(frozen=True)
class Installation:
    """What to install, and where.

    Attributes:
        overlay: Name or folder of a kustomize overlay; empty means that of the last time, or `prod`.
        namespace: Where everything goes.
        bucket: The one bucket.
        secret: Name of the Secret with the store's keys.
        keep_runs_days: After how many days artifacts of runs go; None leaves it as it is, or sets 30.
        templates: Folder of the rendered templates; None releases none.
        dry_run: Look at everything and change nothing.
    """

    overlay: str
    namespace: str
    bucket: str
    secret: str
    keep_runs_days: int | None
    templates: Path | None
    dry_run: bool


def bootstrap(cluster: Cluster, wanted: Installation) -> Iterator[Change]:
    """Install `wanted`, and yield each change as it is made.

    Raises:
        ClusterError: If something is refused, missing or does not answer; what was yielded before is done.
    """
    templates, schedules = read_manifests(wanted.templates) if wanted.templates else ([], [])
    refuse_other_buckets(templates, wanted.bucket)
    overlay = wanted.overlay or _last_overlay(cluster, wanted.namespace)
    documents = render(overlay, wanted.namespace)
    repository = next((d for d in documents if d["metadata"]["name"] == REPOSITORIES), None)
    if repository is None:
        raise ClusterError(f"overlay {overlay} has no ConfigMap {REPOSITORIES}", hint="add argo/cluster/base to it")
    brings_minio = any(_reads_secret(document, MINIO_SECRET) for document in documents)
    root = administrator(cluster, wanted.namespace, generate=brings_minio)
    keys = store_keys(
        cluster, wanted.namespace, wanted.secret, repository_endpoint(repository), generate=root is not None
    )
    documents[documents.index(repository)] = pointed_at(repository, keys, wanted.bucket, wanted.secret)
    namespace, others = documents[0], documents[1:]
    namespace["metadata"].setdefault("annotations", {})[OVERLAY] = overlay
    for document in (namespace, *_secrets(wanted, keys, root if brings_minio else None), *others):
        yield apply(cluster, document, dry_run=wanted.dry_run)
    yield restrict_executor(cluster, dry_run=wanted.dry_run)
    if brings_minio and not wanted.dry_run:
        _await_minio(cluster, documents)
    yield from _set_up_store(cluster, wanted, keys, root, brings_minio=brings_minio)
    if templates:
        yield from _release(cluster, templates, schedules, wanted)


def _last_overlay(cluster: Cluster, namespace: str) -> str:
    found = cluster.get("v1", "Namespace", namespace) or {"metadata": {}}
    return str(found["metadata"].get("annotations", {}).get(OVERLAY, "prod"))


def _set_up_store(
    cluster: Cluster, wanted: Installation, keys: Keys, root: tuple[str, str] | None, *, brings_minio: bool
) -> Iterator[Change]:
    if wanted.dry_run and brings_minio and not _minio_is_ready(cluster, wanted.namespace):
        yield Change(Act.SKIPPED, "bucket, user and policy", "looked at when MinIO runs")
        return
    with store_refusals(keys.endpoint), reach(cluster, keys.endpoint, wanted.namespace) as host:
        ours = is_minio(keys, host)
        client = connect_store(keys, host, root if ours else None)
        yield from set_up_bucket(client, wanted.bucket, keep_runs_days=wanted.keep_runs_days, dry_run=wanted.dry_run)
        if not ours:
            yield Change(
                Act.SKIPPED, "user and policy", f"{keys.endpoint} is no MinIO: docs/install-cluster.md has the policy"
            )
        elif root is None:
            yield Change(Act.SKIPPED, "user and policy", f"{ROOT_USER} and {ROOT_PASSWORD} are not set")
        else:
            yield from set_up_user(host, keys, root, wanted.bucket, dry_run=wanted.dry_run)


def _release(
    cluster: Cluster, templates: Sequence[Template], schedules: Sequence[dict[str, Any]], wanted: Installation
) -> Iterator[Change]:
    from workflows.cluster.release import carry_out, plan  # noqa: PLC0415

    there = cluster.get("v1", "Namespace", wanted.namespace) is not None
    changes = plan(cluster, templates, schedules if there else (), wanted.namespace)
    if not wanted.dry_run:
        carry_out(cluster, changes)
    for change in changes:
        refused = change.act == "refused"
        detail = "a released version would change: `argosight diff`" if refused else change.move.removeprefix(": ")
        yield Change(change.act, change.title, detail)


def _secrets(wanted: Installation, keys: Keys, root: tuple[str, str] | None) -> Iterator[dict[str, Any]]:
    values = {ENDPOINT: keys.endpoint, KEY: keys.key, SECRET: keys.secret, AWS_REGION: keys.region}
    yield secret_document(wanted.secret, wanted.namespace, values)
    if root:
        yield secret_document(MINIO_SECRET, wanted.namespace, dict(zip((ROOT_USER, ROOT_PASSWORD), root, strict=True)))


def _reads_secret(document: Mapping[str, Any], name: str) -> bool:
    if document["kind"] != "Deployment":
        return False
    containers = document["spec"]["template"]["spec"]["containers"]
    return any(
        source.get("secretRef", {}).get("name") == name for one in containers for source in one.get("envFrom", ())
    )


def _minio_is_ready(cluster: Cluster, namespace: str) -> bool:
    document = cluster.get("apps/v1", "Deployment", "minio", namespace) or {}
    return bool(document.get("status", {}).get("readyReplicas"))


def _await_minio(cluster: Cluster, documents: Sequence[Mapping[str, Any]]) -> None:
    namespace = documents[0]["metadata"]["name"]
    end = time.monotonic() + MINIO_DEADLINE_S
    while not _minio_is_ready(cluster, namespace):
        if time.monotonic() > end:
            raise UnreachableError(
                f"MinIO has no pod that is ready after {MINIO_DEADLINE_S} s: {_why_not(cluster, namespace)}",
                hint=f"kubectl -n {namespace} describe pods -l app.kubernetes.io/name=minio; then bootstrap again",
            )
        time.sleep(1)


def _why_not(cluster: Cluster, namespace: str) -> str:
    """Return what the newest event of a kind that explains says."""
    warnings = [event for event in cluster.list("v1", "Event", namespace) if event.get("type") == "Warning"]
    return str(warnings[-1].get("message", "")) if warnings else "no event says why"
