"""Watching a run: a live tree on a terminal, a line a change elsewhere."""

import re
import sys
import time
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from workflows.local.durations import clock_text, now
from workflows.local.node import Node, NodeType, Phase
from workflows.local.outline import Line, outline, short_name
from workflows.local.run import Run

ICONS = {
    Phase.PENDING: ("◷", "yellow"),
    Phase.RUNNING: ("●", "cyan"),
    Phase.SUCCEEDED: ("✔", "green"),
    Phase.FAILED: ("✖", "red"),
    Phase.ERROR: ("⚠", "red"),
    Phase.SKIPPED: ("○", "bright_black"),
    Phase.OMITTED: ("○", "bright_black"),
}
BAR_CELLS = 16
PROGRESS_EVERY_S = 10.0
COUNTDOWN = re.compile(r"(?<=^Backoff for )\d+ s")
"""Changes every second: worth redrawing a tree, not worth a line."""


class LiveTree:
    """Shows the nodes of a run as a tree that changes in place."""

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(console=console or Console(stderr=True), auto_refresh=False, transient=False)

    def __enter__(self) -> "LiveTree":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, run: Run) -> None:
        """Draw `run` as it is now."""
        self._live.update(draw(run), refresh=True)


def draw(run: Run) -> Tree:
    """Return the tree of `run`."""
    title = Text.assemble((run.name, "bold"), f"  {run.phase}  ", (clock_text(run.seconds), "bright_black"))
    if run.message and not run.finished:
        title.append(f"  {run.message}", "yellow")
    tree = Tree(title, guide_style="bright_black")
    path = [tree]
    for line in outline(run):
        if line.node.name == run.name and line.node.type is NodeType.DAG:
            continue
        depth = line.depth if line.node.name.startswith(f"{run.name}.onExit") else max(0, line.depth - 1)
        del path[depth + 1 :]
        path.append(path[-1].add(_row(line)))
    return tree


def _row(line: Line) -> Table:
    node = line.node
    icon, style = ICONS[node.phase]
    row = Table.grid(padding=(0, 2))
    quiet = "bright_black" if node.phase in {Phase.SKIPPED, Phase.OMITTED} else ""
    tries = f" (try {line.tries})" if line.tries > 1 else ""
    cells = [Text(icon, style), Text(f"{line.label}{tries}", quiet)]
    if node.phase not in {Phase.SKIPPED, Phase.OMITTED}:
        cells.append(Text(clock_text(node.seconds) + (", kept" if node.reused else ""), "bright_black"))
    if node.phase is Phase.RUNNING and node.progress:
        cells.append(_bar(node))
    if node.message and node.phase is not Phase.OMITTED:
        cells.append(Text(node.message.splitlines()[0][:100], style if node.phase is not Phase.SKIPPED else quiet))
    row.add_row(*cells)
    return row


def _bar(node: Node) -> Text:
    filled = int(BAR_CELLS * _share(node))
    return Text.assemble(("█" * filled, "cyan"), ("░" * (BAR_CELLS - filled), "bright_black"), f" {_how_far(node)}")


def _share(node: Node) -> float:
    done, total = (int(part) for part in node.progress.split("/"))
    return min(1.0, done / max(total, 1))


def _how_far(node: Node) -> str:
    """Return the words of the process; of `N/M` alone nobody knows the unit."""
    return node.progress_words or f"{_share(node):.0%}"


class Lines:
    """Writes a line with the time for each change of a node: for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._seen: dict[str, tuple[Phase, str]] = {}
        self._message = ""
        self._progress: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to tidy up."""

    def show(self, run: Run) -> None:
        """Write what has changed since the last look."""
        if run.message != self._message and not run.finished:
            self._message = run.message
            self._say(f"{run.name} {run.message}")
        for line in outline(run):
            node = line.node
            state = (node.phase, COUNTDOWN.sub("", node.message))
            if self._seen.get(node.name) != state:
                self._seen[node.name] = state
                self._write(run, line)
            elif node.progress and node.phase is Phase.RUNNING:
                self._write_progress(run, node)

    def _write(self, run: Run, line: Line) -> None:
        node = line.node
        words = [short_name(run, node), str(node.phase)]
        if node.phase.completed:
            words.append(f"in {clock_text(node.seconds)}{', kept' if node.reused else ''}")
        if line.tries > 1:
            words.append(f"(try {line.tries})")
        if node.message and node.phase is not Phase.OMITTED:
            words.append(f"– {node.message.splitlines()[0]}")
        self._say(" ".join(words))

    def _write_progress(self, run: Run, node: Node) -> None:
        text, at = self._progress.get(node.name, ("", 0.0))
        words = _how_far(node)
        if words != text and time.monotonic() - at >= PROGRESS_EVERY_S:
            self._progress[node.name] = (words, time.monotonic())
            self._say(f"{short_name(run, node)}: {words}")

    def _say(self, text: str) -> None:
        self._stream.write(f"{now().astimezone():%H:%M:%S} {text}\n")
        self._stream.flush()


def watcher(stream: TextIO) -> LiveTree | Lines:
    """Return what shows a run on `stream`."""
    return LiveTree(Console(file=stream)) if stream.isatty() else Lines(stream)
