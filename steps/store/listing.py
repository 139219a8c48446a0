"""Which objects a source names, told by their listing: whether new data arrived is known without reading any."""

import hashlib

from steps.store.address import open_store, split_bucket


def listing_digest(source: str) -> str:
    """Return the SHA-256 over key, size and state (a bucket's ETag) of every object that `source` names.

    It is the same while the same objects lie there, whenever it is asked, and another once one is added, replaced or
    taken away. Empty for what is no bucket: a local path or an http(s) URL has no listing.

    Raises:
        InputError: If there is no such bucket, or it refuses.
        StoreUnavailableError: If the store does not answer.
    """
    if not source.startswith("s3://"):
        return ""
    bucket, key = split_bucket(source)
    store = open_store(f"s3://{bucket}")
    found = hashlib.sha256()
    single = bool(key) and not source.endswith("/") and store.exists(key)
    for entry in store.list(key if single or not key else f"{key}/"):
        if not single or entry.key == key:
            found.update(f"{bucket}/{entry.key}\t{entry.size}\t{entry.state}\n".encode())
    return found.hexdigest()
