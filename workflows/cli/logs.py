"""`argosight logs`: what the processes of a run wrote."""

import sys
import time
from argparse import ArgumentParser, Namespace
from difflib import get_close_matches
from pathlib import Path

from workflows.cli.release import NAMESPACE
from workflows.cli.run import MISTAKE
from workflows.local.errors import LocalError, RunLookupError
from workflows.local.home import LATEST, Home
from workflows.local.machine import Machine
from workflows.local.node import NodeType, Phase
from workflows.local.outline import nodes_named
from workflows.local.pod import LOG
from workflows.local.run import Run, load_run

LOOK_S = 0.3


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "run", metavar="RUN", nargs="?", default=LATEST, help="name of the run, a unique beginning of it, or latest"
    )
    parser.add_argument("node", metavar="NODE", nargs="?", default="", help="a node of it, such as train.cpu")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run, or the node, has ended")
    parser.add_argument("--cluster", action="store_true", help="a run on the cluster, not one of this machine")
    parser.add_argument(
        "-n", "--namespace", default="", help=f"where on the cluster (default: {NAMESPACE}); implies --cluster"
    )
    parser.epilog = (
        "examples:\n"
        "  argosight logs latest\n"
        "  argosight logs train-detector-x7k2p train.cpu -f\n"
        "  argosight logs train-detector-x7k2p --cluster\n\n"
        "On a cluster, logs of pods that are gone, failed ones too, are read from the artifact repository."
    )


def run(arguments: Namespace) -> int:
    """Write the logs, each line after the name of its node where there are several."""
    if arguments.cluster or arguments.namespace:
        return _run_on_cluster(arguments)
    home = Home.default()
    try:
        folder = home.find(arguments.run)
        _show(home, folder, arguments.node, follow=arguments.follow)
    except LocalError as error:
        sys.stderr.write(f"logs: {error}\n")
        return MISTAKE
    return 0


def _run_on_cluster(arguments: Namespace) -> int:
    from workflows.cluster.client import connect  # noqa: PLC0415  (imports the kubernetes package)
    from workflows.cluster.errors import ClusterError  # noqa: PLC0415
    from workflows.cluster.log_lines import find_workflow, read_lines  # noqa: PLC0415

    namespace, wanted = arguments.namespace or NAMESPACE, arguments.node
    try:
        cluster = connect()
        name = str(find_workflow(cluster, arguments.run, namespace)["metadata"]["name"])
        for line in read_lines(cluster, name, namespace, wanted=wanted, follow=arguments.follow):
            stream = sys.stderr if line.missing else sys.stdout
            stream.write(line.text + "\n" if wanted and not line.missing else f"{line.node}: {line.text}\n")
            stream.flush()
    except ClusterError as error:
        sys.stderr.write(f"logs: {error}\n")
        return MISTAKE
    return 0


def _show(home: Home, folder: Path, wanted: str, *, follow: bool) -> None:
    machine = Machine(home.locks)
    offsets: dict[str, int] = {}
    while True:
        state = load_run(folder, machine)
        nodes = _nodes(state, wanted, follow=follow)
        goes_on = follow and state.phase in {Phase.PENDING, Phase.RUNNING} and not (wanted and _ended(state, nodes))
        for node in nodes:
            log, prefix = folder / "nodes" / node / LOG, "" if wanted else f"{node}: "
            offsets[node] = _write(log, offsets.get(node, 0), prefix, grows=goes_on)
        sys.stdout.flush()
        if not goes_on:
            return
        time.sleep(LOOK_S)


def _nodes(state: Run, wanted: str, *, follow: bool) -> list[str]:
    """Return the folders of the nodes that `wanted` names, or of all."""
    folders = list(dict.fromkeys(node.folder for node in state.nodes.values() if node.folder))
    if not wanted:
        return folders
    fitting = nodes_named(folders, wanted)
    if not fitting and not follow:
        close = get_close_matches(wanted, folders, n=1)
        raise RunLookupError(
            f"no node {wanted!r} with a log in {state.name}",
            hint=f"did you mean {close[0]}?" if close else f"nodes are {', '.join(folders) or 'none yet'}",
        )
    return fitting


def _ended(state: Run, folders: list[str]) -> bool:
    found = [node for node in state.nodes.values() if node.folder in folders and node.type is NodeType.POD]
    return bool(found) and state.are_settled(found)


def _write(log: Path, offset: int, prefix: str, *, grows: bool) -> int:
    """Write what `log` holds from `offset` on, of a log that `grows` only whole lines, and return how far it came."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return offset
    if grows:
        data = data[: data.rfind(b"\n") + 1]
    for line in data.decode("utf-8", "replace").splitlines():
        sys.stdout.write(f"{prefix}{line}\n")
    return offset + len(data)
