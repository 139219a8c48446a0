"""The formats a checkpoint is exported to: one module each, called as the format, and nothing to register.

A module has `FILE`, the name of what a runtime opens; `write(network, folder)`, which leaves that file in `folder`; and
`open_backend(path, expected)`, which returns something that runs it, to check it by.
"""

import difflib
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from steps.errors import ParameterError

if TYPE_CHECKING:  # Light: a misspelt format is refused before torch is imported.
    from steps.export.network import Network
    from steps.runtime.card import ModelInput
    from steps.runtime.detector import Backend

ALWAYS = "onnx"
"""What is served, scored, and converted further."""


class Format(Protocol):
    """What a format's module offers."""

    FILE: str

    def write(self, network: "Network", folder: Path) -> None:
        """Convert `network` into `folder`."""

    def open_backend(self, path: Path, expected: "ModelInput") -> "Backend":
        """Load what was written; `expected` is the input that it must take."""


def known_formats() -> list[str]:
    """Return the names of all formats, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def choose_formats(text: str) -> list[str]:
    """Read a comma-separated list of formats; ONNX comes first, asked for or not, and none comes twice.

    Raises:
        ParameterError: If one is not known.
    """
    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in asked:
        if name not in known_formats():
            near = difflib.get_close_matches(name, known_formats(), n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"--formats={text!r}: no format {name!r}", hint=f"{guess}the formats are {', '.join(known_formats())}"
            )
    return list(dict.fromkeys([ALWAYS, *asked]))


def load_formats(names: Sequence[str]) -> dict[str, Format]:
    """Import the modules of the formats called `names`."""
    return {name: cast("Format", import_module(f"{__name__}.{name}")) for name in names}
