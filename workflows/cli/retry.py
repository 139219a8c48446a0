"""`argosight retry`: go on with a run."""

import sys
from argparse import ArgumentParser, Namespace

from workflows.argo.site import SiteError
from workflows.cli.run import MISTAKE, conclude, read_checked
from workflows.cli.site import gpu_node
from workflows.local.display import watcher
from workflows.local.engine import retry_workflow
from workflows.local.errors import LocalError
from workflows.local.home import LATEST, Home
from workflows.local.run import MANIFEST, load_run
from workflows.local.submission import read_assignments


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default=LATEST, help="name of the run, a unique beginning of it, or latest"
    )
    parser.add_argument(
        "-p",
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="change a parameter that nothing finished has read; may be repeated",
    )
    parser.epilog = (
        "examples:\n"
        "  argosight retry train-detector-x7k2p\n"
        "  argosight retry train-detector-x7k2p -p batch=8\n\n"
        "Nodes that succeeded are kept while their inputs are the same. A training goes on after its last whole epoch.\n"
        "The manifest is that which the run was started with; so are the parameters, but for those that -p changes."
    )


def run(arguments: Namespace) -> int:
    """Go on to the end, showing how it goes."""
    home = Home.default()
    try:
        folder = home.find(arguments.run)
        changes = read_assignments(arguments.parameter)
        read_checked(folder / MANIFEST, {**load_run(folder).parameters, **changes})
        with watcher(sys.stderr) as observer:
            finished = retry_workflow(folder, changes, observer=observer, gpu_node=gpu_node())
    except (LocalError, SiteError) as error:
        sys.stderr.write(f"retry: {error}\n")
        return MISTAKE
    return conclude(finished, home)
