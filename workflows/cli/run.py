"""`argosight run`: run a rendered manifest in processes of this machine."""

import json
import sys
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from textwrap import fill as fill_text
from typing import Any

import workflows
from workflows.argo.site import SiteError
from workflows.cli.site import gpu_node
from workflows.contract_check import check_values
from workflows.local.checks import check
from workflows.local.display import watcher
from workflows.local.engine import run_workflow
from workflows.local.errors import LocalError, ManifestError
from workflows.local.home import Home
from workflows.local.machine import Machine
from workflows.local.manifest import Manifest, load
from workflows.local.node import Phase
from workflows.local.plan import plan
from workflows.local.run import STOPPED, Run
from workflows.local.submission import read_assignments, read_file
from workflows.local.summary import summarize

RENDERED = Path(workflows.__file__).resolve().parent.parent / "argo" / "rendered"
FAILED = 1
MISTAKE = 2
INTERRUPTED = 130
INDENT = " " * 6


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("-h", "--help", action=_Help, help="show this; after NAME, its parameters too")
    parser.add_argument("workflow", metavar="NAME|FILE", help="a workflow of argo/rendered/, or a manifest's file")
    parser.add_argument(
        "-p", "--parameter", metavar="NAME=VALUE", action="append", default=[], help="set a parameter; may be repeated"
    )
    parser.add_argument(
        "-f", "--parameter-file", metavar="FILE", type=Path, help="YAML file of parameters; -p goes before it"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, show what would run, start nothing")
    parser.add_argument("--name", default="", help="name of the run (default: the workflow's and five letters)")
    parser.epilog = (
        "examples:\n"
        "  argosight run train-detector -p source=images.zip -p epochs=20\n"
        "  argosight run train-detector -f config/runs/laptop.yaml -p source=images.zip --dry-run\n"
        "  argosight run train-detector --help\n\n"
        "Runs are kept in $ARGOSIGHT_HOME (default: ./.argosight). Relative paths in parameters start in this folder.\n"
        "exit codes: 0 succeeded, 1 the run failed, 2 a mistake in the call, 130 stopped"
    )


class _Help(Action):
    """Shows the flags, and the parameters of the workflow that was named before."""

    def __init__(self, option_strings: Sequence[str], **given: Any) -> None:
        super().__init__(option_strings, **given | {"dest": SUPPRESS, "default": SUPPRESS, "nargs": 0})

    def __call__(self, parser: ArgumentParser, namespace: Namespace, *_: object) -> None:
        parser.print_help()
        workflow = getattr(namespace, "workflow", None)
        try:
            if workflow:
                sys.stdout.write(_parameters_help(find_manifest(workflow)))
        except LocalError as error:
            parser.exit(MISTAKE, f"run: {error}\n")
        parser.exit()


def _parameters_help(path: Path) -> str:
    lines = ["", f"parameters of {path.stem}, for -p and -f:"]
    for one in load(path).spec.arguments.parameters:
        value = one.value if one.value is not None else one.default
        kept = "required" if value is None else f"default: {value or 'empty'}"
        lines.append(f"  {one.name} {{{','.join(one.enum)}}}" if one.enum else f"  {one.name}")
        lines.append(fill_text(f"{one.description} ({kept})", 112, initial_indent=INDENT, subsequent_indent=INDENT))
    return "\n".join(lines) + "\n"


def run(arguments: Namespace) -> int:
    """Run to the end, showing how it goes."""
    try:
        manifest = find_manifest(arguments.workflow)
        given = read_file(arguments.parameter_file) if arguments.parameter_file else {}
        given |= read_assignments(arguments.parameter)
        home = Home.default()
        loaded, values = read_checked(manifest, given)
        if arguments.dry_run:
            machine = Machine(home.locks, gpu_node())
            sys.stdout.write(_dry_run(manifest, loaded, values, given, machine))
            return 0
        with watcher(sys.stderr) as observer:
            finished = run_workflow(
                manifest, given, home.root, name=arguments.name, observer=observer, gpu_node=gpu_node()
            )
    except (LocalError, SiteError) as error:
        sys.stderr.write(f"run: {error}\n")
        return MISTAKE
    return conclude(finished, home)


def conclude(finished: Run, home: Home) -> int:
    """Say how the run ended and return the exit code."""
    sys.stdout.write(summarize(finished, home.runs / finished.name))
    if finished.phase == STOPPED:
        return INTERRUPTED
    return 0 if finished.phase == Phase.SUCCEEDED else FAILED


def find_manifest(text: str) -> Path:
    """Return the file that `text` names: a file, or a workflow among the rendered ones.

    Raises:
        ManifestError: If there is none.
    """
    if Path(text).suffix in {".yaml", ".yml"} or Path(text).is_file():
        return Path(text)
    rendered = RENDERED / f"{text}.yaml"
    if rendered.is_file():
        return rendered
    known = sorted(path.stem for path in RENDERED.glob("*.yaml"))
    close = get_close_matches(text, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"workflows are {', '.join(known) or 'none: run argosight render'}"
    raise ManifestError(f"no workflow {text!r}", hint=hint)


def read_checked(path: Path, given: Mapping[str, str]) -> tuple[Manifest, dict[str, str]]:
    """Return the manifest in the file `path` and the values of its parameters, all of which its steps can use.

    Raises:
        ManifestError: If it cannot run here.
        SubmissionError: If a parameter is unknown, missing, or has a value that no run could use; it names all faults.
    """
    manifest = load(path)
    check(manifest)
    return manifest, check_values(manifest, json.loads(manifest.as_json())["spec"], given)


def _dry_run(
    path: Path, manifest: Manifest, values: Mapping[str, str], given: Mapping[str, str], machine: Machine
) -> str:
    width = max(map(len, values), default=0)
    lines = [f"{path.name} can run here", "", "parameters:"]
    lines += [f"  {name:<{width}}  {value!r}{'' if name in given else '  (default)'}" for name, value in values.items()]
    return "\n".join([*lines, "", *plan(manifest, values, machine)]) + "\n"
