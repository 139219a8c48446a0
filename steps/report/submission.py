"""What the workflow engine says about the run: its parameters and its failed nodes, as JSON in a parameter's text."""

import json
import re
from dataclasses import dataclass
from typing import Any

from steps.report.documents import Notes
from steps.report.redaction import redact, redact_named

_ATTEMPT = re.compile(r"\(\d+\)$")


@dataclass(frozen=True, slots=True)
class FailedNode:
    """A node of the workflow that did not succeed.

    Attributes:
        name: As the workflow displays it, without the number of the attempt.
        template: That it ran, such as `train-cpu`.
        phase: `Failed` or `Error`.
        message: Of the engine, not of the step.
        finished: ISO 8601, or an empty text.
    """

    name: str
    template: str
    phase: str
    message: str
    finished: str

    @property
    def step(self) -> str:
        """The step behind the template, whose variants are called after their device."""
        return self.template.removesuffix("-cpu").removesuffix("-gpu")


def parameters_of(text: str, notes: Notes) -> dict[str, str]:
    """Return the run's parameters by name, secrets removed.

    `text` is Argo's `workflow.parameters`, a list of `{"name", "value"}`, or an object `{name: value}`, encoded as
    JSON once or twice.
    """
    found = _decode(text)
    if isinstance(found, dict):
        pairs = list(found.items())
    elif isinstance(found, list):
        pairs = [(item.get("name"), item.get("value")) for item in found if isinstance(item, dict)]
    else:
        pairs = []
        if found is not None:
            notes.add("The parameters of the run are not the JSON that was expected; they are left out.")
    return {redact(str(name)): redact_named(str(name), _spell(value)) for name, value in pairs if name is not None}


def failures_of(text: str, notes: Notes) -> list[FailedNode]:
    """Return the failed nodes that `text` tells of: Argo's `workflow.failures`, JSON encoded once or twice.

    `null` and an empty text mean that nothing failed.
    """
    found = _decode(text)
    if found is None:
        return []
    if not isinstance(found, list):
        notes.add("The list of failed nodes is not the JSON that was expected; it is shown as it came.")
        return [FailedNode(name="", template="", phase="Failed", message=redact(_spell(found)), finished="")]
    return [
        FailedNode(
            name=_ATTEMPT.sub("", _field(item, "displayName") or _field(item, "name")),
            template=_field(item, "templateName"),
            phase=_field(item, "phase"),
            message=_field(item, "message").removeprefix("retryStrategy.expression evaluated to false: "),
            finished=_field(item, "finishedAt"),
        )
        for item in found
        if isinstance(item, dict)
    ]


def _decode(text: str) -> Any:
    """Decode `text` until it is no JSON text any more; None for an empty one. What is no JSON stays a text."""
    found: Any = text
    for _ in range(3):
        if not isinstance(found, str):
            break
        if not found.strip():
            return None
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            break
    return found


def _field(item: dict[str, Any], key: str) -> str:
    return redact(_spell(item.get(key)))


def _spell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
