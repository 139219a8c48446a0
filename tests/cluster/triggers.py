"""What starts runs, set up for tests: the templates of this cluster's site, uploads from a pod, and Argo Events."""

import base64
import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.cluster.conftest import in_pod
from tests.cluster.runs import SMALL, phase, site
from tests.conformance.cluster import NAMESPACE, ClusterError, describe, kubectl
from workflows.argo.catalog import build_schedules, build_workflows
from workflows.argo.site import ROOT, Site
from workflows.cluster.client import Cluster, connect
from workflows.cluster.release import carry_out, plan
from workflows.cluster.templates import API, TEMPLATE, Template

OVERLAY = ROOT / "argo" / "events" / "overlays" / os.environ.get("ARGOSIGHT_EVENTS_OVERLAY", "external")
TRAINING = json.dumps(SMALL)
"""Parameters of a training that is done in a minute or two, as `retrain` takes them."""
ORIGIN = "workflows.argoproj.io/cluster-workflow-template"
PUT = """
import io, json, sys, zipfile
from steps.store import open_store

_, plan, url = sys.argv
store = open_store(url)
for key, base, comment in json.loads(plan):
    data = io.BytesIO(store.get(base))
    with zipfile.ZipFile(data, "a") as archive:
        archive.comment = comment.encode()
    store.put(key, data.getvalue())
"""
PARTS = """
import sys
from steps.store import open_store

_, base, key, half, url = sys.argv
store = open_store(url)
place = {"Bucket": store.bucket, "Key": key}
upload = store.client.create_multipart_upload(**place)["UploadId"]
part = store.client.upload_part(**place, UploadId=upload, PartNumber=1, Body=store.get(base))
parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
store.client.create_multipart_upload(Bucket=store.bucket, Key=half)
store.client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts)
"""
FORGET = """
import sys
from steps.store import open_store

_, prefixes, url = sys.argv
store = open_store(url)
for prefix in prefixes.split(","):
    for entry in list(store.list(prefix)):
        store.delete(entry.key)
"""


def put(*changes: tuple[str, str, str]) -> None:
    """Write copies of archives: `(key, archive that it is a copy of, comment that makes it another)`, in this order."""
    in_pod(PUT, json.dumps(changes), bucket())


def put_in_parts(base: str, key: str, unfinished: str) -> None:
    """Copy the archive `base` to `key` in a multipart upload, and begin one at `unfinished` that never ends."""
    in_pod(PARTS, base, key, unfinished, bucket())


def forget(*prefixes: str, place: str = "") -> None:
    """Delete everything that begins with one of `prefixes` in the store at `place`, the site's bucket unless it is given."""
    in_pod(FORGET, ",".join(prefixes), place or bucket())


def bucket() -> str:
    """Return the URL of the site's bucket."""
    return f"s3://{site().bucket}"


@contextmanager
def released() -> Iterator[Site]:
    """Release this site's templates under a version of their own; afterwards the aliases are what they were."""
    here = site().model_copy(update={"revision": secrets.randbelow(10**6) + 1})
    cluster = connect()
    templates = [Template(one.name, one.version, one.document) for one in build_workflows(here)]
    before = {one.alias: cluster.get(API, TEMPLATE, one.alias) for one in templates}
    carry_out(cluster, plan(cluster, templates, (), NAMESPACE))
    try:
        yield here
    finally:
        for template in templates:
            cluster.delete(API, TEMPLATE, template.name)
            _restore(cluster, template.alias, before[template.alias])


def _restore(cluster: Cluster, alias: str, document: dict[str, Any] | None) -> None:
    cluster.delete(API, TEMPLATE, alias)
    if document:
        metadata = {key: document["metadata"].get(key, {}) for key in ("labels", "annotations")}
        cluster.create({**document, "metadata": {"name": alias, **metadata}})


@contextmanager
def schedule(every: str, parameters: dict[str, str]) -> Iterator[str]:
    """Run `retrain` again and again with `parameters`, from its CronWorkflow with another schedule; yield its name."""
    document = json.loads(json.dumps(build_schedules(site())[0].document))
    name = f"retrain-{secrets.token_hex(4)}"
    document["metadata"]["name"] = name
    arguments = [{"name": key, "value": value} for key, value in parameters.items()]
    document["spec"] |= {"schedules": [every], "successfulJobsHistoryLimit": 20, "failedJobsHistoryLimit": 20}
    document["spec"]["workflowSpec"]["arguments"] = {"parameters": arguments}
    kubectl("create", "-f", "-", text=json.dumps(document))
    try:
        yield name
    finally:
        kubectl("delete", "cronworkflow", name, "--ignore-not-found")


