"""`argosight list`: the runs on this machine."""

import json
import sys
from argparse import ArgumentParser, Namespace

from workflows.local.durations import clock_text, rfc3339
from workflows.local.errors import RunLookupError
from workflows.local.home import Home
from workflows.local.machine import Machine
from workflows.local.outline import short_name
from workflows.local.run import Run, load_run


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--json", action="store_true", help="as JSON, one object a run, for programs")
    parser.epilog = (
        "example:\n  argosight list --json\n\n"
        "Interrupted means that the engine is gone though the run has not ended: `argosight retry RUN` goes on with it."
    )


def run(arguments: Namespace) -> int:
    """Show all runs of the home, the newest first."""
    home = Home.default()
    runs = _read(home)
    if arguments.json:
        sys.stdout.write(json.dumps([_record(one, home) for one in runs], indent=1) + "\n")
    elif not runs:
        sys.stdout.write(f"no runs in {home.root}\n")
    else:
        _write_table(runs)
    return 0


def _read(home: Home) -> list[Run]:
    machine = Machine(home.locks)
    runs = []
    for folder in home.folders():
        try:
            runs.append(load_run(folder, machine))
        except RunLookupError as error:
            sys.stderr.write(f"{error.message.splitlines()[0]}\n")
    return runs


def _write_table(runs: list[Run]) -> None:
    rows = [("RUN", "PHASE", "STARTED", "TOOK", "")]
    for one in runs:
        took = clock_text(one.seconds) if one.finished else ""
        culprit = one.culprit
        note = f"{short_name(one, culprit)}: {culprit.message.splitlines()[0]}" if culprit and culprit.message else ""
        rows.append((one.name, one.phase, f"{one.started.astimezone():%Y-%m-%d %H:%M}", took, note[:60]))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[4]]).rstrip() + "\n")


def _record(one: Run, home: Home) -> dict[str, object]:
    return {
        "name": one.name,
        "workflow": one.workflow,
        "phase": one.phase,
        "created": rfc3339(one.created),
        "finished": rfc3339(one.finished) if one.finished else None,
        "seconds": round(one.seconds, 1) if one.finished else None,
        "attempt": one.attempt,
        "parameters": one.parameters,
        "folder": str(home.runs / one.name),
    }
