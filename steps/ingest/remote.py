"""Images that an export only points at, in a bucket."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path, PurePosixPath

from steps.ingest.pool import each_in_threads
from steps.store.address import open_store, split_bucket
from steps.store.interface import MissingObjectError, Store

THREADS = 8


def is_remote(path: str) -> bool:
    """Tell whether `path` is an address in a bucket rather than a path inside the source."""
    return path.startswith("s3://")


def place_of(address: str, folder: Path) -> Path:
    """Return where the image at `address` lies after its download to `folder`."""
    suffix = PurePosixPath(address).suffix.lower()
    return folder / (hashlib.sha256(address.encode()).hexdigest() + suffix)


def download(addresses: Iterable[str], folder: Path) -> None:
    """Download images to `folder`, several at a time; where an address has none, no file appears.

    Raises:
        InputError: If the store refuses, or an address is none.
        StoreUnavailableError: If the store does not answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store_of = cache(_open)

    def save(address: str) -> None:
        bucket, key = split_bucket(address)
        with suppress(MissingObjectError):
            store_of(bucket).download(key, place_of(address, folder))

    for _ in each_in_threads(save, addresses, THREADS):
        pass


def _open(bucket: str) -> Store:
    return open_store(f"s3://{bucket}")
