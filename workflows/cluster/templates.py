"""Rendered manifests as they are released: a version that never changes, an alias that moves, and schedules."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from steps.catalog import STEPS
from steps.contract import site_default, split_fields
from workflows.argo.manifest import DIGEST, VERSION_LABEL
from workflows.cluster.errors import ClusterError, MissingError
from workflows.cluster.specs import settled_digest

API: Final = "argoproj.io/v1alpha1"
TEMPLATE: Final = "ClusterWorkflowTemplate"
CRON: Final = "CronWorkflow"
ALIAS_LABEL: Final = "argosight.dev/template"
DIGEST_LABEL: Final = "argosight.dev/digest"
LONGEST_NAME: Final = 63
DIGITS: Final = 32
"""Hexadecimal digits of a digest in a label, which cannot hold all 64."""


@dataclass(frozen=True, slots=True)
class Template:
    """One workflow template on its way into a cluster.

    Attributes:
        alias: Its name without a version: what people, schedules and events submit from.
        version: What its label says, `0.1.0`.
        document: The manifest.
    """

    alias: str
    version: str
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of this version, `train-detector-0-1-0`."""
        return versioned_name(self.alias, self.version)

    def named(self, name: str) -> dict[str, Any]:
        """Return the object to apply under `name`: the spec as rendered, labelled with version and digest."""
        digest = settled_digest(self.document["spec"])
        metadata = self.document["metadata"]
        labels = {ALIAS_LABEL: self.alias, DIGEST_LABEL: digest.removeprefix("sha256:")[:DIGITS]}
        return {
            "apiVersion": API,
            "kind": TEMPLATE,
            "metadata": {
                "name": name,
                "labels": {**metadata.get("labels", {}), **labels},
                "annotations": {**metadata.get("annotations", {}), DIGEST: digest},
            },
            "spec": self.document["spec"],
        }


def versioned_name(alias: str, version: str) -> str:
    """Return the name of a version of `alias`, `train-detector-0-1-0`."""
    return f"{alias}-{version.replace('.', '-')}"


def read_manifests(folder: Path) -> tuple[list[Template], list[dict[str, Any]]]:
    """Return the templates and the schedules (CronWorkflows) that `argosight render` wrote to `folder`.

    Raises:
        ClusterError: If there are none, one is no YAML, or one has no version or too long a name.
    """
    found = [document for path in sorted(folder.rglob("*.yaml")) for document in _documents(path)]
    templates = [_template(document) for document in found if document.get("kind") == TEMPLATE]
    if not templates:
        raise ClusterError(f"no {TEMPLATE} in {folder}", hint="`argosight render` writes them to argo/rendered")
    return templates, [document for document in found if document.get("kind") == CRON]


def refuse_other_buckets(templates: Iterable[Template], bucket: str) -> None:
    """Refuse templates that were rendered for a site with another bucket: their runs would find no store at their end.

    Raises:
        ClusterError: If a step's default lies in another bucket than `bucket`.
    """
    for template in templates:
        for place in _site_defaults(template.document["spec"]):
            if place.startswith("s3://") and not place.startswith(f"s3://{bucket}/"):
                raise ClusterError(
                    f"{template.alias} keeps things in {place}, and the site's bucket is {bucket}",
                    hint="it was rendered for another site: `argosight render`, with --site where yours is elsewhere",
                )


def choose(templates: Iterable[Template], names: Iterable[str]) -> list[Template]:
    """Return the templates called `names`, all if there are none.

    Raises:
        MissingError: If one is not there.
    """
    by_name = {template.alias: template for template in templates}
    for name in names:
        if name not in by_name:
            raise MissingError(f"no template {name!r}", hint=f"templates are {', '.join(by_name)}")
    return [by_name[name] for name in names] or list(by_name.values())


def _site_defaults(spec: Mapping[str, Any]) -> Iterator[str]:
    for template in spec.get("templates") or ():
        command = (template.get("container") or {}).get("command") or []
        step = STEPS.get(command[3]) if command[:3] == ["python", "-m", "steps"] and len(command) > 3 else None
        fields = split_fields(step.inputs)[0] if step else {}
        for one in (template.get("inputs") or {}).get("parameters") or ():
            if one["name"] in fields and site_default(fields[one["name"]]):
                yield str(one.get("default", ""))


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"{path}: {error}", hint="`argosight render` writes it anew") from None
    return [document for document in documents if isinstance(document, dict)]


def _template(document: dict[str, Any]) -> Template:
    metadata = document["metadata"]
    version = metadata.get("labels", {}).get(VERSION_LABEL, "")
    if not version:
        raise ClusterError(f"{metadata['name']}: no label {VERSION_LABEL}", hint="`argosight render` writes it")
    template = Template(metadata["name"], version, document)
    if len(template.name) > LONGEST_NAME:
        raise ClusterError(
            f"{template.name}: {len(template.name)} characters, {LONGEST_NAME} fit", hint="shorten the workflow's name"
        )
    return template