@contextmanager
def listening(parameters: dict[str, str]) -> Iterator[str]:
    """Install the EventSource and the Sensor of the overlay under a name of their own, and yield that name."""
    name = f"datasets-{secrets.token_hex(4)}"
    documents = [_placed(one, name, parameters) for one in _kustomized()]
    text = yaml.safe_dump_all(documents)
    kubectl("apply", "-f", "-", text=text)
    try:
        wait_for_pod(f"eventsource-name={name}", "started listening to bucket notifications")
        wait_for_pod(f"sensor-name={name}", "started subscribing to events")
        yield name
    finally:
        # The bus last: what is connected to it must say goodbye first, or hangs in its finalizer.
        for kind in ("sensor", "eventsource", "eventbus"):
            kubectl("delete", kind, name, "--ignore-not-found", "--timeout=60s", timeout_s=70)


def wait_for_pod(label: str, said: str) -> None:
    """Wait until the pod with `label` has said that it is connected."""

    def log() -> str:
        try:
            return kubectl("logs", "-l", label, "--tail=-1")
        except ClusterError:  # Its container is being created.
            return ""

    told = f"pod {label} that {said}"
    await_that(told, lambda: said in log(), 120, lambda: kubectl("describe", "pods", "-l", label) + log())


def await_that(what: str, met: Callable[[], Any], deadline_s: float, explain: Callable[[], str] = str) -> Any:
    """Return what `met` returns as soon as it is true.

    Raises:
        ClusterError: If it is not within `deadline_s`; it says what `explain` returns.
    """
    due = time.monotonic() + deadline_s
    while True:
        found = met()
        if found:
            return found
        if time.monotonic() > due:
            raise ClusterError(f"no {what} within {deadline_s} s\n{explain()}")
        time.sleep(1)


def checks_of(source: str) -> list[dict[str, Any]]:
    """Return the runs of `retrain` for `source`, the oldest first."""
    found = json.loads(kubectl("get", "workflows", "-l", f"{ORIGIN}=retrain", "-o", "json"))["items"]
    mine = [one for one in found if given(one).get("source") == source]
    return sorted(mine, key=lambda one: str(one["metadata"]["creationTimestamp"]))


def trainings_of(name: str) -> list[dict[str, Any]]:
    """Return the runs of `train-detector` that `retrain` started for the data set `name`, the oldest first."""
    found = json.loads(kubectl("get", "workflows", "-l", f"{ORIGIN}=train-detector", "-o", "json"))["items"]
    mine = [one for one in found if one["metadata"]["name"].startswith(f"train-{name}-")]
    return sorted(mine, key=lambda one: str(one["metadata"]["creationTimestamp"]))


def delete(runs: list[dict[str, Any]]) -> None:
    """Delete Workflows."""
    for run in runs:
        kubectl("delete", "workflow", run["metadata"]["name"], "--ignore-not-found", "--wait=false")


def given(workflow: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that a Workflow was submitted with."""
    parameters = workflow["spec"].get("arguments", {}).get("parameters", [])
    return {one["name"]: one.get("value", "") for one in parameters}


def verdict(workflow: dict[str, Any]) -> str:
    """Return what the check of a run of `retrain` found."""
    outputs = [node.get("outputs", {}) for node in (workflow["status"].get("nodes") or {}).values()]
    parameters = [one for output in outputs for one in output.get("parameters", ())]
    return next((str(one["value"]) for one in parameters if one["name"] == "verdict"), "")


def all_ended(runs: list[dict[str, Any]]) -> bool:
    """Tell whether there are runs, and all have ended."""
    return bool(runs) and all(phase(one) in {"Succeeded", "Failed", "Error"} for one in runs)


def explain(runs: list[dict[str, Any]]) -> str:
    """Return what kubectl tells of runs that did not do what they should."""
    return "\n".join(describe(one["metadata"]["name"]) for one in runs[-3:])


def _kustomized() -> list[dict[str, Any]]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(OVERLAY)], capture_output=True, text=True, check=True, timeout=60
    )
    return list(yaml.safe_load_all(done.stdout))


def _placed(document: dict[str, Any], name: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return `document` for this cluster's namespace and store, under `name`."""
    spec = document["spec"]
    document["metadata"] |= {"name": name, "namespace": NAMESPACE}
    if document["kind"] == "EventSource":
        secret = json.loads(kubectl("get", "secret", site().store_secret, "-o", "json"))["data"]
        endpoint = urlsplit(base64.b64decode(secret["AWS_ENDPOINT_URL_S3"]).decode())
        here = {"endpoint": endpoint.netloc, "insecure": endpoint.scheme == "http", "bucket": {"name": site().bucket}}
        spec["minio"]["uploaded"] |= here
        spec["eventBusName"] = name
    if document["kind"] == "Sensor":
        spec["eventBusName"] = name
        spec["dependencies"][0]["eventSourceName"] = name
        arguments = spec["triggers"][0]["template"]["k8s"]["source"]["resource"]["spec"]["arguments"]
        arguments["parameters"] += [{"name": key, "value": value} for key, value in parameters.items()]
    return document
