"""Whoever reads `--flag` in a message of a run can set it: the workflow offers a parameter of that name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from steps.catalog import STEPS
from steps.contract import argo_name, artifact_mark
from workflows.argo.site import ROOT

FLAG = re.compile(r"(?<![\w(-])--([a-z][a-z0-9-]*)")
NOT_OF_A_RUN = {"serve", "draw", "watch"}
"""Steps that `train-detector` does not run."""
OF_ANOTHER_COMMAND = {
    "cluster": "argosight logs",
    "hard-dereference": "tar",
    "help": "any of ours",
    "out": "zip",
    "query-gpu": "nvidia-smi",
}
"""Flags in messages that are those of a program, which the message names."""
OF_THE_SERVER = {"host", "port", "linger-seconds", "model-folder", "grpc-port", "capture", "capture-classes"}
"""What `deploy` gives to the servers that it starts."""
OF_ARGOSIGHT_DEPLOY = {
    "change": "a workflow deploys; promotions and rollbacks are the command's",
    "version": "a workflow deploys what it has published",
    "namespace": "a workflow deploys where it runs",
    "image": "a workflow takes it from config/site.yaml",
    "server-flags": "only who gave it reads of it",
    "scale-metric": "only who gave it reads of it",
    "model-source": "only who gave it reads of it",
    "parameters": "the workflow passes its own",
}
"""What only `argosight deploy` or the workflow itself can say, and why a person's run never needs it."""


def texts(module: Path) -> Iterator[str]:
    """Yield the texts in `module` that are no docstrings."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    contract = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "example"
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | contract:
            yield node.value


def flags_in_messages() -> dict[str, set[str]]:
    """Return the flags that the steps of a run name, each with the modules that do."""
    found: dict[str, set[str]] = {}
    for module in sorted((ROOT / "steps").rglob("*.py")):
        part = module.relative_to(ROOT / "steps").parts[0]
        if part not in NOT_OF_A_RUN | {"__main__.py"}:
            for text in texts(module):
                for flag in FLAG.findall(text):
                    found.setdefault(flag, set()).add(str(module.relative_to(ROOT)))
    return found


@pytest.fixture(scope="module")
def offered() -> set[str]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "argo" / "rendered" / "train-detector.yaml").read_text())
    return {one["name"] for one in document["spec"]["arguments"]["parameters"]}


def test_flag_can_be_set_from_the_workflow_when_a_message_names_it(offered: set[str]) -> None:
    wired = {
        argo_name(name)
        for step in STEPS.values()
        for name, one in step.inputs.model_fields.items()
        if artifact_mark(one)
    }
    settled = wired | OF_ANOTHER_COMMAND.keys() | OF_THE_SERVER | OF_ARGOSIGHT_DEPLOY.keys()
    unreachable = {
        flag: sorted(modules) for flag, modules in flags_in_messages().items() if flag not in offered | settled
    }
    assert not unreachable, "offer it as a parameter, or say here whose flag it is"


@pytest.mark.parametrize(
    "flag", ["max-entries", "max-bytes", "max-ratio", "max-pixels", "max-bad-share", "workers", "ready-timeout"]
)
def test_limit_is_offered_when_it_may_have_to_be_raised(offered: set[str], flag: str) -> None:
    assert flag in offered
    assert flag in flags_in_messages()


def test_exception_is_gone_when_no_message_needs_it_any_more(offered: set[str]) -> None:
    assert not (OF_ANOTHER_COMMAND.keys() | OF_THE_SERVER | OF_ARGOSIGHT_DEPLOY.keys()) - flags_in_messages().keys()
    assert not (OF_THE_SERVER | OF_ARGOSIGHT_DEPLOY.keys()) & offered
