"""`argosight release`: put the rendered templates into the cluster, each under its version and as the alias."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.cli.run import MISTAKE, RENDERED
from workflows.cluster.errors import ClusterError

if TYPE_CHECKING:
    from workflows.cluster.client import Cluster
    from workflows.cluster.release import Change

NAMESPACE = "argosight"


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    add_choice(parser)
    parser.add_argument(
        "--to", metavar="VERSION", default="", help="move the alias of NAME to a version that is released already"
    )
    parser.epilog = (
        "examples:\n"
        "  argosight diff\n"
        "  argosight release\n"
        "  argosight release train-detector --to=0.1.0\n\n"
        "NAME-X-Y-Z is made once and never changed; NAME, the alias that people, schedules and events submit from,\n"
        "moves to it. A schedule that somebody suspended stays suspended. Runs that have started keep their template.\n"
        "exit codes: 0 released, 1 refused because a released version would change, 2 a mistake, or the cluster refuses"
    )


def add_choice(parser: ArgumentParser) -> None:
    """Add the flags that choose what to release, and where to."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="templates to release (default: all, and schedules)")
    parser.add_argument(
        "--manifests", metavar="FOLDER", type=Path, default=RENDERED, help="rendered templates (default: argo/rendered)"
    )
    parser.add_argument(
        "-n", "--namespace", default=NAMESPACE, help=f"where schedules go (default: {NAMESPACE}); templates have none"
    )


def run(arguments: Namespace) -> int:
    """Release, and say what was done to each object."""
    from workflows.cluster.client import connect  # noqa: PLC0415  (imports the kubernetes package)
    from workflows.cluster.release import RefusedError, carry_out, move_alias  # noqa: PLC0415

    if arguments.to and len(arguments.names) != 1:
        sys.stderr.write("release: --to moves one alias\n  hint: argosight release train-detector --to=0.1.0\n")
        return MISTAKE
    try:
        cluster = connect()
        if arguments.to:
            changes = [move_alias(cluster, arguments.names[0], arguments.to)]
        else:
            changes = changes_of(arguments, cluster)
            carry_out(cluster, changes)
    except RefusedError as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    except ClusterError as error:
        sys.stderr.write(f"release: {error}\n")
        return MISTAKE
    for change in changes:
        sys.stdout.write(f"{change.act:<10} {change.title}{change.move}\n")
    return 0


def changes_of(arguments: Namespace, cluster: "Cluster") -> "list[Change]":
    """Return what releasing what `arguments` choose would do."""
    from workflows.cluster.release import plan  # noqa: PLC0415
    from workflows.cluster.templates import choose, read_manifests  # noqa: PLC0415

    templates, schedules = read_manifests(arguments.manifests)
    chosen = choose(templates, arguments.names)
    return plan(cluster, chosen, () if arguments.names else schedules, arguments.namespace)
