"""The keys of the object store: from the environment, from the cluster's Secret, or new ones. They are never printed."""

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from workflows.cluster.client import Cluster
from workflows.cluster.errors import ClusterError

MINIO_SECRET: Final = "argosight-minio"  # noqa: S105
REGION: Final = "us-east-1"
"""What stores without regions answer to."""

ENDPOINT, KEY, SECRET, AWS_REGION = "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"
ROOT_USER, ROOT_PASSWORD = "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"
LOOPBACK: Final = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104


@dataclass(frozen=True)
class Keys:
    """A store as pods see it, and who they are there.

    Attributes:
        endpoint: URL of the store.
        key: Name of the access key.
        secret: Its secret.
        region: Region of the bucket.
    """

    endpoint: str
    key: str
    secret: str = field(repr=False)
    region: str = REGION

    @property
    def host(self) -> str:
        """Host and, where the URL gives one, port."""
        return urlsplit(self.endpoint).netloc

    @property
    def insecure(self) -> bool:
        """Whether the store is spoken to without TLS."""
        return urlsplit(self.endpoint).scheme == "http"


def store_keys(cluster: Cluster, namespace: str, secret_name: str, endpoint: str, *, generate: bool) -> Keys:
    """Return what pods shall use: environment, else what the Secret in the cluster has, else `endpoint` and new keys.

    Args:
        cluster: Where the Secret may be.
        namespace: Its namespace.
        secret_name: Its name.
        endpoint: The store that the overlay names.
        generate: Make up keys that are found nowhere, because there is an administrator who can make them known.

    Raises:
        ClusterError: If there are no keys, or pods could not reach the endpoint.
    """
    known = read_secret(cluster, namespace, secret_name)
    region = os.environ.get(AWS_REGION) or known.get(AWS_REGION) or REGION
    if urlsplit(endpoint).netloc == "s3.amazonaws.com" and region != REGION:
        endpoint = f"https://s3.{region}.amazonaws.com"
    endpoint = os.environ.get(ENDPOINT) or known.get(ENDPOINT) or endpoint
    _check(endpoint)
    pairs = [(os.environ.get(KEY, ""), os.environ.get(SECRET, "")), (known.get(KEY, ""), known.get(SECRET, ""))]
    if generate:
        pairs.append(("argosight", secrets.token_urlsafe(30)))
    if bool(pairs[0][0]) != bool(pairs[0][1]):
        raise ClusterError(f"only one of {KEY} and {SECRET} is set", hint="set both, or neither")
    key, secret = next((pair for pair in pairs if all(pair)), ("", ""))
    if not key:
        raise ClusterError(
            f"no keys for {endpoint}: neither {KEY} and {SECRET} are set, nor is there a Secret {secret_name}",
            hint=f"set them, and {ENDPOINT} to the store as pods see it; or take --overlay=dev, which brings a MinIO",
        )
    return Keys(endpoint, key, secret, region)


def administrator(cluster: Cluster, namespace: str, *, generate: bool) -> tuple[str, str] | None:
    """Return name and password of MinIO's administrator: environment, Secret, or new ones if `generate`; else None."""
    known = read_secret(cluster, namespace, MINIO_SECRET)
    for found in (os.environ, known):
        if found.get(ROOT_USER) and found.get(ROOT_PASSWORD):
            return found[ROOT_USER], found[ROOT_PASSWORD]
    return ("administrator", secrets.token_urlsafe(30)) if generate else None


def secret_document(name: str, namespace: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return a Secret to apply."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "argosight"}},
        "type": "Opaque",
        # Not `stringData`: the server turns it into `data`, and then every apply looks like a change.
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def read_secret(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    """Return the values of a Secret; none if there is no such Secret."""
    found = cluster.get("v1", "Secret", name, namespace) or {}
    return {key: base64.b64decode(value).decode() for key, value in (found.get("data") or {}).items()}


def _check(endpoint: str) -> None:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ClusterError(f"{ENDPOINT}={endpoint}: not a store's URL", hint="http(s)://host:port")
    if parts.hostname in LOOPBACK:
        raise ClusterError(
            f"{ENDPOINT}={endpoint}: in a pod that is the pod itself",
            hint="give the store as pods see it, such as http://minio.NAMESPACE:9000; Services of the cluster are "
            "reached from here through a tunnel",
        )
