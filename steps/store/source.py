"""Fetch what a person named: a local path, an object or prefix of a store, or an http(s) URL."""

import hashlib
import re
import shutil
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

from steps.errors import InputError, ParameterError
from steps.store.address import open_store, split_bucket
from steps.store.folder import FolderStore
from steps.store.interface import MissingObjectError, Store, check_key
from steps.store.redaction import redact
from steps.store.web import download

Report = Callable[[int, int, str], None]
"""Called as `report(done, total, message)`; `Workspace.progress` is one. Total is 0 where the server did not tell."""

_THREADS = 8


def fetch(source: str, into: Path, sha256: str = "", *, max_bytes: int = 0, report: Report | None = None) -> Path:
    """Make `source` a local file or folder and return its path. What is local already is returned as it is.

    Args:
        source: Local path, `s3://bucket/key`, `s3://bucket/prefix` or an http(s) URL.
        into: Folder for what is downloaded; it is made. A download appears under its own name when it is whole.
        sha256: Digest that a single file must have, in hex. Empty: not checked.
        max_bytes: Most bytes to download. 0: any number.
        report: Told of the bytes (one file) or files (prefix) that are done.

    Raises:
        InputError: If there is nothing there, access is denied, it is too large, or the digest is another.
        StoreUnavailableError: If the server does not answer, after a few tries.
    """
    scheme, mark, _ = source.partition("://")
    if not mark or scheme == "file":
        path = _local(source)
    elif scheme == "s3":
        path = _fetch_objects(source, into, max_bytes, report or _silent)
    elif scheme in {"http", "https"}:
        into.mkdir(parents=True, exist_ok=True)
        path = download(source, into / _name_in(source), max_bytes, report or _silent)
    else:
        raise ParameterError(
            f"no way to fetch {redact(source)!r}: {scheme[:20]!r} is not known",
            hint="name a local path, s3://bucket/key or prefix, or an http(s) URL",
        )
    if sha256:
        _check_digest(path, sha256, redact(source))
    return path


def _local(source: str) -> Path:
    store = open_store(source)
    if not isinstance(store, FolderStore) or not store.root.exists():
        raise InputError(f"no file or folder at {redact(source)!r}", hint="check the path")
    return store.root


def _fetch_objects(source: str, into: Path, max_bytes: int, report: Report) -> Path:
    bucket, key = split_bucket(source)
    store = open_store(f"s3://{bucket}")
    if isinstance(store, FolderStore):
        path = store.path(key) if key else store.root
        if path.exists():
            return path
        empty = not any(store.list())  # Complains where the bucket itself is missing.
        raise MissingObjectError(
            f"no object and no prefix {source!r}", hint=f"check the name{'; the bucket is empty' * empty}"
        )
    into.mkdir(parents=True, exist_ok=True)
    if key and not source.endswith("/") and store.exists(key):
        path = into / _file_name(key)
        size = next((entry.size for entry in store.list(key) if entry.key == key), 0)
        _check_size(size, max_bytes, source)
        store.download(key, path)
        report(size, size, f"fetched {path.name}")
        return path
    return _fetch_prefix(
        store, f"{key}/" if key else "", into / _file_name(key or bucket), source, max_bytes=max_bytes, report=report
    )


def _fetch_prefix(store: Store, prefix: str, folder: Path, source: str, *, max_bytes: int, report: Report) -> Path:
    """Download every object below `prefix` into `folder`, several at a time; memory does not grow with their number."""
    count = size = 0
    for entry in store.list(prefix):
        check_key(entry.key.removeprefix(prefix))
        count, size = count + 1, size + entry.size
    if not count:
        raise MissingObjectError(f"no object and no prefix {source!r}", hint="check the name; the listing is empty")
    _check_size(size, max_bytes, source)
    partial = folder.with_name(f"{folder.name}.part")
    for left_over in (partial, folder):
        shutil.rmtree(left_over, ignore_errors=True)

    def save(key: str) -> None:
        path = partial / check_key(key.removeprefix(prefix))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            store.download(key, path)
        except (FileExistsError, NotADirectoryError):
            raise InputError(
                f"{source}: {key!r} is an object, and the folder of another", hint="rename one of the two in the bucket"
            ) from None

    done = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        pending: deque[Future[None]] = deque()
        try:
            for entry in store.list(prefix):
                pending.append(pool.submit(save, entry.key))
                while len(pending) > 4 * _THREADS:
                    pending.popleft().result()
                    done += 1
                    report(done, max(done, count), f"{done:,} of {max(done, count):,} files fetched")
            while pending:
                pending.popleft().result()
                done += 1
                report(done, max(done, count), f"{done:,} of {max(done, count):,} files fetched")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return partial.rename(folder)


def _name_in(url: str) -> str:
    """Return the file name that an http(s) URL ends with."""
    path = re.split(r"[?#]", url.partition("://")[2])[0].partition("/")[2]
    return _file_name(unquote(path))


def _file_name(path: str) -> str:
    """Return the last name of `path` as one that is harmless in every file system; its end, the suffix, is kept."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", path.rstrip("/").rpartition("/")[2]).lstrip(".")
    return name[-150:] or "download"


def _check_size(size: int, max_bytes: int, source: str) -> None:
    if max_bytes and size > max_bytes:
        raise InputError(
            f"{redact(source)} has {size:,} bytes, more than the {max_bytes:,} allowed",
            hint="raise the limit, or fetch less",
        )


def _check_digest(path: Path, expected: str, source: str) -> None:
    if not path.is_file():
        raise InputError(f"{source} is a folder: it has no sha256", hint="leave the sha256 out, or name a single file")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected.lower():
        raise InputError(
            f"{source} has sha256 {found}, not {expected}",
            hint="the file is another than the one expected: check the source, or the digest",
        )


def _silent(_done: int, _total: int, _message: str) -> None:
    """Report nothing."""
