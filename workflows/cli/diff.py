"""`argosight diff`: what a release would change in the cluster."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from workflows.cli.release import add_choice, changes_of
from workflows.cli.run import MISTAKE
from workflows.cluster.errors import ClusterError

if TYPE_CHECKING:
    from workflows.cluster.release import Change

DIFFERS = 1


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    add_choice(parser)
    parser.epilog = (
        "examples:\n"
        "  argosight diff\n"
        "  argosight diff train-detector --manifests=build/argo/rendered\n\n"
        "Compared is what the API server would store, so what clients and defaults add does not show.\n"
        "exit codes: 0 nothing would change, 1 something would, 2 a mistake, or the cluster refuses"
    )


def run(arguments: Namespace) -> int:
    """Show the changes; nothing is written to the cluster."""
    from workflows.cluster.client import connect  # noqa: PLC0415  (imports the kubernetes package)
    from workflows.cluster.release import Act  # noqa: PLC0415

    try:
        changes = changes_of(arguments, connect())
    except ClusterError as error:
        sys.stderr.write(f"diff: {error}\n")
        return MISTAKE
    for change in changes:
        sys.stdout.write("".join(f"{line}\n" for line in _told(change)))
    return 0 if all(change.act is Act.UNCHANGED for change in changes) else DIFFERS


def _told(change: "Change") -> list[str]:
    from workflows.cluster.release import Act  # noqa: PLC0415

    words = {
        Act.CREATED: "would be created",
        Act.CHANGED: "would change",
        Act.LABELLED: "would get its labels",
        Act.UNCHANGED: "is as it should be",
        Act.REFUSED: "is released with another spec, which would be refused: a released version never changes",
    }
    # A new version says nothing that the alias, which moves to it, does not show against what is there now.
    shown = [] if change.act is Act.CREATED else change.diff()
    return [f"{change.title} {words[change.act]}{change.move}", *shown]
