"""An installation of its own for tests: one namespace, with the MinIO of the dev overlay in it."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from workflows.cluster.kustomize import OVERLAYS

DEADLINE_S = 420
AWS = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_PROFILE")
MINIO = ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
ON_NO_CLAIM = [
    {
        "target": {"kind": "PersistentVolumeClaim", "name": "minio"},
        "patch": '{"$patch": "delete", "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "minio"}}',
    },
    {
        "target": {"kind": "Deployment", "name": "minio"},
        "patch": '[{"op": "replace", "path": "/spec/template/spec/volumes/0", "value": {"name": "data", "emptyDir": {}}}]',
    },
]
"""For clusters without a default StorageClass, which kind has: MinIO then keeps its data in the pod."""


@dataclass(frozen=True)
class Installation:
    """A namespace, and the overlay that is installed there."""

    namespace: str
    overlay: Path

    def argosight(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run `argosight` for this namespace, with no store in the environment but what is given."""
        command = [sys.executable, "-m", "workflows.cli", *words, f"--namespace={self.namespace}"]
        return run(command, environment)

    def bootstrap(self, *words: str, **environment: str) -> str:
        """Install, and return what was printed."""
        done = self.argosight("bootstrap", f"--overlay={self.overlay}", "--no-templates", *words, **environment)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{self.describe()}"
        return done.stdout

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return kubectl("-n", self.namespace, *words, text=text)

    def describe(self) -> str:
        """Return what kubectl tells of the pods, for whom a test failed."""
        return self.kubectl("describe", "pods")


def kubectl(*words: str, text: str | None = None) -> str:
    """Run kubectl and return what it prints."""
    command = ["kubectl", "--request-timeout=60s", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


def read(*words: str) -> dict[str, Any]:
    """Return an object as kubectl reads it."""
    document: dict[str, Any] = json.loads(kubectl("get", *words, "-o", "json"))
    return document


def run(command: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command with no store in its environment but what is given."""
    clean = {key: value for key, value in os.environ.items() if key not in (*AWS, *MINIO)}
    return subprocess.run(
        command, capture_output=True, text=True, env=clean | dict(environment), timeout=DEADLINE_S, check=False
    )


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """Give a name and an overlay; the namespace goes at the end."""
    if not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip("KUBECONFIG is not set, or kubectl is not on the PATH")
    name = f"argosight-install-{secrets.token_hex(3)}"
    overlay = write_overlay(folder, OVERLAYS / "dev", patches=[] if _has_storage_class() else ON_NO_CLAIM)
    try:
        yield Installation(name, overlay)
    finally:
        kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")


def write_overlay(folder: Path, parent: Path, **more: Any) -> Path:
    """Write a kustomization on top of `parent` and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    resources = [os.path.relpath(parent.resolve(), folder.resolve())]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": resources, **more}), encoding="utf-8")
    return folder


def _has_storage_class() -> bool:
    mark = "storageclass.kubernetes.io/is-default-class"
    classes = read("storageclasses")["items"]
    return any(one["metadata"].get("annotations", {}).get(mark) == "true" for one in classes)
