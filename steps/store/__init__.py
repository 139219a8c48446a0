"""Object store and directory behind one small interface.

`open_store` takes `s3://bucket/prefix` or a folder. Endpoint and keys come from the standard AWS variables; an endpoint
`file:///folder` means that buckets are folders in it, so the same `s3://` parameters work on a laptop without a server.
Importing this package is light: boto3 is imported when the first bucket behind a real endpoint is opened.
"""

from steps.store.address import open_store
from steps.store.interface import Entry, MissingObjectError, Store
from steps.store.redaction import redact

__all__ = ["Entry", "MissingObjectError", "Store", "open_store", "redact"]
