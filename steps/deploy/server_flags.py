"""Flags for the server beyond those that the step sets: checked against the contract of `serve`, before anything starts."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from steps.catalog import STEPS
from steps.command_line import parse
from steps.contract import argo_name
from steps.errors import ParameterError

OWN: Final = frozenset({"registry", "model_name", "version", "model_folder", "host", "port", "linger_seconds"})
"""What the step decides: which version, from where, and at which address."""


@dataclass(frozen=True, slots=True)
class ServerFlags:
    """Words for the server's command line.

    Attributes:
        words: As given.
        grpc_port: Port for gRPC; -1 for none.
        captures: Whether the server keeps pictures.
    """

    words: tuple[str, ...] = ()
    grpc_port: int = -1
    captures: bool = False

    @classmethod
    def read(cls, text: str) -> "ServerFlags":
        """Read `text`, as a shell would.

        Raises:
            ParameterError: If it is no list of flags of `serve`, or has one that the step sets itself.
        """
        try:
            words = tuple(shlex.split(text))
        except ValueError as error:
            raise _refusal(
                text, f"{error}", "quote as in a shell: --server-flags='--capture-classes=\"a b\"'"
            ) from None
        if {"-h", "--help"} & set(words):
            raise _refusal(text, "it asks for help", "see `python -m steps serve --help`")
        try:
            inputs: Any = parse(STEPS["serve"], words)
        except ParameterError as error:
            raise _refusal(text, error.message, error.hint) from None
        own = sorted(f"--{argo_name(name)}" for name in inputs.model_fields_set & OWN)
        if own:
            raise _refusal(text, f"{', '.join(own)} is set by `deploy` itself", "leave it out")
        return cls(words, inputs.grpc_port, bool(inputs.capture))

    def for_trial(self, scratch: Path) -> tuple[str, ...]:
        """Return the words for a server beside the step: on no port that may be taken, and capturing into `scratch`."""
        grpc = ("--grpc-port=0",) if self.grpc_port >= 0 else ()
        capture = (f"--capture={scratch / 'capture'}",) if self.captures else ()
        return (*self.words, *grpc, *capture)


def _refusal(text: str, why: str, hint: str) -> ParameterError:
    return ParameterError(f"--server-flags={text!r}: {why}", hint=hint)
