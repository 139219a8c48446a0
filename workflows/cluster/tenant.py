"""The pods' own user in MinIO, who may do in the one bucket what steps do, and nothing else.

Stores that are not MinIO manage users elsewhere (IAM and the like): there the policy is printed for whoever does that.
"""

import json
from typing import TYPE_CHECKING, Any

from workflows.cluster.bucket import connect_store
from workflows.cluster.change import Act, Change
from workflows.cluster.keys import Keys

if TYPE_CHECKING:
    from minio import Minio
    from minio.minioadmin import MinioAdmin


def is_minio(keys: Keys, host: str) -> bool:
    """Tell whether the store at `host` is MinIO: nothing else answers to its health address with its name."""
    from urllib3 import PoolManager, Timeout  # noqa: PLC0415

    scheme = "http" if keys.insecure else "https"
    pool = PoolManager(timeout=Timeout(connect=5, read=10), retries=False)
    answer = pool.request("GET", f"{scheme}://{host}/minio/health/live")
    return answer.status == 200 and answer.headers.get("Server", "").lower().startswith("minio")


def policy(bucket: str) -> dict[str, Any]:
    """Return the least that steps need, as a policy of S3: no versions, no other bucket, no settings."""
    on_bucket = ["GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"]
    on_objects = [
        "AbortMultipartUpload",
        "DeleteObject",
        "GetObject",
        "GetObjectTagging",
        "ListMultipartUploadParts",
        "PutObject",
        "PutObjectTagging",
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(on_bucket, f"arn:aws:s3:::{bucket}"),
            _allow(on_objects, f"arn:aws:s3:::{bucket}/*"),
            # Amazon's policies need no more to keep versions; in MinIO the right to delete an object is one to its versions too.
            {"Effect": "Deny", "Action": ["s3:DeleteObjectVersion"], "Resource": [f"arn:aws:s3:::{bucket}/*"]},
        ],
    }


def set_up_user(host: str, keys: Keys, root: tuple[str, str], bucket: str, *, dry_run: bool) -> list[Change]:
    """Make the pods' user and policy what they shall be, as MinIO's administrator `root`, and say what that changed."""
    from minio.credentials.providers import StaticProvider  # noqa: PLC0415
    from minio.minioadmin import MinioAdmin  # noqa: PLC0415

    if keys.key == root[0]:
        return [Change(Act.SKIPPED, "user and policy", "pods use the administrator's key; give them one of their own")]
    admin = MinioAdmin(endpoint=host, credentials=StaticProvider(*root), region=keys.region, secure=not keys.insecure)
    name = f"argosight-{bucket}"
    wanted = policy(bucket)
    # MinIO's own action, for the EventSource of Argo Events: Amazon's policies do not know it.
    wanted["Statement"].append(_allow(["ListenBucketNotification"], f"arn:aws:s3:::{bucket}"))
    changes = [_set_up_policy(admin, name, wanted, dry_run=dry_run)]
    user = json.loads(admin.user_list()).get(keys.key)
    title = f"user/{keys.key}"
    if user is None:
        changes.append(Change(Act.CREATED, title))
    elif name not in str(user.get("policyName", "")).split(",") or not _logs_in(connect_store(keys, host), bucket):
        changes.append(Change(Act.CHANGED, title, "policy or secret"))
    else:
        return [*changes, Change(Act.UNCHANGED, title)]
    if not dry_run:
        admin.user_add(keys.key, keys.secret)
        if user is None or name not in str(user.get("policyName", "")).split(","):
            admin.attach_policy([name], user=keys.key)
    return changes


def _set_up_policy(admin: "MinioAdmin", name: str, wanted: dict[str, Any], *, dry_run: bool) -> Change:
    known = json.loads(admin.policy_list()).get(name)
    if known and _statements(known) == _statements(wanted):
        return Change(Act.UNCHANGED, f"policy/{name}")
    if not dry_run:
        admin.policy_add(name, policy=wanted)
    return Change(Act.CHANGED if known else Act.CREATED, f"policy/{name}")


def _logs_in(client: "Minio", bucket: str) -> bool:
    from minio.error import S3Error  # noqa: PLC0415

    try:
        return client.bucket_exists(bucket)
    except S3Error:
        return False


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": [resource]}


def _statements(document: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    return sorted((one["Effect"], sorted(one["Action"]), sorted(one["Resource"])) for one in document["Statement"])
