"""Every step, by name: a folder of `steps/` that has a `contract.py`. Light: imports contracts, never what they run."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from steps.contract import Step

HERE = Path(__file__).parent


class Catalog(Mapping[str, Step[Any, Any]]):
    """The steps by name. A contract is imported when it is asked for, so that running one step does not pay for all."""

    def __getitem__(self, name: str) -> Step[Any, Any]:
        """Return the step called `name`."""
        if name not in self._names():
            raise KeyError(name)
        return _step(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    @staticmethod
    @cache
    def _names() -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in HERE.glob("*/contract.py")))


@cache
def _step(name: str) -> Step[Any, Any]:
    module = import_module(f"steps.{name}.contract")
    return next(value for value in vars(module).values() if isinstance(value, Step))


STEPS = Catalog()
