"""What to say when a run has ended: where things are, or what went wrong and how to go on."""

import json
from collections.abc import Iterator
from pathlib import Path

from workflows.local.durations import clock_text
from workflows.local.node import Node, NodeType, Phase
from workflows.local.outline import short_name
from workflows.local.pod import LOG
from workflows.local.run import STOPPED, Run

LAST_LINES = 12
RECORD = "record"
REPORT = "report"


def summarize(run: Run, folder: Path) -> str:
    """Return the closing words on `run`, whose files are in `folder`."""
    lines = [f"{run.name} {run.phase} in {clock_text(run.seconds)}"]
    if run.phase == STOPPED:
        lines += ["", f"go on with:  argosight retry {run.name}"]
    elif run.phase != Phase.SUCCEEDED:
        lines += list(_failure(run, folder))
    artifacts = list(outputs(run))
    if artifacts:
        width = max(len(label) for label, _ in artifacts)
        lines += ["", *(f"  {label:<{width}}  {path}" for label, path in artifacts)]
    return "\n".join(lines) + "\n"


def outputs(run: Run) -> Iterator[tuple[str, Path]]:
    """Yield what the processes of `run` left and where it is, the report last, where the eye is."""
    found = [
        (f"{short_name(run, node)}: {one.name}", one)
        for node in run.nodes.values()
        if node.type is NodeType.POD
        for one in node.outputs.artifacts
        if one.name != RECORD and one.path
    ]
    found.sort(key=lambda pair: pair[1].name == REPORT)
    for label, one in found:
        yield label.replace("onExit.", ""), _page(Path(one.path or ""))


def recorded_error(node: Node) -> dict[str, str]:
    """Return message and hint of the error that the step of `node` recorded, or nothing."""
    record = node.outputs.artifact(RECORD)
    try:
        error = json.loads(Path(record.path or "").read_text(encoding="utf-8")).get("error") if record else None
    except (OSError, ValueError):
        return {}
    return error if isinstance(error, dict) else {}


def _failure(run: Run, folder: Path) -> Iterator[str]:
    node = run.culprit
    if not node:
        yield f"  {run.message}"
        return
    name = short_name(run, node)
    yield ""
    yield f"{name} {node.phase}: {node.message}"
    error = recorded_error(node)
    if error:
        yield f"  {error.get('message', '')}"
        yield f"  hint: {error.get('hint', '')}"
    elif node.folder:
        yield from (f"  │ {line}" for line in last_lines(folder / "nodes" / node.folder / LOG))
    yield ""
    if node.folder:
        yield f"all of its log:  argosight logs {run.name} {name}"
    yield f"go on with:      argosight retry {run.name} [-p NAME=VALUE]"


def last_lines(log: Path, count: int = LAST_LINES) -> list[str]:
    """Return the last lines of the file `log`, if there is one."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            return file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


def _page(path: Path) -> Path:
    """Return the page to open, where an artifact is a folder around one."""
    for name in ("report.html", "index.html"):
        if (path / name).is_file():
            return path / name
    return path
