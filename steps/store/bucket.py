"""A bucket behind the S3 API as a store: Amazon's, MinIO, Garage, Ceph and their like."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from steps.errors import ParameterError
from steps.store.interface import Entry, check_key
from steps.store.redaction import redact
from steps.store.refusals import code_of, conflicting, explain, without_tags

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CHUNK = 1 << 20
_MISSED = {"PreconditionFailed", "412", "NoSuchKey", "404"}
_TRANSFER = TransferConfig(multipart_threshold=32 << 20, multipart_chunksize=16 << 20, max_concurrency=4)


def open_bucket(bucket: str, prefix: str, endpoint: str) -> "BucketStore":
    """Open `bucket` at `endpoint`, empty for Amazon's; keys and region come from the AWS variables or files.

    Raises:
        ParameterError: If `endpoint` is no URL, or the AWS configuration cannot be read.
    """
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=16,
        # Bucket names in the host need DNS for every bucket, which own stores seldom have.
        s3={"addressing_style": "path"} if endpoint else {},
        # Stores other than Amazon's often know no trailing checksums; the registry checks content by itself.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.session.Session()
        region = os.environ.get("AWS_REGION") or session.region_name or "us-east-1"
        client = session.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ParameterError(
            f"cannot use the object store at {redact(endpoint) or 'Amazon S3'}: {redact(str(error))}",
            hint="AWS_ENDPOINT_URL_S3 is http(s)://host:port, or file:///folder; see also AWS_PROFILE and AWS_REGION",
        ) from None
    return BucketStore(client, bucket, prefix, redact(client.meta.endpoint_url))


@dataclass(frozen=True, slots=True)
class BucketStore:
    """Objects below a prefix of a bucket. Safe to use from several threads.

    Attributes:
        client: Signs and retries.
        bucket: Name of the bucket.
        prefix: What keys are relative to, without slashes at its ends.
        endpoint: For messages, credentials removed.
    """

    client: "S3Client"
    bucket: str
    prefix: str
    endpoint: str

    def get(self, key: str) -> bytes:
        """Return the content of `key`."""
        with self._translated(key):
            return self.client.get_object(**self._at(key))["Body"].read()

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield the content of `key` in chunks of a MiB."""
        with self._translated(key):
            yield from self.client.get_object(**self._at(key))["Body"].iter_chunks(_CHUNK)

    def put(self, key: str, data: bytes) -> None:
        """Write `key`, whatever was there."""
        with self._translated(key):
            self.client.put_object(**self._at(key), Body=data)

    def put_new(self, key: str, data: bytes) -> bool:
        """Write `key` only if nothing is there."""
        return self._put_conditionally(key, data, IfNoneMatch="*")

    def put_if(self, key: str, data: bytes, etag: str) -> bool:
        """Write `key` only if its content is still the one that `etag` names."""
        return self._put_conditionally(key, data, IfMatch=etag)

    def etag(self, key: str) -> str:
        """Return the store's ETag, with its quotes."""
        with self._translated(key):
            return self.client.head_object(**self._at(key))["ETag"]

    def exists(self, key: str) -> bool:
        """Tell whether there is an object `key`."""
        with self._translated(key):
            try:
                self.client.head_object(**self._at(key))
            except ClientError as error:
                if code_of(error) in {"404", "NoSuchKey"}:
                    return False
                raise
        return True

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the objects whose keys begin with `prefix`, in order of their keys; folder markers are left out."""
        below = f"{self.prefix}/" if self.prefix else ""
        with self._translated(prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=below + prefix)
            for page in pages:
                for item in page.get("Contents", ()):
                    if not item["Key"].endswith("/"):
                        yield Entry(item["Key"][len(below) :], item["Size"], item["ETag"])

    def download(self, key: str, path: Path) -> None:
        """Write the content of `key` to the file `path`, large ones in parallel parts."""
        with self._translated(key):
            self.client.download_file(**self._at(key), Filename=str(path), Config=_TRANSFER)

    def upload(self, path: Path, key: str) -> None:
        """Write the file `path` to `key`, large ones in parallel parts."""
        with self._translated(key):
            self.client.upload_file(Filename=str(path), **self._at(key), Config=_TRANSFER)

    def delete(self, key: str) -> None:
        """Remove `key`."""
        with self._translated(key):
            self.client.delete_object(**self._at(key))

    def tag(self, key: str, tags: dict[str, str]) -> bool:
        """Replace the tags of `key`; False where the store knows no tags."""
        pairs = [{"Key": name, "Value": value} for name, value in sorted(tags.items())]
        with self._translated(key):
            try:
                if pairs:
                    self.client.put_object_tagging(**self._at(key), Tagging={"TagSet": pairs})  # type: ignore[typeddict-item]
                else:
                    self.client.delete_object_tagging(**self._at(key))
            except ClientError as error:
                if without_tags(error):
                    return False
                raise
        return True

    def tags(self, key: str) -> dict[str, str]:
        """Return the tags of `key`, none where the store knows no tags."""
        with self._translated(key):
            try:
                return {
                    pair["Key"]: pair["Value"] for pair in self.client.get_object_tagging(**self._at(key))["TagSet"]
                }
            except ClientError as error:
                if without_tags(error):
                    return {}
                raise

    def url(self, key: str = "") -> str:
        """Return the address of `key`."""
        return "/".join(part for part in (f"s3://{self.bucket}", self.prefix, check_key(key) if key else "") if part)

    def _put_conditionally(self, key: str, data: bytes, **condition: str) -> bool:
        for wait in (0.05, 0.1, 0.2, 0.4, 0):
            with self._translated(key):
                try:
                    self.client.put_object(**self._at(key), Body=data, **condition)  # type: ignore[arg-type]
                except ClientError as error:
                    if code_of(error) in _MISSED:
                        return False
                    if not conflicting(error):
                        raise
                    # Another write of the same key was under way: Amazon asks to try again.
                    time.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  (spreads load, keeps no secret)
                else:
                    return True
        return False

    def _at(self, key: str) -> dict[str, Any]:
        check_key(key)
        return {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}" if self.prefix else key}

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError, Boto3Error, OSError) as error:
            raise explain(error, self.url(), key, self.endpoint) from None
