"""The content of artifacts in the bucket, as digests that the local engine would give the same content."""

import os
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from tests.conformance.view import ENGINES_OWN
from workflows.local.objects import Objects


def digests_of(workflow: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the digest of every output artifact of `workflow`, by names of node and artifact; none without a store."""
    if not os.environ.get("AWS_ENDPOINT_URL_S3"):
        return {}
    repository = workflow["status"].get("artifactRepositoryRef", {}).get("artifactRepository", {})
    bucket = repository.get("s3", {}).get("bucket", "")
    # The session that boto3 shares would keep the keys of whatever store it was first used for.
    client = boto3.Session().client("s3")
    found: dict[tuple[str, str], str] = {}
    by_key: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        objects = Objects(Path(folder) / "objects")
        for node in (workflow["status"].get("nodes") or {}).values():
            for artifact in (node.get("outputs") or {}).get("artifacts") or []:
                key = artifact.get("s3", {}).get("key", "")
                if artifact["name"] in ENGINES_OWN or not key:
                    continue
                if key not in by_key:
                    target = Path(folder) / "content" / str(len(by_key))
                    target.parent.mkdir(exist_ok=True)
                    _fetch(client, artifact.get("s3", {}).get("bucket", bucket), key, artifact, target)
                    by_key[key] = objects.take(target)[0] if target.exists() else ""
                found[node["name"], artifact["name"]] = by_key[key]
    return found


def _fetch(client: Any, bucket: str, key: str, artifact: Mapping[str, Any], target: Path) -> None:
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])]
    if keys == [key]:
        packed = target.with_name(f"{target.name}.packed")
        client.download_file(bucket, key, str(packed))
        _unpack(packed, artifact, target)
        return
    for one in keys:
        inner = target / one.removeprefix(key).lstrip("/")
        inner.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, one, str(inner))


def _unpack(packed: Path, artifact: Mapping[str, Any], target: Path) -> None:
    archive = artifact.get("archive") or {}
    if "none" in archive:
        packed.rename(target)
        return
    unpacked = target.with_name(f"{target.name}.unpacked")
    if "zip" in archive:
        with zipfile.ZipFile(packed) as file:
            file.extractall(unpacked)
    else:
        with tarfile.open(packed) as tar:
            tar.extractall(unpacked, filter="data")
    entries = list(unpacked.iterdir())
    if len(entries) == 1:  # a packed artifact holds one entry, called like its path
        entries[0].rename(target)
