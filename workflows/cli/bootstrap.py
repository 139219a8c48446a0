"""`argosight bootstrap`: install argosight in a cluster, or bring an installation up to date."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from workflows.argo.site import SITE, SiteError, read_site
from workflows.cli.run import MISTAKE, RENDERED
from workflows.cluster.errors import ClusterError

FAILED = 1


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--overlay",
        metavar="NAME|FOLDER",
        default="",
        help="dev (brings a MinIO), prod (the store is elsewhere), or a kustomize folder of your own"
        " (default: as last time, at first prod)",
    )
    parser.add_argument("-n", "--namespace", default="argosight", help="where everything goes (default: argosight)")
    parser.add_argument(
        "--site", metavar="FILE", type=Path, default=SITE, help="names bucket and Secret (default: config/site.yaml)"
    )
    parser.add_argument(
        "--keep-runs-days",
        metavar="DAYS",
        type=_days,
        help="after how many days the store deletes what runs left (default: as last time, at first 30); models and data stay",
    )
    parser.add_argument(
        "--manifests", metavar="FOLDER", type=Path, default=RENDERED, help="rendered templates (default: argo/rendered)"
    )
    parser.add_argument("--no-templates", action="store_true", help="release no templates")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.epilog = (
        "examples:\n"
        "  argosight bootstrap --overlay=dev\n"
        "  AWS_ENDPOINT_URL_S3=http://minio.storage:9000 AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… argosight bootstrap\n"
        "  argosight bootstrap --dry-run\n\n"
        "Secrets come from the environment: AWS_ENDPOINT_URL_S3 (as pods see it), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,\n"
        "AWS_REGION; where unset, the cluster's Secret stays as it is. MINIO_ROOT_USER and MINIO_ROOT_PASSWORD let it make\n"
        "bucket, user and policy in a MinIO; without them the pods' own keys make the bucket. No value is printed.\n"
        "What is right already is left alone, so it can be run again at any time.\n"
        "exit codes: 0 done, 1 not all of it could be done, 2 a mistake, no cluster, or a right is missing"
    )


def run(arguments: Namespace) -> int:
    """Install, and say what changed."""
    from workflows.cluster.bootstrap import Installation, bootstrap  # noqa: PLC0415  (imports the kubernetes package)
    from workflows.cluster.change import Act  # noqa: PLC0415
    from workflows.cluster.client import connect  # noqa: PLC0415

    acts = []
    try:
        site = read_site(arguments.site)
        wanted = Installation(
            overlay=arguments.overlay,
            namespace=arguments.namespace,
            bucket=site.bucket,
            secret=site.store_secret,
            keep_runs_days=arguments.keep_runs_days,
            templates=None if arguments.no_templates else arguments.manifests,
            dry_run=arguments.dry_run,
        )
        for change in bootstrap(connect(), wanted):
            acts.append(change.act)
            sys.stdout.write(f"{change}\n")
            sys.stdout.flush()
    except (ClusterError, SiteError) as error:
        sys.stderr.write(f"bootstrap: {error}\n")
        return FAILED if acts else MISTAKE
    changed = len([act for act in acts if act not in (Act.UNCHANGED, Act.SKIPPED)])
    if arguments.dry_run:
        sys.stdout.write(f"dry run: {changed} would change, nothing did\n")
    else:
        sys.stdout.write(f"{changed or 'nothing'} changed; `argosight doctor` looks whether all of it works\n")
    return 0


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number of days from 1 on")
    return int(text)
