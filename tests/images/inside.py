"""Tell what is wrong with the image it runs in, one fault a line: `python - TARGET FOREIGN,... < inside.py`.

It runs by itself, in images that have no pytest: it knows the image's Python and the steps. Exits 1 if there are faults.
"""

import ast
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path


def imports_of(module: str) -> Iterator[str]:
    """Yield the modules that `module` imports, in functions too, without those for type checkers and optional ones."""
    spec = find_spec(module)
    if not spec or not spec.origin:
        return
    package = module if spec.submodule_search_locations else module.rpartition(".")[0]
    waiting: list[ast.AST] = [ast.parse(Path(spec.origin).read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif isinstance(node, ast.Try) and any("ImportError" in ast.dump(h.type) for h in node.handlers if h.type):
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            origin = ".".join([*(parents if node.level else []), *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        else:
            waiting += ast.iter_child_nodes(node)


def reached_from(roots: list[str]) -> dict[str, str]:
    """Return the packages that are not ours and that `roots` lead to, each with a module that imports it."""
    packages: dict[str, str] = {}
    seen, waiting = set(roots), list(roots)
    while waiting:
        module = waiting.pop()
        for name in imports_of(module):
            top = name.partition(".")[0]
            if top != "steps":
                if top not in sys.stdlib_module_names:
                    packages.setdefault(top, module)
            elif name not in seen and _is_module(name):
                seen.add(name)
                waiting.append(name)
    return packages


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a name in a module, not a module in a package
        return False


def roots_of(target: str) -> tuple[list[str], list[str]]:
    """Return the entries of the steps that run in `target`, and all modules of these steps."""
    steps = [step for step in import_module("steps.catalog").STEPS.values() if step.image == target]
    home = Path(import_module("steps").__path__[0]).parent
    modules = [
        ".".join(path.relative_to(home).with_suffix("").parts).removesuffix(".__init__")
        for step in steps
        for path in sorted((home / "steps" / step.name).rglob("*.py"))
    ]
    return [step.entry.partition(":")[0] for step in steps], modules


def faults(target: str, foreign: list[str]) -> Iterator[str]:
    """Yield what is wrong, in words."""
    entries, modules = roots_of(target)
    if not entries:
        yield f"no step runs in {target}"
    for package, module in reached_from(["steps.__main__", "steps.runner", *modules]).items():
        if not find_spec(package):
            yield f"{package} is missing, which {module} imports"
    for entry in entries:
        try:
            import_module(entry)
        except ImportError as error:
            yield f"{entry} cannot be imported: {error}"
    for package in foreign:
        if find_spec(package):
            yield f"{package} must not be in {target}"
    names = [
        (one.metadata["Name"] or "").lower() for one in distributions(path=[p for p in sys.path if "/opt/venv" in p])
    ]
    yield from (f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1)
    if os.getuid() == 0:
        yield "it runs as root"
    yield from (
        f"{folder} can be written by the user" for folder in ("/app", "/opt/venv", "/") if os.access(folder, os.W_OK)
    )


if __name__ == "__main__":
    found = list(faults(sys.argv[1], sys.argv[2].split(",")))
    sys.stdout.write("\n".join([*found, f"{len(found)} faults in {sys.argv[1]}"]) + "\n")
    raise SystemExit(1 if found else 0)
