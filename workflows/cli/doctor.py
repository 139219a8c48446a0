"""`argosight doctor`: what works here and on the cluster, what is missing, and how to get it."""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.argo.site import SITE, SiteError, read_site
from workflows.cli.run import MISTAKE, RENDERED
from workflows.local.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workflows.cluster.finding import Finding

ILL = 1


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("--only", choices=("laptop", "cluster"), help="look at one of the two")
    parser.add_argument("-n", "--namespace", default="argosight", help="where argosight is (default: argosight)")
    parser.add_argument(
        "--site", metavar="FILE", type=Path, default=SITE, help="accounts, bucket, GPUs (default: config/site.yaml)"
    )
    parser.add_argument(
        "--manifests", metavar="FOLDER", type=Path, default=RENDERED, help="rendered templates (default: argo/rendered)"
    )
    parser.epilog = (
        "examples:\n"
        "  argosight doctor\n"
        "  argosight doctor --only=cluster -n team-a\n\n"
        "ok: as it must be.  wrong: runs fail.  absent: may be added.  unknown: could not be looked at.\n"
        "Nothing is changed. Without a KUBECONFIG only this machine is looked at.\n"
        "exit codes: 0 nothing is wrong, 1 something is, 2 a mistake in the call"
    )


def run(arguments: Namespace) -> int:
    """Look, and print as it goes."""
    ill = False
    try:
        for finding in _findings(arguments):
            ill = ill or finding.state == "wrong"
            sys.stdout.write(f"{finding.state:<8} {finding.title:<36} {finding.found}\n")
            if finding.hint and finding.state != "ok":
                sys.stdout.write("".join(f"{'':<45} {line}\n" for line in f"→ {finding.hint}".splitlines()))
            sys.stdout.flush()
    except SiteError as error:
        sys.stderr.write(f"doctor: {error}\n")
        return MISTAKE
    sys.stdout.write("something is wrong: see above\n" if ill else "nothing is wrong\n")
    return ILL if ill else 0


def _findings(arguments: Namespace) -> "Iterator[Finding]":
    from workflows.cluster.laptop import check_laptop  # noqa: PLC0415  (quick help)

    if arguments.only != "cluster":
        yield from check_laptop(Home.default().root)
    if arguments.only != "laptop":
        yield from _cluster_findings(arguments)


def _cluster_findings(arguments: Namespace) -> "Iterable[Finding]":
    from workflows.cluster.client import connect  # noqa: PLC0415
    from workflows.cluster.doctor import check_cluster  # noqa: PLC0415
    from workflows.cluster.errors import ClusterError  # noqa: PLC0415
    from workflows.cluster.finding import absent, wrong  # noqa: PLC0415
    from workflows.cluster.patient import Patient  # noqa: PLC0415

    site = read_site(arguments.site)
    try:
        cluster = connect()
    except ClusterError as error:
        # Who has no cluster, and asks for none, is well.
        configured = os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser().is_file()
        return [(wrong if configured or arguments.only else absent)("cluster", error.message, error.hint)]
    return check_cluster(Patient(cluster, arguments.namespace, site, arguments.manifests))
