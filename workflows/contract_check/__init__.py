"""What the contracts of the steps say of the values that a workflow is given, before anything starts.

Values are followed through the calls of templates as far as they are known then, to the steps that will read them.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from steps.catalog import STEPS
from steps.contract import argo_name, artifact_mark, describe
from steps.errors import ParameterError
from workflows.local.durations import seconds_of
from workflows.local.errors import ManifestError, SubmissionError
from workflows.local.manifest import Manifest
from workflows.local.submission import fill, values_of
from workflows.local.tasks import holds

TAG = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
COMMAND = ["python", "-m", "steps"]
ANY_PATH = "."
"""Stands for an artifact while the values beside it are looked at."""

Entry = Mapping[str, Any]
Fault = tuple[str, str]
"""What is wrong, and a hint."""


def check_values(
    manifest: Manifest,
    spec: Entry,
    given: Mapping[str, str],
    *,
    only_given: bool = False,
    faults: tuple[Fault, ...] = (),
) -> dict[str, str]:
    """Return the value of every parameter of `manifest`, or refuse: what it offers counts, and the contracts of the steps.

    Args:
        manifest: Has the parameters that are offered.
        spec: The templates that the values go to, as in YAML; of another version of the steps perhaps.
        given: Values for its parameters; what is missing keeps its default.
        only_given: Leave the defaults alone, which were checked when they were rendered.
        faults: What is known to be wrong besides.

    Raises:
        SubmissionError: If a parameter is unknown, missing, or has a value that no run could use; it names all faults.
    """
    found: list[Fault] = []
    try:
        fill(manifest, given)
    except SubmissionError as error:
        found.append((error.message, error.hint))
    values = values_of(manifest, given)
    found += faults
    fitting = {
        one.name
        for one in manifest.spec.arguments.parameters
        if not one.enum or values.get(one.name) in one.enum  # what is none of the choices is told by now
    }
    found += _Tracer(spec, values).faults(fitting & (given if only_given else values).keys())
    if found:
        hints = dict.fromkeys(hint for _, hint in found if hint)
        raise SubmissionError("; ".join(fault for fault, _ in found), hint=" ".join(hints))
    return values


@dataclass(frozen=True, slots=True)
class _Value:
    """A text that is known before the run, and the parameter of the workflow that it is the whole of."""

    text: str
    parameter: str = ""


@dataclass(slots=True)
class _Tracer:
    spec: Entry
    values: Mapping[str, str]
    templates: Mapping[str, Entry] = field(init=False)
    _seen: set[tuple[str, frozenset[tuple[str, _Value | None]], bool]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.templates = {str(one.get("name")): one for one in self.spec.get("templates") or ()}

    def faults(self, blamed: Set[str]) -> list[Fault]:
        """Return the faults of the parameters `blamed`, one for each."""
        own = {name: _Value(text, name) for name, text in self.values.items()}
        found: dict[str, Fault] = {}
        for start in ("entrypoint", "onExit"):
            for parameters, fault in self._call(str(self.spec.get(start, "")), own, (), runs=True):
                if blamed & set(parameters):
                    found.setdefault(",".join(parameters), fault)
        return list(found.values())

    def _call(
        self, name: str, given: Mapping[str, _Value | None], path: tuple[str, ...], *, runs: bool
    ) -> Iterator[tuple[tuple[str, ...], Fault]]:
        """Yield what is wrong with what the template `name` is given, and with what it passes on; with the parameters."""
        template = self.templates.get(name)
        if template is None or name in path:
            return
        known = {f"workflow.parameters.{key}": _Value(text, key) for key, text in self.values.items()}
        inputs = self._inputs(template, given, known)
        call = (name, frozenset(inputs.items()), runs)
        if call in self._seen:
            return
        self._seen.add(call)
        known |= {f"inputs.parameters.{key}": value for key, value in inputs.items() if value}
        yield from self._limits(template, known)
        yield from self._step(template, inputs, runs=runs)
        tasks = [*((template.get("dag") or {}).get("tasks") or ())]
        tasks += [step for group in template.get("steps") or () for step in group]
        for task in tasks:
            arguments = (task.get("arguments") or {}).get("parameters") or ()
            passed = {str(one["name"]): _fill(one.get("value"), known) for one in arguments}
            called = runs and _may_run(task.get("when"), known)
            yield from self._call(str(task.get("template", "")), passed, (*path, name), runs=called)

    @staticmethod
    def _inputs(
        template: Entry, given: Mapping[str, _Value | None], known: Mapping[str, _Value]
    ) -> dict[str, _Value | None]:
        inputs: dict[str, _Value | None] = {}
        for one in (template.get("inputs") or {}).get("parameters") or ():
            name = str(one["name"])
            inputs[name] = given[name] if name in given else _fill(one.get("value", one.get("default")), known)
        return inputs

    def _limits(self, template: Entry, known: Mapping[str, _Value]) -> Iterator[tuple[tuple[str, ...], Fault]]:
        for limit in ("timeout", "pendingTimeout"):
            value = _fill(template.get(limit), known)
            if value and value.parameter:
                try:
                    seconds_of(value.text, bare=False)
                except ValueError as error:
                    told = f"parameter {value.parameter}={error}"
                    yield (value.parameter,), (told, f"{value.parameter} is: {self._description(value.parameter)}")

    @staticmethod
    def _step(
        template: Entry, inputs: Mapping[str, _Value | None], *, runs: bool
    ) -> Iterator[tuple[tuple[str, ...], Fault]]:
        command = (template.get("container") or {}).get("command") or []
        step = STEPS.get(command[3]) if command[:3] == COMMAND and len(command) > 3 else None
        if not step:
            return
        fields = step.inputs.model_fields
        known = {name: value for name in fields if (value := inputs.get(argo_name(name)))}
        texts = {name: value.text for name, value in known.items()}
        paths = {name: ANY_PATH for name, one in fields.items() if artifact_mark(one)}
        together = tuple(value.parameter for value in known.values() if value.parameter)
        try:
            read = step.inputs.model_validate_strings({**paths, **texts})
            if runs:
                step.check(read)
        except ParameterError as error:
            yield together, (error.message, error.hint)
        except ValidationError as error:
            for fault in error.errors():
                name = str(fault["loc"][0]) if fault["loc"] else ""
                why = fault["msg"].removeprefix("Value error, ")
                if not name and None in inputs.values():
                    continue  # a default stood for what is known only later
                if not name:
                    yield together, (why, f"`{step.name}` reads them")
                elif name in known and known[name].parameter:
                    parameter = known[name].parameter
                    told = f"parameter {parameter}={known[name].text!r}: {why[0].lower()}{why[1:]}"
                    yield (parameter,), (told, f"{parameter} is: {describe(fields[name])}")

    def _description(self, parameter: str) -> str:
        offered = (self.spec.get("arguments") or {}).get("parameters") or ()
        return next((str(one.get("description", "")) for one in offered if one.get("name") == parameter), "")


def _may_run(when: object, known: Mapping[str, _Value]) -> bool:
    """Return whether the condition `when` is not known to be false."""
    filled = _fill(when, known)
    try:
        return filled is None or holds(filled.text)
    except ManifestError:
        return True


def _fill(text: object, known: Mapping[str, _Value]) -> _Value | None:
    """Return `text` with its tags replaced; None where one has no value before the run."""
    if text is None:
        return None
    text = str(text).lower() if isinstance(text, bool) else str(text)
    whole = TAG.fullmatch(text)
    if whole:
        return known.get(whole[1])
    filled = TAG.sub(lambda tag: known[tag[1]].text if tag[1] in known else tag[0], text)
    return None if TAG.search(filled) else _Value(filled)
