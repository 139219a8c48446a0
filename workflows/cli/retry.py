"""`argosight retry`: go on with a run."""

import sys
from argparse import ArgumentParser, Namespace

from workflows.cli.run import MISTAKE, conclude
from workflows.local.display import watcher
from workflows.local.engine import retry_workflow
from workflows.local.errors import LocalError
from workflows.local.home import LATEST, Home


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default=LATEST, help="name of the run, a unique beginning of it, or latest"
    )
    parser.epilog = (
        "example:\n  argosight retry train-detector-x7k2p\n\n"
        "Nodes that succeeded are kept while their inputs are the same. A training goes on after its last whole epoch.\n"
        "The manifest and the parameters are those that the run was started with."
    )


def run(arguments: Namespace) -> int:
    """Go on to the end, showing how it goes."""
    home = Home.default()
    try:
        folder = home.find(arguments.run)
        with watcher(sys.stderr) as observer:
            finished = retry_workflow(folder, observer=observer)
    except LocalError as error:
        sys.stderr.write(f"retry: {error}\n")
        return MISTAKE
    return conclude(finished, home)
