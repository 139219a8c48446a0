"""A version as a KServe InferenceService with our own container."""

from typing import Any, Final

from steps.deploy.cluster.pod import server_pod
from steps.deploy.cluster.settings import DEPLOYED, STABLE, Settings, digest_of

Manifest = dict[str, Any]
PREFIX: Final = "serving.kserve.io"


def inference_service(settings: Settings, *, fresh: str = "") -> Manifest:
    """Return the InferenceService that gives all requests to this version.

    Args:
        settings: The version, and how to serve it.
        fresh: A text that makes a new revision of the same version; for Knative, whose pods may all have gone.
    """
    labels = settings.labels(STABLE)
    predictor = _predictor(settings, fresh)
    annotations: dict[str, str] = {f"{PREFIX}/deploymentMode": settings.inputs.kserve_mode}
    if settings.inputs.kserve_mode == "Standard":
        # Said in any case: what is not said is taken from the cluster's configuration, which others may change.
        annotations[f"{PREFIX}/autoscalerClass"] = "hpa" if settings.scales else "none"
    return {
        "apiVersion": f"{PREFIX}/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": settings.name,
            # KServe copies these to the pods, so they are the pods' own.
            "labels": {**labels, DEPLOYED: predictor["labels"][DEPLOYED]},
            "annotations": annotations,
        },
        "spec": {"predictor": predictor},
    }


def knative_canary(settings: Settings, percent: int, *, fresh: str) -> Manifest:
    """Return the InferenceService whose newest revision gets `percent` of the requests; the last good one has the rest."""
    manifest = inference_service(settings, fresh=fresh)
    manifest["spec"]["predictor"]["canaryTrafficPercent"] = percent
    return manifest


def _predictor(settings: Settings, fresh: str) -> dict[str, Any]:
    inputs, pod = settings.inputs, server_pod(settings)
    labels = settings.labels(STABLE)
    predictor: dict[str, Any] = {"minReplicas": inputs.min_replicas, "maxReplicas": settings.max_replicas}
    if settings.scales:
        predictor |= {"scaleMetric": settings.metric, "scaleTarget": settings.scale_target}
    if inputs.kserve_mode == "Standard":
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        predictor["deploymentStrategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}
    else:
        _suit_knative(pod)
    deployed = digest_of([pod, labels, predictor, fresh])
    return {**predictor, **pod, "labels": {**labels, DEPLOYED: deployed}}


def _suit_knative(pod: dict[str, Any]) -> None:
    """Leave out what Knative decides itself, and what it takes only with a feature flag that is off by default."""
    del pod["terminationGracePeriodSeconds"]
    security = pod.pop("securityContext")
    del security["fsGroup"]
    for container in pod["containers"]:
        del container["startupProbe"]
        container["securityContext"] |= security
        # The name of a port says its protocol there: h2c or http1.
        container["ports"] = [{**port, "name": "http1"} for port in container["ports"]]
