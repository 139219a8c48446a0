"""Substitution of `{{tags}}` in the JSON of templates and tasks, as Argo does it: on the text, values JSON-escaped."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from workflows.local.errors import ManifestError
from workflows.local.spelling import UNSPEAKABLE, json_text
from workflows.local.strict import Strict
from workflows.local.template import Template
from workflows.local.values import Arguments, Artifact, OfferedParameter, Parameter

TAG = re.compile(r"\{\{(.*?)\}\}")
STRICT = ("tasks.", "steps.")
"""A tag of these that stays unresolved is an error: the node whose output it names did not leave it.

Artifacts are looked up apart from text, and may be optional.
"""

S = TypeVar("S", bound=Strict)


def tags(text: str) -> Iterator[str]:
    """Yield the tags in `text`, without braces."""
    for found in TAG.finditer(text):
        yield found[1].strip()


def replace(text: str, values: Mapping[str, str], *, strict: bool = False) -> str:
    """Put `values` in place of the tags in the JSON `text`; a tag without a value stays as it is.

    Raises:
        ManifestError: If `strict` and a tag names the output of a task or step that did not leave it, or if a value
            has a control character.
    """

    def value_of(found: re.Match[str]) -> str:
        tag = found[1].strip()
        value = values.get(tag)
        if value is None and strict and tag.startswith(STRICT) and ".outputs.artifacts." not in tag:
            raise ManifestError(f"failed to resolve {{{{{tag}}}}}")
        if value is None:
            return found[0]
        odd = UNSPEAKABLE.search(value)
        if odd:
            raise ManifestError(f"{{{{{tag}}}}} holds the control character {odd[0]!a}, which Argo cannot pass on")
        return json.dumps(value, ensure_ascii=False)[1:-1]

    return TAG.sub(value_of, text)


def substitute(model: S, values: Mapping[str, str], *, strict: bool = False) -> S:
    """Return `model` with `values` in place of its tags; `strict` is that of `replace`."""
    text = model.as_json()
    replaced = replace(text, values, strict=strict)
    return model if replaced == text else type(model).model_validate_json(replaced)


def instantiate(
    template: Template, arguments: Arguments, global_values: Mapping[str, str], local_values: Mapping[str, str]
) -> Template:
    """Return `template` with its inputs taken from `arguments` and every tag replaced that can be, in two passes.

    The first pass puts globals and locals everywhere, the values of inputs included; the second puts the inputs.

    Raises:
        ManifestError: If an input is neither given nor has a default.
    """
    inputs = template.inputs.model_copy(
        update={
            "parameters": [_parameter(one, arguments) for one in template.inputs.parameters],
            "artifacts": [_artifact(one, arguments) for one in template.inputs.artifacts],
        }
    )
    first = substitute(template.model_copy(update={"inputs": inputs}), {**global_values, **local_values})
    return substitute(first, input_values(first))


def input_values(template: Template) -> dict[str, str]:
    """Return the values of `inputs.*` and of the paths of outputs, for a template whose inputs are known."""
    values = {f"inputs.parameters.{one.name}": one.value or "" for one in template.inputs.parameters}
    values["inputs.parameters"] = parameters_json(template.inputs.parameters)
    values |= {f"inputs.artifacts.{one.name}.path": one.path for one in template.inputs.artifacts if one.path}
    values |= {f"outputs.artifacts.{one.name}.path": one.path for one in template.outputs.artifacts if one.path}
    for one in template.outputs.parameters:
        if one.value_from and one.value_from.path:
            values[f"outputs.parameters.{one.name}.path"] = one.value_from.path
    return values


def parameters_json(parameters: Sequence[Parameter]) -> str:
    """Return `parameters` as the JSON list that Argo puts for `{{inputs.parameters}}`: all that it knows of each."""
    return json_text([dict(_known_of(one)) for one in parameters])


def _known_of(parameter: Parameter) -> Iterator[tuple[str, str | list[str]]]:
    yield "name", parameter.name
    if parameter.default is not None:
        yield "default", parameter.default
    yield "value", parameter.value or ""
    if parameter.enum:
        yield "enum", parameter.enum
    if isinstance(parameter, OfferedParameter) and parameter.description:
        yield "description", parameter.description


def _parameter(declared: Parameter, arguments: Arguments) -> Parameter:
    given = arguments.parameter(declared.name)
    value = given.value if given and given.value is not None else declared.value
    value = declared.default if value is None else value
    if value is None:
        raise ManifestError(f"inputs.parameters.{declared.name} was not supplied")
    return declared.model_copy(update={"value": value})


def _artifact(declared: Artifact, arguments: Arguments) -> Artifact:
    if declared.located:
        return declared
    given = arguments.artifact(declared.name)
    if given is None or not given.located:
        if declared.optional:
            return declared
        lack = "missing location information" if given else "was not supplied"
        raise ManifestError(f"inputs.artifacts.{declared.name} {lack}")
    return given.model_copy(
        update={"path": declared.path, "optional": declared.optional, "from_": None, "from_expression": None}
    )
