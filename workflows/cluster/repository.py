"""Argo's artifact repository: the ConfigMap that says where artifacts and logs of runs are kept."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from workflows.cluster.errors import ClusterError
from workflows.cluster.keys import KEY, SECRET, Keys

REPOSITORIES: Final = "artifact-repositories"
DEFAULT: Final = "workflows.argoproj.io/default-artifact-repository"


def read_repository(document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return name and settings of the default repository of a ConfigMap.

    Raises:
        ClusterError: If it names none, or one that is no S3.
    """
    name = document["metadata"].get("annotations", {}).get(DEFAULT, "")
    found = yaml.safe_load((document.get("data") or {}).get(name, "")) or {}
    if "s3" not in found:
        raise ClusterError(
            f"ConfigMap {REPOSITORIES} names no default repository with `s3`", hint="argo/cluster/base shows one"
        )
    return name, found


def repository_endpoint(document: Mapping[str, Any]) -> str:
    """Return the URL of the default repository's store."""
    s3 = read_repository(document)[1]["s3"]
    return f"{'http' if s3.get('insecure') else 'https'}://{s3['endpoint']}"


def pointed_at(document: Mapping[str, Any], keys: Keys, bucket: str, secret: str) -> dict[str, Any]:
    """Return the ConfigMap with its default repository in `bucket` of the store, its keys those of the Secret `secret`."""
    name, repository = read_repository(document)
    place = {
        "bucket": bucket,
        "endpoint": keys.host,
        "insecure": keys.insecure,
        "region": keys.region,
        "accessKeySecret": {"name": secret, "key": KEY},
        "secretKeySecret": {"name": secret, "key": SECRET},
    }
    text = yaml.safe_dump({**repository, "s3": {**repository["s3"], **place}}, sort_keys=False)
    return {**document, "data": {**document["data"], name: text}}
