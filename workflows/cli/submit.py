"""`argosight submit`: start a workflow on the cluster, checked first, and follow it as `argosight run` does."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.cli.release import NAMESPACE
from workflows.cli.run import FAILED, INTERRUPTED, MISTAKE
from workflows.cluster.errors import ClusterError
from workflows.local.display import watcher
from workflows.local.errors import LocalError
from workflows.local.node import Phase
from workflows.local.submission import read_assignments, read_file

if TYPE_CHECKING:
    from workflows.cluster.client import Cluster


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "template", metavar="NAME", help="a template in the cluster: train-detector, or one version of it"
    )
    parser.add_argument(
        "-p", "--parameter", metavar="NAME=VALUE", action="append", default=[], help="set a parameter; may be repeated"
    )
    parser.add_argument(
        "-f", "--parameter-file", metavar="FILE", type=Path, help="YAML file of parameters; -p goes before it"
    )
    parser.add_argument("-n", "--namespace", default=NAMESPACE, help=f"where to run (default: {NAMESPACE})")
    parser.add_argument("--name", default="", help="name of the run (default: the template's and five letters)")
    parser.add_argument("--detach", action="store_true", help="print the run's name and leave it to itself")
    parser.epilog = (
        "examples:\n"
        "  argosight submit train-detector -p source=s3://BUCKET/datasets/planes.zip -f config/runs/laptop.yaml\n"
        "  argosight submit train-detector -p source=s3://BUCKET/datasets/planes.zip --detach\n\n"
        "The run is Argo's own: `argo` and the UI see it as any other. Ctrl-C stops following, not the run.\n"
        "exit codes: 0 succeeded (--detach: started), 1 the run failed, 2 a mistake, or the cluster refuses, 130 no longer followed"
    )


def run(arguments: Namespace) -> int:
    """Check, submit, and follow to the end."""
    from workflows.cluster.client import connect  # noqa: PLC0415  (imports the kubernetes package)
    from workflows.cluster.submission import submit  # noqa: PLC0415

    try:
        given = read_file(arguments.parameter_file) if arguments.parameter_file else {}
        given |= read_assignments(arguments.parameter)
        cluster = connect()
        created = submit(cluster, arguments.template, given, namespace=arguments.namespace, name=arguments.name)
        name = str(created["metadata"]["name"])
        if arguments.detach:
            sys.stdout.write(f"{name}\n")
            return 0
        return _follow(cluster, name, arguments.namespace)
    except (ClusterError, LocalError) as error:
        sys.stderr.write(f"submit: {error}\n")
        return MISTAKE


def _follow(cluster: "Cluster", name: str, namespace: str) -> int:
    from workflows.cluster.following import follow, summarize, ways_on  # noqa: PLC0415

    try:
        with watcher(sys.stderr) as observer:
            finished = follow(cluster, name, namespace, observer)
        sys.stdout.write(summarize(cluster, finished, namespace))
    except KeyboardInterrupt:
        sys.stderr.write(ways_on(name, namespace))
        return INTERRUPTED
    return 0 if finished.phase == Phase.SUCCEEDED else FAILED
