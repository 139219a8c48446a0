"""Wire steps into a DAG. What is not wired is offered at submission, once, in the words of the contract."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hera.workflows import DAG, Artifact, Container, Parameter, S3Artifact, Task
from pydantic.fields import FieldInfo

from steps.contract import Model, Step, argo_name, artifact_mark, choices, describe, is_internal
from workflows.argo.site import Site
from workflows.argo.template import artifact_key, build_template, default_of, submission_parameter

TASK_TAG = re.compile(r"\{\{tasks\.([a-zA-Z0-9-]+)\.")


class WiringError(Exception):
    """A workflow and a step's contract disagree."""


@dataclass(frozen=True, slots=True)
class As:
    """How a step becomes a task, where that is not said by its contract.

    Attributes:
        name: Name of the task; the step's own unless given.
        template: Name of the template, where a step has several; the step's own unless given.
        size: Row of `sizes` in the site file for this template; the contract's unless given.
        timeout: Longest time until the pod has ended, waiting for a node included.
        account: Service account of the pod; the workflow's unless given.
        after: Tasks that come first though nothing is wired from them.
        when: Condition, both sides quoted.
    """

    name: str = ""
    template: str = ""
    size: str = ""
    timeout: str | None = None
    account: str = ""
    after: tuple[Task, ...] = ()
    when: str | None = None


AS_IS = As()


class Wiring:
    """One workflow in the making: its step templates, and the parameters that it offers.

    Args:
        site: The cluster it is for.
        options: Parameters that only the workflow knows. One that a step has too speaks for that step. With `reuse`,
            earlier results may stand in for steps that allow it.
        owners: For a parameter that several steps describe differently, by field name, the step whose words are used.
    """

    def __init__(self, site: Site, options: type[Model], owners: Mapping[str, Step[Any, Any]] | None = None) -> None:
        self.site = site
        self._offered: dict[str, tuple[str, FieldInfo]] = {
            argo_name(name): (options.__name__, field) for name, field in options.model_fields.items()
        }
        self._settled = set(self._offered)
        for name, step in (owners or {}).items():
            self._offered[argo_name(name)] = (step.name, step.inputs.model_fields[name])
            self._settled.add(argo_name(name))
        self._templates: dict[str, Container] = {}

    def call(self, step: Step[Any, Any], how: As = AS_IS, /, **wires: Artifact | Parameter | str) -> Task:
        """Add a task that runs `step` to the open DAG.

        Inputs are wired by keyword: an output of another task, which thereby comes first, or text for a parameter.
        Parameters that are not wired and not internal are offered at submission.

        Raises:
            WiringError: If a wire is not an input of the step, an artifact is not wired, or steps disagree about a
                parameter.
        """
        fields = step.inputs.model_fields
        unknown = sorted(wires.keys() - fields.keys())
        missing = sorted(n for n, f in fields.items() if f.is_required() and n not in wires and not self._offers(f))
        if unknown or missing:
            raise WiringError(
                f"step {step.name!r}: unknown wires {unknown}, missing wires {missing}\n"
                f"  hint: {step.inputs.__name__} has {', '.join(fields)}"
            )
        arguments = []
        for field_name, field in fields.items():
            argument = argo_name(field_name)
            if field_name in wires:
                arguments.append(_wire(argument, field, wires[field_name]))
            elif self._offers(field):
                self._offer(argument, step, field)
                arguments.append(Parameter(name=argument, value=option(argument)))
        template = self._template(step, how)
        return connect(template, name=how.name or step.name, arguments=arguments, after=how.after, when=how.when)

    def parameters(self) -> list[Parameter]:
        """Return what the workflow offers at submission: what must be given first, then in order of the calls."""
        offered = [(name, field) for name, (_, field) in self._offered.items()]
        offered.sort(key=lambda item: default_of(item[1], self.site) is not None)
        return [submission_parameter(name, field, self.site) for name, field in offered]

    @staticmethod
    def _offers(field: FieldInfo) -> bool:
        return not artifact_mark(field) and not is_internal(field)

    def _offer(self, name: str, step: Step[Any, Any], field: FieldInfo) -> None:
        if name not in self._offered:
            self._offered[name] = (step.name, field)
            return
        owner, known = self._offered[name]
        ours, theirs = self._terms(known), self._terms(field)
        if name not in self._settled and ours != theirs:
            raise WiringError(
                f"parameter {name!r}: {owner!r} says {ours}, {step.name!r} says {theirs}\n"
                "  hint: let them agree, wire one of them, or name an owner where the workflow makes its `Wiring`"
            )

    def _terms(self, field: FieldInfo) -> tuple[str, str | None, list[str] | None]:
        return describe(field), default_of(field, self.site), choices(field)

    def _template(self, step: Step[Any, Any], how: As) -> Container:
        # Kept, because Hera emits a template twice when it is built twice, and Argo refuses that.
        name = how.template or step.name
        if name not in self._templates:
            reuse = option("reuse") if "reuse" in self._offered else ""
            self._templates[name] = build_template(
                step, self.site, name=name, size=how.size, timeout=how.timeout, reuse=reuse, account=how.account
            )
        return self._templates[name]


def connect(
    template: Container | DAG,
    *,
    name: str,
    arguments: Iterable[Artifact | Parameter] = (),
    after: Iterable[Task] = (),
    when: str | None = None,
) -> Task:
    """Add a task to the open DAG, after every task that its arguments come from."""
    arguments = list(arguments)
    sources = [str(a.from_ if isinstance(a, Artifact) else a.value) for a in arguments if not isinstance(a, S3Artifact)]
    first = [*TASK_TAG.findall(" ".join(sources)), *(task.name for task in after)]
    return Task(
        name=name,
        template=template,
        arguments=arguments or None,
        depends=" && ".join(dict.fromkeys(first)) or None,
        when=when,
    )


def option(name: str) -> str:
    """Return the tag of a parameter of the workflow."""
    return f"{{{{workflow.parameters.{name}}}}}"


def kept(step: Step[Any, Any], name: str) -> S3Artifact:
    """Return what `step` left in this run's artifacts, if it got so far: for exit handlers, where no task is in reach."""
    return S3Artifact(name=name, key=artifact_key(step, name), optional=True)


def _wire(name: str, field: FieldInfo, value: Artifact | Parameter | str) -> Artifact | Parameter:
    if isinstance(value, str):
        return Parameter(name=name, value=value)
    if isinstance(value, Artifact) != bool(artifact_mark(field)):
        raise WiringError(f"{name!r}: an artifact is wired to a parameter, or the other way\n  hint: see the contract")
    return value.with_name(name)
