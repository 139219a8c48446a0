"""The bucket: there, versioned, and with rules that clear away what no one needs any more.

Argo never deletes artifacts of ours (`artifactGC: Never`), because a model's lineage points at them and a retried run reads them;
the rules on `runs/` and `cache/` are the garbage collection.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from workflows.cluster.change import Act, Change
from workflows.cluster.errors import ClusterError, UnreachableError
from workflows.cluster.keys import Keys

if TYPE_CHECKING:
    from minio import Minio
    from minio.lifecycleconfig import Rule

PASSING: Final = ("runs/", "cache/")
"""What can be had again from data sets and models, which stay."""
OWN_RULES: Final = "argosight-"
KEEP_RUNS_DAYS: Final = 30
KEEP_VERSIONS_DAYS: Final = 30
"""How long an overwritten or deleted object can be brought back."""


def connect_store(keys: Keys, host: str, root: tuple[str, str] | None = None) -> "Minio":
    """Return a client for the store at `host`, as the administrator if one is given, else as the pods."""
    from minio import Minio  # noqa: PLC0415
    from urllib3 import PoolManager, Retry, Timeout  # noqa: PLC0415

    key, secret = root or (keys.key, keys.secret)
    patience = PoolManager(timeout=Timeout(connect=5, read=30), retries=Retry(total=3, backoff_factor=0.5))
    return Minio(
        host,
        access_key=key,
        secret_key=secret,
        secure=not keys.insecure,
        region=keys.region,
        http_client=patience,
    )


@contextmanager
def store_refusals(endpoint: str) -> Iterator[None]:
    """Turn what the store's client raises into a `ClusterError`."""
    from minio.error import MinioException, S3Error  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except S3Error as error:
        hint = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what the store lets that user do"
        raise ClusterError(f"the store at {endpoint} refuses: {error.code} ({error.message})", hint=hint) from None
    except MinioException as error:
        raise ClusterError(
            f"the store at {endpoint} refuses: {error}", hint="are the administrator's keys right?"
        ) from None
    except HTTPError as error:
        raise UnreachableError(
            f"the store at {endpoint} does not answer: {error}",
            hint="is AWS_ENDPOINT_URL_S3 right, and the store running?",
        ) from None


def set_up_bucket(client: "Minio", name: str, *, keep_runs_days: int | None, dry_run: bool) -> list[Change]:
    """Make the bucket what it shall be, and say what that changed."""
    from minio.commonconfig import ENABLED  # noqa: PLC0415
    from minio.error import S3Error  # noqa: PLC0415
    from minio.versioningconfig import VersioningConfig  # noqa: PLC0415

    title = f"bucket/{name}"
    if not client.bucket_exists(name):
        if dry_run:
            return [Change(Act.CREATED, title), Change(Act.CREATED, f"{title} versioning and lifecycle")]
        client.make_bucket(name)
        changes = [Change(Act.CREATED, title)]
    else:
        changes = [Change(Act.UNCHANGED, title)]
    try:
        versioned = client.get_bucket_versioning(name).status == ENABLED
    except S3Error as error:
        if error.code != "AccessDenied":
            raise
        detail = "not for this user; who administers the store runs this once with their own keys"
        return [*changes, Change(Act.SKIPPED, f"{title} versioning and lifecycle", detail)]
    if not versioned and not dry_run:
        client.set_bucket_versioning(name, VersioningConfig(ENABLED))
    changes.append(Change(Act.UNCHANGED if versioned else Act.CHANGED, f"{title} versioning"))
    days = keep_runs_days or expiry_days(client, name) or KEEP_RUNS_DAYS
    return [*changes, _set_up_lifecycle(client, name, days, dry_run=dry_run)]


def expiry_days(client: "Minio", name: str) -> int | None:
    """Return after how many days objects under `runs/` go; None if they never do."""
    config = client.get_bucket_lifecycle(name)
    rules = config.rules if config else []
    found = [rule.expiration.days for rule in rules if rule.expiration and _prefix(rule) == PASSING[0]]
    return found[0] if found else None


def _set_up_lifecycle(client: "Minio", name: str, keep_runs_days: int, *, dry_run: bool) -> Change:
    from minio.lifecycleconfig import LifecycleConfig  # noqa: PLC0415

    config = client.get_bucket_lifecycle(name)
    present = list(config.rules) if config else []
    wanted = _rules(keep_runs_days)
    title = f"bucket/{name} lifecycle"
    own = [rule for rule in present if (rule.rule_id or "").startswith(OWN_RULES)]
    if sorted(map(_terms, own)) == sorted(map(_terms, wanted)):
        return Change(Act.UNCHANGED, title)
    if not dry_run:
        others = [rule for rule in present if rule not in own]
        client.set_bucket_lifecycle(name, LifecycleConfig([*others, *wanted]))
    return Change(
        Act.CHANGED,
        title,
        f"{' and '.join(PASSING)} go after {keep_runs_days} days, old versions after {KEEP_VERSIONS_DAYS}",
    )


def _rules(keep_runs_days: int) -> "list[Rule]":
    from minio.commonconfig import ENABLED, Filter  # noqa: PLC0415
    from minio.lifecycleconfig import Expiration, NoncurrentVersionExpiration, Rule  # noqa: PLC0415

    passing = [
        Rule(
            status=ENABLED,
            rule_filter=Filter(prefix=prefix),
            rule_id=f"{OWN_RULES}{prefix.rstrip('/')}",
            expiration=Expiration(days=keep_runs_days),
            noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=1),
        )
        for prefix in PASSING
    ]
    everything = Rule(
        status=ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id=f"{OWN_RULES}versions",
        noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=KEEP_VERSIONS_DAYS),
    )
    return [*passing, everything]


def _prefix(rule: "Rule") -> str:
    return (rule.rule_filter.prefix if rule.rule_filter else "") or ""


def _terms(rule: "Rule") -> tuple[Any, ...]:
    expiration, old = rule.expiration, rule.noncurrent_version_expiration
    days = expiration.days if expiration else None
    return rule.rule_id, rule.status, _prefix(rule), str(days), str(old.noncurrent_days if old else None)
