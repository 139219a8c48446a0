"""Variables of a process, as Kubernetes makes them for a container."""

import os
import re
from collections.abc import Mapping

from workflows.local.errors import LocalError
from workflows.local.template import Container

REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by a variable that the container declares, and `$$` by `$`, as Kubernetes does."""
    return REFERENCE.sub(lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text)


def declared_variables(process: Container) -> dict[str, str]:
    """Return the variables that `process` declares; the host's stand in for those that come from a Secret.

    Raises:
        LocalError: If one that has to come from a Secret is not set here.
    """
    variables: dict[str, str] = {}
    for variable in process.env:
        if not variable.value_from:
            variables[variable.name] = expand(variable.value, variables)
        elif variable.name in os.environ:
            variables[variable.name] = os.environ[variable.name]
        elif not variable.value_from.secret_key_ref.optional:
            reference = variable.value_from.secret_key_ref
            raise LocalError(
                f"variable {variable.name} is not set; it stands for the key {reference.key!r} of Secret {reference.name!r}",
                hint=f"export {variable.name}, then `argosight retry`",
            )
    return variables
