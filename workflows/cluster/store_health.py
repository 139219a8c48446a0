"""Checks of the object store: are the keys there, do Argo and the steps mean the same bucket, and does it answer?"""

from collections.abc import Iterator

from workflows.cluster.bucket import connect_store, expiry_days, store_refusals
from workflows.cluster.errors import ClusterError
from workflows.cluster.finding import Finding, absent, good, unknown, wrong
from workflows.cluster.keys import ENDPOINT, KEY, SECRET, Keys, administrator, read_secret
from workflows.cluster.patient import Patient
from workflows.cluster.repository import REPOSITORIES, read_repository, repository_endpoint
from workflows.cluster.rights import BOOTSTRAP
from workflows.cluster.tenant import is_minio
from workflows.cluster.tunnel import reach


def check_store(patient: Patient) -> Iterator[Finding]:
    """Look at the Secret, at Argo's artifact repository beside it, and at the bucket through the eyes of the pods' user."""
    name = patient.site.store_secret
    values = read_secret(patient.cluster, patient.namespace, name)
    missing = [key for key in (ENDPOINT, KEY, SECRET) if not values.get(key)]
    if missing:
        found = f"without {', '.join(missing)}" if values else f"not in {patient.namespace}"
        yield wrong(f"Secret {name}", found, f"set the AWS variables, then {BOOTSTRAP}")
        return
    yield good(f"Secret {name}", f"for {values[ENDPOINT]}")
    keys = Keys(values[ENDPOINT], values[KEY], values[SECRET], values.get("AWS_REGION", "us-east-1"))
    yield _repository(patient, keys)
    bucket = patient.site.bucket
    try:
        with store_refusals(keys.endpoint), reach(patient.cluster, keys.endpoint, patient.namespace) as host:
            client = connect_store(keys, host)
            if not client.bucket_exists(bucket):
                yield wrong("store", f"{keys.endpoint} has no bucket {bucket}", BOOTSTRAP)
                return
            next(iter(client.list_objects(bucket)), None)
    except ClusterError as error:
        yield wrong("store", error.message, error.hint)
        return
    yield good("store", f"{keys.endpoint} answers, bucket {bucket} can be listed")
    yield from _bucket(patient, keys)


def _bucket(patient: Patient, keys: Keys) -> Iterator[Finding]:
    bucket = patient.site.bucket
    # The pods' user may not read the bucket's settings, and need not.
    root = administrator(patient.cluster, patient.namespace, generate=False)
    try:
        with store_refusals(keys.endpoint), reach(patient.cluster, keys.endpoint, patient.namespace) as host:
            client = connect_store(keys, host, root if is_minio(keys, host) else None)
            versioned, days = client.get_bucket_versioning(bucket).status == "Enabled", expiry_days(client, bucket)
    except ClusterError:
        yield unknown("bucket", "its settings are not for the pods' user", f"as administrator: {BOOTSTRAP} --dry-run")
        return
    if versioned and days:
        yield good("bucket", f"versioned; runs/ and cache/ go after {days} days")
    else:
        missing = [word for word, there in (("versions", versioned), ("a rule that clears runs/", days)) if not there]
        yield absent("bucket", f"without {' and '.join(missing)}", BOOTSTRAP)


def _repository(patient: Patient, keys: Keys) -> Finding:
    document = patient.cluster.get("v1", "ConfigMap", REPOSITORIES, patient.namespace)
    if document is None:
        return wrong("artifact repository", f"no ConfigMap {REPOSITORIES}", BOOTSTRAP)
    _, repository = read_repository(document)
    there = (repository_endpoint(document), repository["s3"].get("bucket"))
    wanted = (keys.endpoint.rstrip("/"), patient.site.bucket)
    if there != wanted:
        found = f"Argo keeps artifacts in {there[0]}/{there[1]}, steps in {wanted[0]}/{wanted[1]}"
        return wrong("artifact repository", found, BOOTSTRAP)
    return good("artifact repository", f"bucket {there[1]} of the same store")
