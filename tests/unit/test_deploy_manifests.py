"""What `deploy` asks the cluster for, and what it refuses before it asks."""

from typing import Any

import pytest

from steps.deploy.cluster.deployment import stable_manifests
from steps.deploy.cluster.inference_service import inference_service, knative_canary
from steps.deploy.cluster.settings import Settings, check
from steps.deploy.contract import DeployInputs
from steps.errors import ParameterError


def asked(**given: Any) -> DeployInputs:
    known = {"registry": "s3://argosight/models", "model_name": "planes", "deploy_target": "kserve"}
    return DeployInputs.model_validate(known | given)


def settings(**given: Any) -> Settings:
    return Settings(asked(**given), 3, "s3://argosight/models/planes/3")


def test_servers_may_all_go_when_knative_scales_to_zero() -> None:
    wished = settings(kserve_mode="Knative", min_replicas=0, max_replicas=4)
    manifest = inference_service(wished)
    assert manifest["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Knative"}
    predictor = manifest["spec"]["predictor"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (0, 4)
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("concurrency", 4)


def test_knative_gets_nothing_that_needs_its_feature_flags() -> None:
    predictor = inference_service(settings(kserve_mode="Knative"))["spec"]["predictor"]
    assert not {"securityContext", "terminationGracePeriodSeconds", "deploymentStrategy"} & predictor.keys()
    (container,) = predictor["containers"]
    assert "startupProbe" not in container
    assert [port["name"] for port in container["ports"]] == ["http1"]
    assert container["securityContext"]["runAsUser"] == 8737
    assert container["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("mode", ["Standard", "Knative"])
def test_servers_go_where_gpus_are_when_they_ask_for_one(mode: str) -> None:
    wished = settings(kserve_mode=mode, serving_gpus=1, node_selector="accelerator=nvidia,zone=a")
    predictor = inference_service(wished)["spec"]["predictor"]
    assert predictor["nodeSelector"] == {"accelerator": "nvidia", "zone": "a"}
    assert predictor["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    there = settings(serving_gpus=1, tolerations="gpu=big:NoExecute,pool:,:NoSchedule")
    assert inference_service(there)["spec"]["predictor"]["tolerations"] == [
        {"key": "gpu", "operator": "Equal", "value": "big", "effect": "NoExecute"},
        {"key": "pool", "operator": "Exists"},
        {"operator": "Exists", "effect": "NoSchedule"},
    ]
    resources = predictor["containers"][0]["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == "1"


def test_autoscaler_is_switched_off_when_the_number_is_fixed() -> None:
    fixed, scaled = (inference_service(settings(max_replicas=most)) for most in (0, 3))
    assert fixed["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "none"
    assert scaled["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "hpa"


def test_canary_gets_its_share_when_knative_splits() -> None:
    knative = knative_canary(settings(kserve_mode="Knative"), 10, fresh="")
    assert knative["spec"]["predictor"]["canaryTrafficPercent"] == 10


def test_model_is_fetched_by_kserve_when_its_initializer_is_asked_for() -> None:
    predictor = inference_service(settings(model_source="storage-initializer", service_account="models"))["spec"][
        "predictor"
    ]
    assert predictor["serviceAccountName"] == "models"
    (container,) = predictor["containers"]
    assert {"name": "STORAGE_URI", "value": "s3://argosight/models/planes/3"} in container["env"]
    assert "--model-folder=/mnt/models" in container["args"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"min_replicas": 0}, "KServe's Standard mode keeps at least one server"),
        ({"deploy_target": "deployment", "min_replicas": 0}, "a Deployment keeps at least one server"),
        ({"min_replicas": 3, "max_replicas": 2}, "--min-replicas=3 is more than --max-replicas=2"),
        ({"scale_metric": "concurrency"}, "KServe's Standard mode scales by cpu or memory"),
        ({"kserve_mode": "Knative", "scale_metric": "cpu"}, "KServe's Knative mode scales by concurrency or rps"),
        ({"canary": 10}, "KServe's Standard mode splits requests for its own runtimes only"),
        ({"registry": "/models"}, "cannot read a folder of this machine"),
        ({"deploy_target": "deployment", "model_source": "storage-initializer"}, "only KServe has one"),
        ({"model_name": "3d"}, "'3d' cannot name a service"),
        ({"server_flags": "--grpc-port=0"}, "gRPC needs a port of its own"),
        ({"server_flags": "--grpc-port=8080"}, "gRPC needs a port of its own"),
        ({"kserve_mode": "Knative", "server_flags": "--grpc-port=8081"}, "Knative opens one port"),
        ({"server_flags": "--max-batch=0"}, "--max-batch='0': input should be greater than or equal to 1"),
    ],
)
def test_wish_is_refused_when_the_target_cannot_do_it(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ParameterError, match=why) as caught:
        check(asked(**given))
    assert caught.value.hint


def test_server_gets_more_flags_and_a_port_when_they_ask_for_grpc() -> None:
    wished = settings(deploy_target="deployment", server_flags="--grpc-port=8081 --capture-classes='big plane'")
    service, deployment = stable_manifests(wished)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"][-2:] == ["--grpc-port=8081", "--capture-classes=big plane"]
    assert [(one["name"], one["containerPort"]) for one in container["ports"]] == [("http", 8080), ("grpc", 8081)]
    ports = [(one["name"], one["port"], one["targetPort"]) for one in service["spec"]["ports"]]
    assert ports == [("http", 80, 8080), ("grpc", 8081, 8081)]
