"""Where a model came from: the parameters of its run without their secrets, and the code that made it."""

import hashlib
import json
import re
from pathlib import Path

import steps
from steps.errors import ParameterError
from steps.store import redact

_SECRET_NAME = re.compile(r"password|passwd|secret|token|credential|api-?key|access-?key|private-?key", re.IGNORECASE)


def read_parameters(text: str) -> dict[str, str]:
    """Return the parameters in `text` by name, sorted, without credentials.

    Args:
        text: JSON: an object, or the list of `{"name": …, "value": …}` that Argo gives as `workflow.parameters.json`.

    Raises:
        ParameterError: If it is neither.
    """
    try:
        found = json.loads(text)
        pairs = found.items() if isinstance(found, dict) else [(item["name"], item.get("value", "")) for item in found]
        return {str(name): _without_secret(str(name), value) for name, value in sorted(pairs)}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ParameterError(
            f"--parameters={redact(text)[:200]!r}: should be a JSON object, or a list of names and values",
            hint="--parameters is {{workflow.parameters.json}}, or leave it out",
        ) from None


def code_version() -> str:
    """Return the version of this program with a digest of its sources, such as `0.1.0+sha256.1f2e3d4c5b6a`.

    The digest tells two states of a working copy apart that share a version number.
    """
    root = Path(steps.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return f"{steps.__version__}+sha256.{digest.hexdigest()[:12]}"


def _without_secret(name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return "***" if text and _SECRET_NAME.search(name) else redact(text)
