"""The pod of a server, the same for every target: restricted, read-only, and patient when it is told to stop."""

from typing import Any, Final

from steps.deploy.cluster.settings import PORT, Settings

CONTAINER: Final = "kserve-container"
"""KServe looks for this name; a Deployment may as well have it."""

LEAVE_S: Final = 5
"""Seconds that a server goes on answering after it was told to stop: so long may others still send to it."""

GRACE_S: Final = 30
"""Seconds from then on for requests in flight. The server itself takes 20."""

USER: Final = 8737
MODEL_FOLDER: Final = "/mnt/models"
START_S: Final = 120


def server_pod(settings: Settings) -> dict[str, Any]:
    """Return the pod's spec, without labels."""
    inputs = settings.inputs
    pod: dict[str, Any] = {
        "terminationGracePeriodSeconds": LEAVE_S + GRACE_S,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(settings)],
        "volumes": [{"name": "work", "emptyDir": {}}],
    }
    if inputs.service_account:
        pod["serviceAccountName"] = inputs.service_account
    if inputs.serving_gpus:
        pod["nodeSelector"] = dict(label.split("=", 1) for label in inputs.node_selector.split(",") if label)
        pod["tolerations"] = [_toleration(taint) for taint in inputs.tolerations.split(",") if taint]
    return pod


def _toleration(taint: str) -> dict[str, str]:
    """Return the toleration of a taint in the notation of `kubectl taint`: `key:effect`, or `key=value:effect`."""
    head, _, effect = taint.partition(":")
    key, equal, value = head.partition("=")
    toleration = {"key": key, "operator": "Equal" if equal else "Exists", "value": value, "effect": effect}
    return {name: text for name, text in toleration.items() if text}


def _container(settings: Settings) -> dict[str, Any]:
    inputs = settings.inputs
    gpus = {inputs.gpu_resource: str(inputs.serving_gpus)} if inputs.serving_gpus else {}
    environment = {"STEP_WORK": "/work", "HOME": "/work", "TMPDIR": "/work"}
    if inputs.model_source == "storage-initializer":
        environment["STORAGE_URI"] = settings.url
    return {
        "name": CONTAINER,
        "image": inputs.image,
        "command": ["python", "-m", "steps"],
        "args": server_flags(settings),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "envFrom": [{"secretRef": {"name": inputs.store_secret, "optional": True}}],
        "ports": [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in server_ports(settings).items()
        ],
        "resources": {
            "requests": {"cpu": inputs.cpu, "memory": inputs.memory, **gpus},
            "limits": {"memory": inputs.memory_limit, **gpus},
        },
        "startupProbe": _probe("/readyz", every_s=1, failures=START_S),
        "readinessProbe": _probe("/readyz", every_s=2, failures=3),
        "livenessProbe": _probe("/healthz", every_s=10, failures=6),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }


def server_ports(settings: Settings) -> dict[str, int]:
    """Return the ports of a server by name."""
    grpc = settings.flags.grpc_port
    return {"http": PORT, **({"grpc": grpc} if grpc > 0 else {})}


def server_flags(settings: Settings) -> list[str]:
    """Return the words after `python -m steps`: one version, pinned, so that what runs is what was asked for."""
    inputs = settings.inputs
    if inputs.model_source == "storage-initializer":
        source = [f"--model-folder={MODEL_FOLDER}"]
    else:
        source = [f"--registry={inputs.registry}", f"--version={settings.version}"]
    return [
        "serve",
        *source,
        f"--model-name={inputs.model_name}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--linger-seconds={LEAVE_S}",
        *settings.flags.words,
    ]


def _probe(path: str, *, every_s: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT, "scheme": "HTTP"},
        "periodSeconds": every_s,
        "timeoutSeconds": 3,
        "successThreshold": 1,
        "failureThreshold": failures,
    }
