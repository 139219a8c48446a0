"""Every workflow, by name: a module of `workflows/` that has `build`."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import yaml

from steps.contract import Model
from workflows.argo.lint import Entry
from workflows.argo.manifest import cron_manifest, manifest
from workflows.argo.site import Site


@dataclass(frozen=True)
class Workflow:
    """One workflow as it is submitted.

    Attributes:
        name: Its name, and that of its module with hyphens.
        version: Version of the template.
        options: Parameters that only the workflow knows; its docstring describes the workflow.
        text: The manifest.
        document: The manifest, read.
    """

    name: str
    version: str
    options: type[Model]
    text: str
    document: Entry


@dataclass(frozen=True)
class Schedule:
    """A CronWorkflow that runs one of the workflows.

    Attributes:
        name: Its name.
        text: The manifest.
        document: The manifest, read.
    """

    name: str
    text: str
    document: Entry


def build_schedules(site: Site) -> list[Schedule]:
    """Build every CronWorkflow for `site`: modules of `workflows/` may have `schedule` beside `build`."""
    texts = [cron_manifest(module.schedule(site)) for module in _modules() if hasattr(module, "schedule")]
    documents = [(text, yaml.load(text, Loader=yaml.CSafeLoader)) for text in texts]
    return [Schedule(document["metadata"]["name"], text, document) for text, document in documents]


def build_workflows(site: Site) -> list[Workflow]:
    """Build every workflow for `site`."""
    found = []
    for module in _modules():
        text = manifest(module.build(site))
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        name = document["metadata"]["name"]
        found.append(Workflow(name, site.version(module.VERSION), module.Options, text, document))
    return found


def _modules() -> list[ModuleType]:
    names = sorted(path.stem for path in Path(__file__).parents[1].glob("*.py"))
    return [import_module(f"workflows.{name}") for name in names if name != "__init__"]
