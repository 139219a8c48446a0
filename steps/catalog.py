"""Every step, by name: a folder of `steps/` that has a `contract.py`. Light: imports contracts, never what they run."""

from importlib import import_module
from pathlib import Path
from typing import Any

from steps.contract import Step


def _discover() -> dict[str, Step[Any, Any]]:
    found: dict[str, Step[Any, Any]] = {}
    for path in sorted(Path(__file__).parent.glob("*/contract.py")):
        module = import_module(f"steps.{path.parent.name}.contract")
        step = next(value for value in vars(module).values() if isinstance(value, Step))
        found[step.name] = step
    return found


STEPS: dict[str, Step[Any, Any]] = _discover()
