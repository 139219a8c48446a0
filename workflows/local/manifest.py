"""Rendered manifests: read, merged, and refused where a local run does not offer what they ask for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml
from pydantic import Field, ValidationError

from workflows.local.errors import ManifestError
from workflows.local.strict import AnyString, Strict
from workflows.local.template import Synchronization, Template, Volume
from workflows.local.values import Offered

HINTS = {
    "sidecars": "a local run starts one process a node",
    "initContainers": "a local run starts one process a node",
    "daemon": "a local run waits for every node; start the server inside the step that asks it",
    "suspend": "there is nobody to resume a local run",
    "templateRef": "put the template into the same manifest",
    "withSequence": "use withItems or withParam",
    "command": "name the command: processes have no image to take an entry point from",
    "emptyDir": "only emptyDir volumes mean the same on a laptop",
    "digest": "this field is the engine's own",
    "tree": "this field is the engine's own",
    "bucket": "give only the key: the default artifact repository is a folder here",
}
IGNORED_IN_SPEC = frozenset(
    {
        "affinity", "archiveLogs", "artifactGC", "artifactRepositoryRef", "automountServiceAccountToken", "dnsConfig",
        "dnsPolicy", "executor", "imagePullSecrets", "metrics", "podDisruptionBudget", "podGC", "podMetadata",
        "podPriorityClassName", "podResources", "priority", "schedulerName", "securityContext", "serviceAccountName",
        "tolerations", "ttlStrategy", "volumeClaimGC",
    }
)  # fmt: skip
KINDS = ("ClusterWorkflowTemplate", "WorkflowTemplate", "Workflow")


class Metadata(Strict):
    """Name, labels and annotations."""

    ignored: ClassVar[frozenset[str]] = frozenset({"namespace", "finalizers"})

    name: str = ""
    generate_name: str = ""
    labels: dict[str, AnyString] = Field(default_factory=dict)
    annotations: dict[str, AnyString] = Field(default_factory=dict)


class WorkflowMetadata(Strict):
    """Labels and annotations that a template gives to the workflows made of it."""

    labels: dict[str, AnyString] = Field(default_factory=dict)
    annotations: dict[str, AnyString] = Field(default_factory=dict)


class TemplateRef(Strict):
    """The template that a Workflow is made of."""

    name: str
    cluster_scope: bool = False


class Spec(Strict):
    """What to run."""

    ignored: ClassVar[frozenset[str]] = IGNORED_IN_SPEC

    entrypoint: str = ""
    arguments: Offered = Offered()
    templates: list[Template] = Field(default_factory=list)
    on_exit: str = ""
    volumes: list[Volume] = Field(default_factory=list)
    node_selector: dict[str, str] = Field(default_factory=dict)
    parallelism: int | None = Field(default=None, ge=1)
    active_deadline_seconds: int | None = Field(default=None, ge=0)
    synchronization: Synchronization = Synchronization()
    workflow_metadata: WorkflowMetadata = WorkflowMetadata()
    workflow_template_ref: TemplateRef | None = None

    def template(self, name: str) -> Template:
        """Return the template called `name`."""
        return next(one for one in self.templates if one.name == name)


class Manifest(Strict):
    """A ClusterWorkflowTemplate, WorkflowTemplate or Workflow."""

    ignored: ClassVar[frozenset[str]] = frozenset({"status"})

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["ClusterWorkflowTemplate", "WorkflowTemplate", "Workflow"]
    metadata: Metadata
    spec: Spec

    @property
    def prefix(self) -> str:
        """What run names start with, as Argo's generateName: `train-detector-`."""
        return self.metadata.generate_name or f"{self.metadata.name}-"


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: what looks like a date stays text, and a bare y or n is true or false."""

    bool_values: ClassVar[dict[str, bool]] = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^[yYnN]$"), list("yYnN"))


def load(path: Path) -> Manifest:
    """Read the workflow in the file at `path`; a `workflowTemplateRef` is looked for there and in the files beside it.

    Raises:
        ManifestError: If the file cannot be read, or asks for what a local run does not offer.
    """
    return _load(path)[0]


def bundle(path: Path) -> str:
    """Return the text of the file at `path`, and of the one that its `workflowTemplateRef` names, as one file.

    Raises:
        ManifestError: As `load` does.
    """
    other = _load(path)[1]
    return "\n---\n".join(file.read_text(encoding="utf-8") for file in dict.fromkeys([path, other]))


def _load(path: Path) -> tuple[Manifest, Path]:
    found = [document for document in _documents(path) if document.get("kind") in KINDS]
    if not found:
        raise ManifestError(f"{path}: no {', '.join(KINDS)} in it", hint="name a rendered manifest")
    chosen = next((document for document in found if document["kind"] == "Workflow"), found[0])
    manifest = _read(chosen, path)
    reference = manifest.spec.workflow_template_ref
    if not reference:
        return manifest, path
    document, other = _find(reference, path)
    return _merge(manifest, _read(document, other)), other


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        documents = list(yaml.load_all(path.read_bytes(), Loader=_Loader))
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}", hint="name a rendered manifest") from None
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: not YAML: {error}") from None
    return [document for document in documents if isinstance(document, dict)]


def _read(document: dict[str, Any], path: Path) -> Manifest:
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        lines = sorted({_refusal(fault["loc"], fault["type"], fault["msg"], document) for fault in error.errors()})
        hint = next((HINTS[str(part)] for fault in error.errors() for part in fault["loc"] if str(part) in HINTS), "")
        raise ManifestError(
            f"{path.name} asks for what a local run does not offer:\n" + "\n".join(f"  {line}" for line in lines),
            hint=hint or "the manifest runs on a cluster; docs list what a local run offers",
        ) from None


def _refusal(loc: tuple[int | str, ...], kind: str, message: str, document: dict[str, Any]) -> str:
    parts = list(loc)
    where = ""
    if parts[:2] == ["spec", "templates"] and len(parts) > 2:
        where = f"template {_name_at(document, parts[:3])!r}, "
        parts = parts[3:]
    field = "".join(
        _spell(part, _name_at(document, list(loc[: len(loc) - len(parts) + n + 1]))) for n, part in enumerate(parts)
    )
    what = (
        "is outside of what a local run offers" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
    )
    return f"{where}field {field.lstrip('.') or '(whole)'}: {what[0].lower()}{what[1:]}"


def _spell(part: int | str, name: str) -> str:
    return f"[{name or part}]" if isinstance(part, int) else f".{part}"


def _name_at(document: Any, loc: list[int | str]) -> str:
    for part in loc:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return ""
    return str(document.get("name", "")) if isinstance(document, dict) else ""


def _find(reference: TemplateRef, path: Path) -> tuple[dict[str, Any], Path]:
    kind = "ClusterWorkflowTemplate" if reference.cluster_scope else "WorkflowTemplate"
    for candidate in _beside(path):
        for document in _documents(candidate):
            if document.get("kind") == kind and document.get("metadata", {}).get("name") == reference.name:
                return document, candidate
    raise ManifestError(
        f"{path.name}: field spec.workflowTemplateRef names {kind} {reference.name!r}, which is not here",
        hint=f"put its manifest beside {path}",
    )


def _beside(path: Path) -> Iterator[Path]:
    yield path
    yield from (other for other in sorted(path.resolve().parent.glob("*.y*ml")) if other.name != path.name)


def _merge(manifest: Manifest, base: Manifest) -> Manifest:
    """Lay `manifest` over the template `base`, as Argo does: what the Workflow sets wins, parameter by parameter."""
    own, under = manifest.spec, base.spec
    given = {one.name: one for one in own.arguments.parameters}
    offered = [
        one.model_copy(update={"value": given.pop(one.name).value}) if one.name in given else one
        for one in under.arguments.parameters
    ]
    changed = {name: getattr(own, name) for name in own.model_fields_set - {"arguments", "workflow_template_ref"}}
    arguments = under.arguments.model_copy(update={"parameters": [*offered, *given.values()]})
    spec = under.model_copy(update={**changed, "arguments": arguments, "workflow_template_ref": None})
    return manifest.model_copy(update={"spec": spec})
