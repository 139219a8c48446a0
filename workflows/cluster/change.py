"""What an installation does to one thing: created, changed or left as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workflows.cluster.client import Cluster
from workflows.cluster.errors import ForbiddenError

OWN_OF_SERVER: Final = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


class Act(StrEnum):
    """What is done to one thing."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Change:
    """One line of the report.

    Attributes:
        act: What was done, or with a dry run what would be done; for templates in the words of `workflows.cluster.release`.
        title: The thing, such as `configmap/artifact-repositories`.
        detail: Which fields changed, or why it was skipped. Never a value: it may be a secret.
    """

    act: StrEnum
    title: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.act:<10} {self.title}{f': {self.detail}' if self.detail else ''}"


def apply(cluster: Cluster, document: Mapping[str, Any], *, dry_run: bool) -> Change:
    """Bring an object to what `document` says, and say what that changed.

    A namespaced object whose namespace is only there in a dry run is reported as created: the server could not tell.
    """
    metadata = document["metadata"]
    title = f"{document['kind'].lower()}/{metadata['name']}"
    namespace = metadata.get("namespace", "")
    if dry_run and namespace and not cluster.get("v1", "Namespace", namespace):
        return Change(Act.CREATED, title)
    try:
        before = cluster.get(document["apiVersion"], document["kind"], metadata["name"], namespace)
        after = cluster.apply(document, dry_run=dry_run)
    except ForbiddenError as error:
        raise ForbiddenError(f"{title}: {error.message}", hint=error.hint) from None
    if before is None:
        return Change(Act.CREATED, title)
    paths = sorted(_differences(_settled(before), _settled(after)))
    return Change(Act.CHANGED, title, ", ".join(paths)) if paths else Change(Act.UNCHANGED, title)


def _settled(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: part for key, part in document["metadata"].items() if key not in OWN_OF_SERVER}
    return {**{key: part for key, part in document.items() if key != "status"}, "metadata": metadata}


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before.keys() | after.keys():
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif before != after:
        yield path
