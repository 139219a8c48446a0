"""`argosight serve`: the server of the cluster, on this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import IO

from workflows.local.home import Home

MISTAKE, INTERRUPTED = 2, 130


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "model", metavar="MODEL", nargs="?", default="", help="name of the model (default: the one published last)"
    )
    parser.add_argument("--version", metavar="N", type=_version, default=0, help="version (default: the latest)")
    parser.add_argument(
        "--port", metavar="N", type=int, default=8080, help="port; 0 for any that is free (default: 8080)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--registry",
        default="",
        help="s3://bucket/prefix, or a folder (default: what was published on this machine)",
    )
    parser.add_argument(
        "--log-format",
        choices=("auto", "text", "json"),
        default="auto",
        help="lines of the log: text for people, json for programs (default: text on a terminal, JSON elsewhere)",
    )
    parser.epilog = (
        "examples:\n"
        "  argosight serve\n"
        "  argosight serve planes --version=2 --port=9000\n\n"
        "This is `python -m steps serve`, whose --help has more flags. Stop it with Ctrl-C.\n"
        "exit codes: 0 stopped, 2 there is no such model, or the port is taken"
    )


def run(arguments: Namespace) -> int:
    """Serve until told to stop."""
    from workflows.argo.site import SiteError  # noqa: PLC0415  (`--help` is quick without it)

    home = Home.default()
    try:
        registry = arguments.registry or str(_published_here(home))
    except SiteError as error:
        sys.stderr.write(f"serve: {error}\n")
        return MISTAKE
    model = arguments.model or ("" if "://" in registry else newest(Path(registry)))
    if not model:
        sys.stderr.write(
            f"serve: --registry={registry}: which model?\n  hint: name it: argosight serve MODEL --registry=…\n"
            if "://" in registry
            else f"serve: no model was published in {registry}\n"
            "  hint: `argosight demo` makes one; `argosight run train-detector` one from your images\n"
        )
        return MISTAKE
    flags = [f"--registry={registry}", f"--model-name={model}", f"--host={arguments.host}", f"--port={arguments.port}"]
    flags += [f"--version={arguments.version}"] if arguments.version else []
    flags += [f"--log-format={arguments.log_format}"]
    return _serve(flags, home.root / "serve" / str(os.getpid()))


def _published_here(home: Home) -> Path:
    """Return the folder that stands for the registry that `argosight run` publishes to."""
    from workflows.cli.site import default_registry  # noqa: PLC0415

    return home.buckets / default_registry().removeprefix("s3://")


def newest(registry: Path) -> str:
    """Return the model of a folder of models that was published last, empty where there is none."""
    pointers = sorted(registry.glob("*/latest.json"), key=lambda path: path.stat().st_mtime_ns)
    return pointers[-1].parent.name if pointers else ""


def _serve(flags: list[str], work: Path) -> int:
    command = [sys.executable, "-m", "steps", "serve", *flags]
    environment = {**os.environ, "STEP_WORK": str(work)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    # Ctrl-C reaches the server too, which finishes what is under way: here it is only waited for.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _frame: server.send_signal(number) if number == signal.SIGTERM else None)
    if server.stdout:
        _tell(server.stdout)
    code = server.wait()
    shutil.rmtree(work, ignore_errors=True)
    return 0 if code in (0, -signal.SIGINT, -signal.SIGTERM, INTERRUPTED) else code


def _tell(lines: IO[str]) -> None:
    """Pass on what the server prints; the line that says that it is ready is told in words."""
    for line in lines:
        ready = _ready(line)
        told = line
        if ready:
            told = f"{ready['model']}, version {ready['version']}: {ready['url']}"
            told += f"\n  try it: argosight predict IMAGE --url={ready['url']}\n  all of it: {ready['url']}/docs\n"
        sys.stdout.write(told)
        sys.stdout.flush()


def _ready(line: str) -> dict[str, str] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) and document.get("event") == "ready" else None


def _version(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no version: they are 1, 2, 3, …")
    return int(text)
