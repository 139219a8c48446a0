"""The store of the cluster's pods, as this machine reaches it: by the AWS variables, else by the pods' own Secret."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conformance.cluster import NAMESPACE
from workflows.cluster.client import connect
from workflows.cluster.keys import AWS_REGION, ENDPOINT, KEY, REGION, SECRET, read_secret
from workflows.cluster.tunnel import reach


@contextmanager
def store_variables(secret_name: str) -> Iterator[None]:
    """Set the AWS variables, unless they are set, so that `s3://` means the same here as in the cluster's pods."""
    if os.environ.get(ENDPOINT):
        yield
        return
    cluster = connect()
    known = read_secret(cluster, NAMESPACE, secret_name)
    with reach(cluster, known[ENDPOINT], NAMESPACE) as host:
        scheme = known[ENDPOINT].partition("://")[0]
        values = {
            ENDPOINT: f"{scheme}://{host}",
            KEY: known[KEY],
            SECRET: known[SECRET],
            AWS_REGION: known.get(AWS_REGION, REGION),
        }
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
