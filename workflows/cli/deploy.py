"""`argosight deploy`: let a version serve in the cluster."""

import os
import signal
import subprocess
import sys
import tempfile
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from steps.contract import argo_name, choices, describe, is_internal, kind
from steps.deploy.contract import DEPLOY

MISTAKE: Final = 2
OWN: Final = ("model_name", "version", "canary", "change", "reason", "keep_settings", "first_registry")
"""Inputs of the step that have a flag of another form here, or none."""

PASSING: Final = ("registry", "image", "namespace", "service", "ready_timeout")
"""Inputs that say what, where and how long, not how the service is: with these alone the last settings still hold."""


def configure(parser: ArgumentParser) -> None:
    """Add the flags: our own, and every setting of the `deploy` step."""
    parser.add_argument("model", metavar="NAME", help="name of the model in the registry")
    parser.add_argument("--version", metavar="N", type=int, default=0, help="version (default: the latest)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--canary", metavar="PERCENT", type=int, help="give it this share of the requests only")
    which.add_argument("--promote", action="store_true", help="give the canary all requests")
    add_settings(parser)
    parser.epilog = (
        "examples:\n"
        "  argosight deploy planes --namespace=argosight --min-replicas=2\n"
        "  argosight deploy planes --deploy-target=kserve --max-replicas=4\n"
        "  argosight deploy planes --canary=10\n"
        "  argosight deploy planes --promote\n\n"
        "Without settings, those of the last deployment of this name hold; the server is this release's, or --image.\n"
        "--promote takes none: the canary has its own. The version must name itself and agree with its golden image,\n"
        "server by server; otherwise, and after Ctrl-C, what served before is put back.\n"
        "exit codes: 0 it serves, 2 a mistake or a version that answers wrongly, 75 not in time: try again, 130 stopped"
    )


def add_settings(parser: ArgumentParser) -> None:
    """Offer the inputs of the `deploy` step, in its own words."""
    group = parser.add_argument_group("settings")
    for name, field in DEPLOY.inputs.model_fields.items():
        if name in OWN:
            continue
        hidden = is_internal(field) and name in ("gpu_resource", "node_selector", "tolerations")
        default = {"deploy_target": "deployment", "registry": "`models` in the site's bucket"}.get(name, field.default)
        group.add_argument(
            f"--{argo_name(name)}",
            dest=name,
            metavar=kind(field).upper() if not choices(field) else "{" + kind(field) + "}",
            default=SUPPRESS,
            help=SUPPRESS if hidden else f"{describe(field)} (default: {default!r})".replace("%", "%%"),
        )


def run(arguments: Namespace) -> int:
    """Deploy, showing how it goes."""
    from workflows.argo.site import SiteError  # noqa: PLC0415  (`--help` is quick without it)

    given = settings(arguments)
    if arguments.promote:
        given["change"] = "promote"
    else:
        try:
            given = {**_site_inputs(keep_settings=not given.keys() - set(PASSING)), **given}
        except SiteError as error:
            sys.stderr.write(f"deploy: {error}\n")
            return MISTAKE
    if arguments.canary is not None:
        given["canary"] = str(arguments.canary)
    if arguments.version:
        given["version"] = str(arguments.version)
    code, url = run_step(arguments.model, given)
    if not code:
        sys.stdout.write(f"{url}\n")
    return code


def settings(arguments: Namespace) -> dict[str, str]:
    """Return the settings that were given."""
    known = [name for name in DEPLOY.inputs.model_fields if name not in OWN]
    return {name: getattr(arguments, name) for name in known if hasattr(arguments, name)}


def run_step(model: str, given: dict[str, str]) -> tuple[int, str]:
    """Run the `deploy` step, as a workflow does; return its exit code, and where the service is reached."""
    flags = [f"--{argo_name(name)}={value}" for name, value in {**given, "model_name": model}.items()]
    with tempfile.TemporaryDirectory(prefix="argosight-deploy-") as work:
        command = [sys.executable, "-m", "steps", "deploy", *flags]
        code = run_to_its_end(command, {**os.environ, "STEP_WORK": work})
        url = Path(work, "out", "url")
        return code, url.read_text(encoding="utf-8") if url.is_file() else ""


def run_to_its_end(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `command` and return its exit code. Told to stop, this process waits until the command has tidied up."""
    step = subprocess.Popen(command, env=environment)
    # Ctrl-C reaches the step too, which then puts back what served before: here it is only waited for.
    stops = {signal.SIGINT: lambda *_: None, signal.SIGTERM: lambda *_: step.terminate()}
    usual = {number: signal.signal(number, handle) for number, handle in stops.items()}
    try:
        code = step.wait()
    finally:
        for number, handle in usual.items():
            signal.signal(number, handle)
    return code if code >= 0 else 128 - code


def _site_inputs(*, keep_settings: bool) -> dict[str, str]:
    """Return what holds unless it is given: by the last deployment, or as in a run, which takes it from `config/site.yaml`."""
    from workflows.cli.site import default_registry, own_site  # noqa: PLC0415

    site = own_site()
    image, registry = site.image("serve"), default_registry(site)
    if keep_settings:
        return {"keep_settings": "true", "image": image, "first_registry": registry}
    return {"deploy_target": "deployment", "image": image, "registry": registry, **site.gpu.for_servers()}
