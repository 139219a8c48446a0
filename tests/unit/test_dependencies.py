"""Every declared dependency is used: one that is not lies in the images and the locks for nothing."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from workflows.argo.site import ROOT

NEEDED_BY_OTHERS = {
    "python-multipart": "Starlette parses forms with it, and does not declare it",
    "torchvision": "the release that fits torch's; ultralytics imports it",
}
"""What the code does not import itself, with who does."""


def test_every_dependency_is_imported_or_needed_by_one_that_is() -> None:
    used = imported()
    unused = {name: group for name, group in declared().items() if name not in used}
    assert unused.keys() == NEEDED_BY_OTHERS.keys(), f"of pyproject.toml: {unused}"


def declared() -> dict[str, str]:
    """Return the packages that `pyproject.toml` asks for, each with the extra that it is in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"dependencies": project["dependencies"], **project["optional-dependencies"]}
    return {_normalized(one): group for group, wanted in groups.items() for one in wanted}


def imported() -> set[str]:
    """Return the packages that `steps` and `workflows` import from."""
    files = [path for folder in ("steps", "workflows") for path in (ROOT / folder).rglob("*.py")]
    modules = {module for path in files for module in _imports(ast.parse(path.read_text(encoding="utf-8")))}
    owners = packages_distributions()
    return {_normalized(owner) for module in modules for owner in owners.get(module, ())}


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the first part of each module that is imported, at the top or in a function."""
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        yield from (name.partition(".")[0] for name in names)


def _normalized(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()
