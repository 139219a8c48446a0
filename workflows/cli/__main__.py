"""The `argosight` command: one module a sub-command, imported only when it is called."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib import import_module
from typing import Protocol, cast

COMMANDS = {
    "demo": "Draw a small data set, train on it, publish, and answer a request: minutes, no cluster.",
    "run": "Run a workflow on this machine, from its rendered manifest.",
    "retry": "Go on with a run that failed or was interrupted; what succeeded is kept.",
    "list": "List the runs on this machine.",
    "logs": "Show the logs of a run, or of one of its nodes.",
    "serve": "Serve a model of this machine.",
    "predict": "Send pictures to a served model; print, or draw, what it finds.",
    "deploy": "Let a version serve in the cluster: to all, or to a share as a canary.",
    "rollback": "Go back to an earlier version, in what serves and in the registry.",
    "submit": "Check parameters, start a workflow on the cluster, and follow it.",
    "bootstrap": "Install argosight in a cluster, or bring an installation up to date.",
    "doctor": "Check this machine and the cluster: what is missing, and how to get it.",
    "diff": "Show what a release would change in the cluster.",
    "release": "Put the rendered templates into the cluster, each under its version and as the alias.",
    "render": "Write the manifests and reference pages from the code; --check tells whether they are current.",
}


class Command(Protocol):
    """What a module of this package offers."""

    def configure(self, parser: ArgumentParser) -> None:
        """Add arguments, description and an example to `parser`."""

    def run(self, arguments: object) -> int:
        """Do it and return the exit code."""


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command and return its exit code: 0, 1 for a failed run, 2 for a mistake, 130 after Ctrl-C."""
    words = sys.argv[1:] if argv is None else argv
    name = next((word for word in words if not word.startswith("-")), "")
    parser = ArgumentParser(
        prog="argosight",
        description="A bucket of labelled images becomes a served, watched detector.",
        epilog="`argosight COMMAND --help` tells more.  First steps: argosight demo",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", required=True)
    for known, summary in COMMANDS.items():
        sub = commands.add_parser(
            known,
            help=summary,
            description=summary,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
            conflict_handler="resolve",  # `run` tells more when asked for --help.
        )
        if known == name:
            command = cast("Command", import_module(f"workflows.cli.{name}"))
            command.configure(sub)
    arguments = parser.parse_args(words)
    try:
        return command.run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
