"""InferenceServices of every mode against the schema and the webhooks of the cluster's KServe; nothing is made."""

import json
from typing import Any

import pytest

from steps.deploy.cluster.inference_service import inference_service, knative_canary
from steps.deploy.cluster.settings import Settings
from steps.deploy.contract import DeployInputs
from tests.conformance.cluster import ClusterError, kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]


def settings(**given: Any) -> Settings:
    known = {"registry": "s3://argosight/models", "model_name": "planes", "deploy_target": "kserve"}
    return Settings(DeployInputs.model_validate(known | given), 3, "s3://argosight/models/planes/3")


ZERO = settings(kserve_mode="Knative", min_replicas=0, max_replicas=4, scale_metric="rps", scale_target=20)
GPU = {"serving_gpus": 1, "node_selector": "accelerator=nvidia", "service_account": "default"}
MANIFESTS = {
    "standard": inference_service(settings(max_replicas=4, scale_metric="memory")),
    "standard-grpc": inference_service(settings(server_flags="--grpc-port=8081")),
    "standard-gpu": inference_service(settings(**GPU)),
    "initializer": inference_service(settings(model_source="storage-initializer")),
    "knative-to-zero": inference_service(ZERO),
    "knative-gpu": inference_service(settings(kserve_mode="Knative", **GPU)),
    "knative-canary": knative_canary(ZERO, 10, fresh="again"),
}


def taken(manifest: dict[str, Any]) -> dict[str, Any]:
    words = ("create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-")
    document: dict[str, Any] = json.loads(kubectl(*words, text=json.dumps(manifest)))
    return document


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_taken_whole_when_kserve_checks_it(name: str) -> None:
    spec = taken(MANIFESTS[name])["spec"]
    assert (
        spec["predictor"].items()
        >= {key: MANIFESTS[name]["spec"]["predictor"][key] for key in ("minReplicas", "maxReplicas", "labels")}.items()
    )


def test_a_slip_would_be_seen() -> None:
    slipped = {
        **MANIFESTS["knative-canary"],
        "spec": {"predictor": {**MANIFESTS["knative-to-zero"]["spec"]["predictor"], "canaryTrafficPercents": 10}},
    }
    with pytest.raises(ClusterError, match="canaryTrafficPercents"):
        taken(slipped)
