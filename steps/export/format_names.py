"""Names of the formats that a checkpoint is exported to; none of them is imported to know them."""

import difflib
import pkgutil
from pathlib import Path

ALWAYS = "onnx"
"""What is served, scored, and converted further."""

MODULES = Path(__file__).parent / "formats"


def known_formats() -> list[str]:
    """Return the names of all formats."""
    return sorted(module.name for module in pkgutil.iter_modules([str(MODULES)]))


def choose_formats(text: str) -> list[str]:
    """Read a comma-separated list of formats; ONNX comes first, asked for or not, and none comes twice.

    Raises:
        ValueError: If one is not known.
    """
    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in asked:
        if name not in known_formats():
            near = difflib.get_close_matches(name, known_formats(), n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"no format {name!r}; {guess}the formats are {', '.join(known_formats())}")
    return list(dict.fromkeys([ALWAYS, *asked]))
