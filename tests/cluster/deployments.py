"""Models to deploy on the cluster, the step that does it, and what it made."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps.registry import Lineage, Registry
from tests.cluster.runs import site
from tests.conformance.cluster import NAMESPACE, ClusterError, kubectl
from tests.factories_model import BOXES, Fixed, write_model

DEADLINE_S = 240
BOXES_OF = (BOXES, (Fixed((1, 1, 30, 30), 1, 0.7),), (Fixed((5, 5, 40, 40), 0, 0.8),))
"""What the versions find, so that answers tell them apart."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of its own in the registry, and what is deployed of it."""

    name: str
    registry: str
    folder: Path

    def publish(self) -> int:
        """Publish one version more, and return its number."""
        registry = Registry.open(self.registry)
        number = len(registry.versions(self.name)) + 1
        model = write_model(self.folder / str(number), boxes=BOXES_OF[number % len(BOXES_OF)])
        archive = self.folder / "results.tar"
        archive.write_bytes(b"")
        lineage = Lineage(run=f"{self.name}-{number}")
        registry.publish(self.name, model, lineage, archive=archive, describe=lambda _manifest: "a test")
        return number

    def deploy(self, *flags: str, timeout_s: int = DEADLINE_S) -> "subprocess.CompletedProcess[str]":
        """Run the `deploy` step here, for the cluster."""
        words = [f"--model-name={self.name}", f"--registry={self.registry}", f"--namespace={NAMESPACE}", *flags]
        return run_step([*SMALL, *words], self.folder / "work", timeout_s)

    def start(self, *flags: str) -> None:
        """Deploy version 1 with `flags`."""
        done = self.deploy("--version=1", *flags)
        assert done.returncode == 0, f"{done.stderr}\n{self.describe()}"

    def argosight(self, command: str, *flags: str) -> "subprocess.CompletedProcess[str]":
        """Run `argosight deploy` or `rollback` for this model."""
        return run(self.words(command, *flags), dict(os.environ))

    def words(self, command: str, *flags: str) -> list[str]:
        """Return the command line of `argosight deploy` or `rollback`. A promotion and a rollback keep the image."""
        keeps_image = command == "rollback" or "--promote" in flags
        image = [] if keeps_image or any(flag.startswith("--image=") for flag in flags) else [SMALL[0]]
        words = [sys.executable, "-m", "workflows.cli", command, self.name, *image, *flags]
        return [*words, f"--registry={self.registry}", f"--namespace={NAMESPACE}"]

    def interrupt(self, mark: str, *flags: str) -> tuple[int, str]:
        """Run `argosight deploy`, press Ctrl-C when it has said `mark`; return its exit code, and what it said then."""
        words = self.words("deploy", *flags)
        # A group of its own, all of which gets the signal, as from a terminal.
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
            assert running.stderr
            try:
                said = next((line for line in running.stderr if mark in line), "")
                os.killpg(running.pid, signal.SIGINT)
                rest = running.communicate(timeout=DEADLINE_S)[1]
            finally:
                running.kill()
            assert said, rest
            return running.returncode, rest

    def output(self, name: str) -> str:
        """Return an output of the last `deploy`."""
        return (self.folder / "work" / "out" / name).read_text()

    def served(self) -> list[str]:
        """Return the versions of the servers that get requests, sorted."""
        pods = json.loads(kubectl("get", "pods", "-l", f"app.kubernetes.io/instance={self.name}", "-o", "json"))
        return sorted(
            pod["metadata"]["labels"]["argosight.dev/model-version"]
            for pod in pods["items"]
            if "deletionTimestamp" not in pod["metadata"]
            and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
        )

    def wait_for(self, *versions: str) -> None:
        """Wait until these are the versions of all servers; others may be on their way out when the step is done."""
        deadline = time.monotonic() + 180
        while self.served() != sorted(versions):
            assert time.monotonic() < deadline, f"{self.served()}\n{self.describe()}"
            time.sleep(0.5)

    def record(self) -> dict[str, Any]:
        """Return what the step keeps beside the service."""
        found = json.loads(kubectl("get", "configmap", f"{self.name}-deployed", "-o", "json"))
        record: dict[str, Any] = json.loads(found["data"]["record.json"])
        return record

    def describe(self) -> str:
        """Return what the cluster says of all that was made."""
        return kubectl("describe", KINDS, "-l", f"app.kubernetes.io/instance={self.name}")[-6000:]


SMALL = (
    f"--image={site().image('serve')}",
    "--cpu=50m",
    "--memory=128Mi",
    f"--store-secret={site().store_secret}",
    "--ready-timeout=120s",
)
KINDS = "deployments.apps,services,horizontalpodautoscalers,configmaps,pods"


@contextlib.contextmanager
def a_model(folder: Path, *, versions: int = 1) -> Iterator[Model]:
    """Publish `versions` of a new model, and remove it and what was deployed of it afterwards."""
    model = Model(f"test-{secrets.token_hex(3)}", f"s3://{site().bucket}/models", folder)
    try:
        for _ in range(versions):
            model.publish()
        yield model
    finally:
        labels = f"app.kubernetes.io/instance={model.name}"
        with contextlib.suppress(ClusterError):
            kubectl("delete", "inferenceservices.serving.kserve.io", "-l", labels, "--wait=false")
        kubectl("delete", KINDS, "-l", labels, "--wait=false")
        store = Registry.open(model.registry).store
        for entry in list(store.list(f"{model.name}/")):
            store.delete(entry.key)


@contextlib.contextmanager
def secret_with_keys(model: Model, keys: str) -> Iterator[None]:
    """Make a Secret called like the model, with all of the store's and the API keys `keys`; remove it afterwards."""
    store = json.loads(kubectl("get", "secret", site().store_secret, "-o", "json"))["data"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": model.name},
        "data": store,
        "stringData": {"ARGOSIGHT_API_KEYS": keys},
    }
    try:
        kubectl("apply", "-f", "-", text=json.dumps(secret))
        yield
    finally:
        kubectl("delete", "secret", model.name, "--ignore-not-found")


def run_step(flags: Sequence[str], work: Path, timeout_s: int) -> "subprocess.CompletedProcess[str]":
    """Run `python -m steps deploy`."""
    command = [sys.executable, "-m", "steps", "deploy", *flags]
    return run(command, {**os.environ, "STEP_WORK": str(work)}, timeout_s)


def run(
    command: Sequence[str], environment: dict[str, str], timeout_s: int = DEADLINE_S
) -> "subprocess.CompletedProcess[str]":
    """Run `command` and return what it said."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False)


def why_absent() -> str:
    """Tell why nothing can be published from here; nothing if it can."""
    return "" if os.environ.get("AWS_ENDPOINT_URL_S3") else "AWS_ENDPOINT_URL_S3 does not name the cluster's store"
