"""Contract → command line: flags, help, and errors that name the flag, the value and what would be right.

argparse and pydantic rather than pydantic-settings: importing the latter alone takes longer than `--help` may (0.5 s
against 0.4 s), and it reads text that looks like JSON as JSON, while an Argo parameter is always just text.
"""

import os
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from steps.contract import In, Step, argo_name, artifact_mark, as_text, choices, describe, kind
from steps.errors import ParameterError


def work_root() -> Path:
    """Return the folder the step works in: `$STEP_WORK`, which every template sets, else `./work`."""
    return Path(os.environ.get("STEP_WORK", "work"))


def parser_of(step: Step[Any, Any]) -> ArgumentParser:
    """Build the parser of `step`; its help shows type, unit, range and default of every flag, and an example."""
    prog = f"python -m steps {step.name}"
    parser = _Parser(
        prog=prog,
        description=cleandoc(step.inputs.__doc__ or ""),
        epilog=f"example:\n  {prog} {step.example}\n\n{_outputs_help(step)}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, field in step.inputs.model_fields.items():
        parser.add_argument(
            f"--{argo_name(name)}",
            dest=name,
            metavar=kind(field).upper() if not choices(field) else "{" + kind(field) + "}",
            default=SUPPRESS,
            help=f"{describe(field)} {_default_help(name, field)}".replace("%", "%%"),
        )
    return parser


def parse(step: Step[In, Any], argv: Sequence[str]) -> In:
    """Read the inputs of `step` from flags. An artifact that is not given is looked for under `$STEP_WORK/in`.

    Raises:
        ParameterError: If a flag is unknown, missing or has a value outside its range; it names all faults at once.
    """
    given: dict[str, Any] = vars(parser_of(step).parse_args(argv))
    for name, field in step.inputs.model_fields.items():
        mark = artifact_mark(field)
        if not mark:
            continue
        path = Path(given.get(name) or work_root() / "in" / argo_name(name))
        if path.exists():
            given[name] = str(path)
        elif mark.optional and name not in given:
            continue
        else:
            raise ParameterError(
                f"--{argo_name(name)}: no file or folder at {str(path)!r}", hint=f"this flag is: {describe(field)}"
            )
    try:
        return step.inputs.model_validate_strings(given)
    except ValidationError as error:
        raise _as_parameter_error(step, error) from None


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError(message, hint=f"see `{self.prog} --help`")


def _as_parameter_error(step: Step[Any, Any], error: ValidationError) -> ParameterError:
    faults, hints = [], []
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else ""
        field = step.inputs.model_fields.get(name)
        if fault["type"] == "missing":
            faults.append(f"--{argo_name(name)} is required")
        elif not name:
            faults.append(fault["msg"].removeprefix("Value error, "))
        else:
            why = fault["msg"].removeprefix("Value error, ")
            faults.append(f"--{argo_name(name)}={str(fault['input'])[:200]!r}: {why[0].lower()}{why[1:]}")
        if field:
            hints.append(f"--{argo_name(name)} is {describe(field)}")
    return ParameterError("; ".join(faults), hint=" ".join(hints) or f"see `python -m steps {step.name} --help`")


def _default_help(name: str, field: FieldInfo) -> str:
    mark = artifact_mark(field)
    if mark:
        place = f"$STEP_WORK/in/{argo_name(name)}"
        return f"(optional, looked for at {place})" if mark.optional else f"(default {place})"
    return "(required)" if field.is_required() else f"(default {as_text(field.default)!r})"


def _outputs_help(step: Step[Any, Any]) -> str:
    lines = [f"  {argo_name(name):<16} {describe(field)}" for name, field in step.outputs.model_fields.items()]
    return "\n".join(["written under $STEP_WORK/out (STEP_WORK is ./work unless set):", *lines])
