"""A version as a plain Deployment behind a Service; its canary is a second Deployment behind the same one."""

from typing import Any

from steps.deploy.cluster.pod import server_pod, server_ports
from steps.deploy.cluster.settings import CANARY, DEPLOYED, INSTANCE, STABLE, TRACK, Settings, digest_of

Manifest = dict[str, Any]

PROTOCOLS = {
    "http": {"name": "http", "appProtocol": "http"},
    "grpc": {"name": "grpc", "appProtocol": "kubernetes.io/h2c"},
}


def stable_manifests(settings: Settings) -> list[Manifest]:
    """Return Service, Deployment and, where the number of servers changes by itself, its autoscaler."""
    manifests = [service(settings), _deployment(settings, STABLE, settings.inputs.min_replicas)]
    return [*manifests, _autoscaler(settings)] if settings.scales else manifests


def canary_manifest(settings: Settings, replicas: int) -> Manifest:
    """Return the Deployment of the canary, with a fixed number of servers."""
    return _deployment(settings, CANARY, replicas)


def canary_replicas(stable: int, percent: int) -> int:
    """Return how many servers beside `stable` others get nearest to `percent` of the requests, one at least.

    A Service spreads connections evenly over pods, so the share is that of the pods: with few pods it is coarse.
    """
    return max(1, round(stable * percent / (100 - percent)))


def service_url(name: str, namespace: str) -> str:
    """Return where the Service is reached in the cluster."""
    return f"http://{name}.{namespace}.svc"


def service(settings: Settings) -> Manifest:
    """Return the Service of all servers, whatever they belong to: a change of the target does not change the address."""
    # Without version and track: the Service stays as it is from one version to the next.
    labels = {name: value for name, value in settings.labels(STABLE).items() if name.startswith("app.kubernetes.io/")}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": settings.name, "labels": labels},
        "spec": {
            "selector": {INSTANCE: settings.name, "app.kubernetes.io/name": labels["app.kubernetes.io/name"]},
            "ports": [
                {"port": 80 if name == "http" else port, "targetPort": port, "protocol": "TCP", **PROTOCOLS[name]}
                for name, port in server_ports(settings).items()
            ],
        },
    }


def _deployment(settings: Settings, track: str, replicas: int) -> Manifest:
    pod = server_pod(settings)
    labels = settings.labels(track)
    deployed = {DEPLOYED: digest_of([pod, labels])}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": settings.name if track == STABLE else f"{settings.name}-{track}",
            "labels": {**labels, **deployed},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {INSTANCE: settings.name, TRACK: track}},
            # One more before one less: there are never fewer servers than asked for.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "revisionHistoryLimit": 3,
            "template": {"metadata": {"labels": {**labels, **deployed}}, "spec": pod},
        },
    }


def _autoscaler(settings: Settings) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": settings.scale_target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": settings.name, "labels": settings.labels(STABLE)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": settings.name},
            "minReplicas": settings.inputs.min_replicas,
            "maxReplicas": settings.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": settings.metric, "target": target}}],
        },
    }
