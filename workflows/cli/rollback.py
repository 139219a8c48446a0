"""`argosight rollback`: go back to an earlier version, in what serves and in the registry."""

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from workflows.cli.deploy import MISTAKE, run_step

if TYPE_CHECKING:
    from steps.registry import Registry

ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("model", metavar="NAME", help="name of the model in the registry")
    parser.add_argument(
        "version",
        metavar="VERSION",
        nargs="?",
        type=int,
        default=0,
        help="version to go back to (default: the one before; from a canary, the one that serves the others)",
    )
    parser.add_argument("--reason", default="", help="why; it is kept in the registry")
    parser.add_argument(
        "--registry", default="", help="s3://bucket/prefix, or a folder (default: `models` in the site's bucket)"
    )
    parser.add_argument("--registry-only", action="store_true", help="touch nothing that is deployed")
    parser.add_argument("--namespace", default="", help="namespace of what is deployed (default: the context's)")
    parser.add_argument("--service", default="", help="its name there (default: the model's)")
    parser.add_argument("--ready-timeout", default="", help="longest time until the version must answer (default: 5m)")
    parser.add_argument("--history", action="store_true", help="show the last rollbacks, and change nothing")
    parser.epilog = (
        "examples:\n"
        "  argosight rollback planes\n"
        "  argosight rollback planes 5 --reason='misses helicopters'\n"
        "  argosight rollback planes --history\n\n"
        "First what serves goes back, as any deployment: the version must answer, or nothing changes. Then the registry's\n"
        "`latest` is moved, in one write that keeps when, from where and why. A registry on this machine, which no cluster\n"
        "reads, is all that is changed there.\n"
        "exit codes: 0 done, 2 a mistake, or no such version, 75 not in time: try again, 130 stopped"
    )


def run(arguments: Namespace) -> int:
    """Go back."""
    from steps.errors import StepError  # noqa: PLC0415  (`--help` is quick without them)
    from steps.registry import Registry  # noqa: PLC0415
    from workflows.argo.site import SiteError  # noqa: PLC0415
    from workflows.cli.site import default_registry  # noqa: PLC0415

    try:
        url = arguments.registry or default_registry()
        local = _use_local_buckets(url, arguments.model)
        registry = Registry.open(url)
        if arguments.history:
            sys.stdout.write(_history(registry, arguments.model))
        elif local or arguments.registry_only:
            sys.stdout.write(_move(registry, arguments))
        else:
            return _deploy(arguments)
    except StepError as error:
        sys.stderr.write(f"rollback: {error}\n")
        return error.exit_code
    except SiteError as error:
        sys.stderr.write(f"rollback: {error}\n")
        return MISTAKE
    return 0


def _move(registry: "Registry", arguments: Namespace) -> str:
    """Move the pointer, and say what was done."""
    latest = registry.latest(arguments.model)
    target = registry.resolve(arguments.model, arguments.version) if arguments.version else registry.before(latest)
    if target.number == latest.number:
        return f"latest of {arguments.model} is {target.number} already\n"
    registry.roll_back(target, arguments.reason)
    return f"latest of {arguments.model} is {target.number} now, and was {latest.number}\n"


def _deploy(arguments: Namespace) -> int:
    """Let the version serve; the step moves the pointer when it does."""
    names = ("registry", "namespace", "service", "ready_timeout", "reason")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name)}
    given |= {"change": "rollback"} | ({"version": str(arguments.version)} if arguments.version else {})
    code, url = run_step(arguments.model, given)
    if not code:
        sys.stdout.write(f"{url}\n")
    return code


def _history(registry: "Registry", model: str) -> str:
    rollbacks = registry.rollbacks(model)
    lines = [f"{one.moved}  {one.left} → {one.version}  {one.reason}".rstrip() for one in rollbacks]
    return "".join(f"{line}\n" for line in lines) or f"{model} was never rolled back\n"


def _use_local_buckets(registry: str, model: str) -> bool:
    """Let `s3://` mean this machine's buckets, as `argosight run` does, where no endpoint is set and the model is there."""
    from workflows.local.home import Home  # noqa: PLC0415

    if not registry.startswith("s3://"):
        return True
    buckets = Home.default().buckets
    place = buckets / registry.removeprefix("s3://") / model / "latest.json"
    if any(os.environ.get(name) for name in ENDPOINTS) or not place.is_file():
        return False
    os.environ[ENDPOINTS[0]] = buckets.as_uri()
    return True
