"""Address → store: what `s3://bucket/prefix`, a folder and the AWS variables mean."""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from steps.errors import ParameterError
from steps.store.folder import FolderStore
from steps.store.interface import Store, check_key
from steps.store.redaction import redact

_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,61}[A-Za-z0-9]")
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def open_store(url: str) -> Store:
    """Open the store at `url`: `s3://bucket/prefix`, or the path of a folder, which may be missing until it is written.

    Raises:
        ParameterError: If `url` is neither, or the endpoint in the environment is no URL.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        if not url or "\0" in url:
            raise _not_an_address(url)
        folder = Path(url).expanduser().absolute()
        return FolderStore(folder, address=str(folder), anchor=folder)
    if scheme == "file":
        folder = _folder_of(url)
        return FolderStore(folder, address=str(folder), anchor=folder)
    if scheme != "s3":
        raise _not_an_address(url)
    bucket, prefix = split_bucket(url)
    endpoint = configured_endpoint()
    if endpoint.startswith("file:"):
        anchor = _folder_of(endpoint) / bucket
        return FolderStore(anchor / prefix if prefix else anchor, address=f"s3://{rest.rstrip('/')}", anchor=anchor)
    from steps.store.bucket import open_bucket  # noqa: PLC0415  (imports boto3, which a folder does not need)

    return open_bucket(bucket, prefix, endpoint)


def split_bucket(url: str) -> tuple[str, str]:
    """Return bucket and key or prefix of an `s3://` URL, the latter without slashes at its ends.

    Raises:
        ParameterError: If there is no bucket, or its name or the key may not be.
    """
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if "@" in bucket:
        raise ParameterError(
            f"an s3 URL with credentials in it: {redact(url)}",
            hint="write s3://bucket/prefix, and keep the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if not _BUCKET.fullmatch(bucket):
        raise ParameterError(
            f"no bucket name in {redact(url)!r}: found {bucket[:80]!r}",
            hint="write s3://bucket/prefix; bucket names have 3 to 63 letters, digits, `-` and `.`",
        )
    key = key.strip("/")
    return bucket, check_key(key) if key else ""


def configured_endpoint() -> str:
    """Return the endpoint that the environment names, empty for Amazon's own."""
    return next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), "")


def _folder_of(url: str) -> Path:
    refusal = ParameterError(f"not a folder's URL: {redact(url)!r}", hint="write file:///absolute/folder")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refusal from None
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_absolute() or path == Path("/") or "\0" in str(path):
        raise refusal
    return path


def _not_an_address(url: str) -> ParameterError:
    return ParameterError(f"not a store: {redact(url)!r}", hint="write s3://bucket/prefix, or the path of a folder")
