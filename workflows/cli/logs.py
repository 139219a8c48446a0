"""`argosight logs`: what the processes of a run wrote."""

import sys
import time
from argparse import ArgumentParser, Namespace
from difflib import get_close_matches
from pathlib import Path

from workflows.local.errors import LocalError, RunLookupError
from workflows.local.home import LATEST, Home
from workflows.local.machine import Machine
from workflows.local.node import NodeType, Phase
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
    parser.epilog = "examples:\n  argosight logs latest\n  argosight logs train-detector-x7k2p train.cpu -f"


def run(arguments: Namespace) -> int:
    """Write the logs, each line after the name of its node where there are several."""
    home = Home.default()
    try:
        folder = home.find(arguments.run)
        _show(home, folder, arguments.node, follow=arguments.follow)
    except LocalError as error:
        sys.stderr.write(f"logs: {error}\n")
        return 2
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
    fitting = [one for one in folders if one == wanted] or [one for one in folders if one.startswith(wanted)]
    fitting = fitting or [one for one in folders if one.endswith(f".{wanted}")]
    if not fitting and not follow:
        close = get_close_matches(wanted, folders, n=1)
        raise RunLookupError(
            f"no node {wanted!r} with a log in {state.name}",
            hint=f"did you mean {close[0]}?" if close else f"nodes are {', '.join(folders) or 'none yet'}",
        )
    return fitting


def _ended(state: Run, folders: list[str]) -> bool:
    found = [node for node in state.nodes.values() if node.folder in folders and node.type is NodeType.POD]
    retrying = any(
        other.type is NodeType.RETRY and not other.phase.fulfilled and node.name in other.children
        for node in found
        for other in state.nodes.values()
    )
    return bool(found) and all(node.phase.fulfilled for node in found) and not retrying


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
