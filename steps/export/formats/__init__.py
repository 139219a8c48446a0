"""The formats a checkpoint is exported to: one module each, called as the format, and nothing to register.

A module has `FILE`, the name of what a runtime opens; `write(network, folder)`, which leaves that file in `folder`; and
`open_backend(path, expected)`, which returns something that runs it, to check it by.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from steps.export.network import Network
    from steps.runtime.card import ModelInput
    from steps.runtime.detector import Backend


class Format(Protocol):
    """What a format's module offers."""

    FILE: str

    def write(self, network: "Network", folder: Path) -> None:
        """Convert `network` into `folder`."""

    def open_backend(self, path: Path, expected: "ModelInput") -> "Backend":
        """Load what was written; `expected` is the input that it must take."""


def load_formats(names: Sequence[str]) -> dict[str, Format]:
    """Import the modules of the formats called `names`."""
    return {name: cast("Format", import_module(f"{__name__}.{name}")) for name in names}
