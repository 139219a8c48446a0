"""Every workflow, by name: a module of `workflows/` that has `build`."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import yaml

from steps.contract import Model
from workflows.argo.lint import Entry
from workflows.argo.manifest import manifest
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


def build_workflows(site: Site) -> list[Workflow]:
    """Build every workflow for `site`."""
    found = []
    for path in sorted(Path(__file__).parents[1].glob("*.py")):
        if path.stem == "__init__":
            continue
        module = import_module(f"workflows.{path.stem}")
        text = manifest(module.build(site))
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        name = document["metadata"]["name"]
        found.append(Workflow(name, module.VERSION, module.Options, text, document))
    return found
