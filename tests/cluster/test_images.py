"""What is in the images that the cluster's pods get: looked for in such pods, which may write nowhere but where they are told."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.runs import site
from tests.conformance.cluster import kubectl
from tests.images.containers import FOREIGN, PROGRAM, TARGETS

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(700), pytest.mark.usefixtures("cluster")]
DEADLINE_S = 600  # the first pull of train has gigabytes


@contextmanager
def pod(target: str, *command: str) -> Iterator[str]:
    """Run a command in a pod that is as confined as the project's own, its root read-only; yield the pod's name."""
    name = f"image-{target}-{secrets.token_hex(3)}"
    container = {
        "name": "main",
        "image": site().image(target),
        "command": list(command),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "4Gi"}},
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "room", "mountPath": path} for path in ("/work", "/tmp")],
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        # No user is named: the image's own must be a number, or the kubelet refuses.
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "room", "emptyDir": {}}],
    }
    kubectl(
        "create",
        "-f",
        "-",
        text=json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}),
    )
    try:
        yield name
    finally:
        kubectl("delete", "pod", name, "--ignore-not-found", "--wait=false")


def phase_at_the_end(name: str) -> str:
    due = time.monotonic() + DEADLINE_S
    while time.monotonic() < due:
        phase = kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}")
        if phase in {"Succeeded", "Failed"}:
            return phase
        time.sleep(1)
    pytest.fail(f"{name} has not ended in {DEADLINE_S} s\n{kubectl('describe', 'pod', name)}")


@pytest.mark.parametrize("target", TARGETS)
def test_image_has_what_its_steps_need_and_no_more_when_a_pod_looks_inside(target: str) -> None:
    with pod(target, "python", "-c", PROGRAM, target, ",".join(FOREIGN[target])) as name:
        assert phase_at_the_end(name) == "Succeeded", kubectl("logs", name)
        assert f"0 faults in {target}" in kubectl("logs", name)


def test_step_leaves_its_outputs_when_its_root_is_read_only() -> None:
    draw = "python -m steps draw --images=4 --width=64 --height=64 && test -s /work/out/archive"
    with pod("core", "sh", "-c", draw) as name:
        assert phase_at_the_end(name) == "Succeeded", kubectl("logs", name)
