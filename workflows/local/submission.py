"""What a person gives a workflow: parameters, checked before anything starts."""

from collections.abc import Container, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml

from workflows.local.errors import SubmissionError
from workflows.local.manifest import Manifest
from workflows.local.run import Run
from workflows.local.spelling import UNSPEAKABLE
from workflows.local.substitution import tags
from workflows.local.values import OfferedParameter
from workflows.local.workflow_values import start_values

READ_AS_TAGS = ("inputs.", "pod.name", "steps.", "tasks.", "workflow.")
"""What Argo wants a value for, wherever it stands; other words in double braces are text."""


def fill(manifest: Manifest, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter of `manifest`: the given one, else its own.

    Raises:
        SubmissionError: If one is unknown, missing, or not among the values that its enum allows; it names all faults.
    """
    offered = {one.name: one for one in manifest.spec.arguments.parameters}
    faults = [_unknown(name, list(offered)) for name in given if name not in offered]
    values = values_of(manifest, given)
    for name, parameter in offered.items():
        if name not in values:
            faults.append(f"parameter {name!r} is required{_about(parameter)}")
        elif parameter.enum and values[name] not in parameter.enum:
            faults.append(f"parameter {name}={values[name]!r} should be one of {', '.join(parameter.enum)}")
    known = start_values(manifest, Run(name="", workflow="", uid="", parameters=values, working_folder=""))
    faults += [f"parameter {name} {fault}" for name, value in values.items() for fault in _unfit(value, known)]
    if faults:
        raise SubmissionError("; ".join(faults), hint=f"parameters are {', '.join(offered) or 'none'}")
    return values


def values_of(manifest: Manifest, given: Mapping[str, str]) -> dict[str, str]:
    """Return what each parameter of `manifest` is if it is `given`, good or bad; those that are missing are left out."""
    values = {
        one.name: given.get(one.name, one.value if one.value is not None else one.default)
        for one in manifest.spec.arguments.parameters
    }
    return {name: value for name, value in values.items() if value is not None}


def read_assignments(words: list[str]) -> dict[str, str]:
    """Read words of the form `name=value`; a value may hold further equals signs.

    Raises:
        SubmissionError: If a word has none.
    """
    values = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise SubmissionError(f"-p {word!r} is not of the form name=value", hint="for example: -p epochs=20")
        values[name] = value
    return values


def read_file(path: Path) -> dict[str, str]:
    """Read parameters from a YAML file that maps names to texts, numbers and booleans.

    Raises:
        SubmissionError: If it cannot be read, or holds anything else.
    """
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise SubmissionError(f"{path}: {error.strerror}", hint="-f takes a YAML file of parameters") from None
    except yaml.YAMLError as error:
        raise SubmissionError(f"{path} is not YAML: {error}") from None
    if not isinstance(content, dict):
        raise SubmissionError(f"{path} should map parameter names to values", hint="a line is like: epochs: 20")
    return {str(name): _as_text(str(name), value, path) for name, value in content.items()}


def _as_text(name: str, value: object, path: Path) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, dict | list):
        raise SubmissionError(f"{path}: {name} is {value!r}", hint="parameters are texts, numbers and booleans")
    return str(value)


def _unfit(value: str, known: Container[str]) -> Iterator[str]:
    """Yield why `value` does not arrive as it is: Argo reads what looks like a tag as one, in values too."""
    odd = UNSPEAKABLE.search(value)
    if odd:
        yield f"holds the control character {odd[0]!a}, which cannot be passed on"
    for tag in tags(value):
        if tag.startswith("="):
            yield f"holds {{{{{tag}}}}}, which Argo would evaluate"
        elif tag.startswith(READ_AS_TAGS) and tag not in known:
            yield f"holds {{{{{tag}}}}}, which would be read as a tag, and has no value"


def _unknown(name: str, offered: list[str]) -> str:
    close = get_close_matches(name.replace("_", "-"), offered, n=1)
    return f"unknown parameter {name!r}{f', did you mean {close[0]!r}?' if close else ''}"


def _about(parameter: OfferedParameter) -> str:
    first = " ".join(parameter.description.split()).partition(". ")[0].rstrip(".")
    return f" ({first})" if first else ""
